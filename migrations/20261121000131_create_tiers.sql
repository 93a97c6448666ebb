-- The tiers in all their versions, as the platform publishes them. Everybody may read them.
CREATE TABLE read.tiers (
    tier            text COLLATE "C" NOT NULL,
    version         bigint NOT NULL CHECK (version > 0),
    reseller_id     uuid CHECK (reseller_id IS NULL),
    tenant_id       uuid CHECK (tenant_id IS NULL),
    name            text NOT NULL,
    rank            bigint NOT NULL,
    credits_per_day bigint NOT NULL CHECK (credits_per_day > 0),
    limits          jsonb NOT NULL,
    effective_at    timestamptz NOT NULL,
    -- Of the tier: not offered to new customers.
    retired         boolean NOT NULL DEFAULT false,
    known_at        timestamptz NOT NULL,
    PRIMARY KEY (tier, version)
);
ALTER TABLE read.tiers ENABLE ROW LEVEL SECURITY;
CREATE POLICY fold ON read.tiers TO stentor_projections USING (true) WITH CHECK (true);
CREATE POLICY scope ON read.tiers FOR SELECT TO stentor_read
    USING (current_setting('stentor.scope', true) IN ('platform', 'reseller', 'tenant'));
GRANT SELECT ON read.tiers TO stentor_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON read.tiers TO stentor_projections;

-- Which tiers there are is data now.
ALTER TABLE read.customers DROP CONSTRAINT customers_tier_check;
ALTER TABLE read.grants DROP CONSTRAINT grants_tier_check;
