-- Prices for a time, in several currencies, and for single resellers. The projection's version is raised, so that all
-- rows are folded again.
TRUNCATE read.packs;
DELETE FROM es.checkpoints WHERE projection = 'packs';

ALTER TABLE read.packs
    DROP CONSTRAINT packs_pkey,
    DROP CONSTRAINT packs_reseller_id_check,
    -- The list's stream: everybody's, or a reseller's id.
    ADD COLUMN list        text COLLATE "C" NOT NULL,
    -- -infinity where the price was always there.
    ADD COLUMN valid_from  timestamptz NOT NULL,
    ADD COLUMN valid_until timestamptz,
    ADD PRIMARY KEY (list, code, currency, valid_from);

-- Everybody's prices belong to nobody; whoever buys or sells credits reads them. A reseller's own are its own.
DROP POLICY scope ON read.packs;
CREATE POLICY scope ON read.packs FOR SELECT TO stentor_read
    USING (current_setting('stentor.scope', true) IN ('platform', 'reseller')
           AND (reseller_id IS NULL OR read.visible(reseller_id, tenant_id)));
