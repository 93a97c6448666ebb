-- What resellers have agreed on and what sales earn them, folded from the log. All of it is between the platform and
-- a reseller: the tenant that bought is told as customer_id, and no tenant sees a row.

-- One row per version of a contract. The first one is the rate of the registration and holds since ever.
CREATE TABLE read.contracts (
    reseller_id  uuid NOT NULL,
    tenant_id    uuid CHECK (tenant_id IS NULL),
    version      bigint NOT NULL CHECK (version > 0),
    kind         text COLLATE "C" NOT NULL,
    valid_from   timestamptz,
    -- Null for as long as nothing else is agreed.
    valid_to     timestamptz,
    terms        jsonb NOT NULL,
    actor_id     uuid,
    known_at     timestamptz NOT NULL,
    log_xid      bigint NOT NULL,
    log_position bigint NOT NULL,
    PRIMARY KEY (reseller_id, version)
);

-- One row per sale, refund, chargeback or reversal of one. Amounts are signed.
CREATE TABLE read.sales (
    sale_id         uuid PRIMARY KEY,
    reseller_id     uuid NOT NULL,
    tenant_id       uuid CHECK (tenant_id IS NULL),
    customer_id     uuid,
    -- The sale that it is about: itself for a sale.
    origin_id       uuid NOT NULL,
    product         text NOT NULL,
    kind            text COLLATE "C" NOT NULL,
    currency        text COLLATE "C" NOT NULL,
    gross_minor     bigint NOT NULL,
    tax_minor       bigint NOT NULL,
    store_cut_minor bigint NOT NULL,
    sold_at         timestamptz NOT NULL,
    known_at        timestamptz NOT NULL,
    event_type      text NOT NULL,
    command_id      uuid NOT NULL,
    -- Counted from 1 in the order of the log; the same in every copy of it.
    fact            bigint NOT NULL UNIQUE CHECK (fact > 0),
    log_xid         bigint NOT NULL,
    log_position    bigint NOT NULL
);
CREATE INDEX sales_of_reseller ON read.sales (reseller_id, sold_at DESC, sale_id DESC);
CREATE INDEX sales_of_origin ON read.sales (origin_id, log_xid, log_position);

-- One row per reseller that shares in one of these. reseller_id is who earns, seller_id whose customer bought.
CREATE TABLE read.commission_lines (
    sale_id          uuid NOT NULL,
    line             int NOT NULL CHECK (line > 0),
    reseller_id      uuid NOT NULL,
    tenant_id        uuid CHECK (tenant_id IS NULL),
    seller_id        uuid NOT NULL,
    origin_id        uuid NOT NULL,
    product          text NOT NULL,
    kind             text COLLATE "C" NOT NULL,
    currency         text COLLATE "C" NOT NULL,
    contract_version bigint NOT NULL,
    basis            text COLLATE "C" NOT NULL,
    rate             numeric NOT NULL,
    volume_from_minor    bigint,
    volume_reached_minor bigint,
    basis_minor      bigint NOT NULL,
    gained_minor     bigint NOT NULL,
    passed_on_minor  bigint NOT NULL,
    amount_minor     bigint NOT NULL,
    -- What rounding left off, in millionths of a minor unit.
    remainder_micro  bigint NOT NULL,
    sold_at          timestamptz NOT NULL,
    -- When the sale was made that it is about.
    origin_at        timestamptz NOT NULL,
    known_at         timestamptz NOT NULL,
    command_id       uuid NOT NULL,
    fact             bigint NOT NULL,
    log_xid          bigint NOT NULL,
    log_position     bigint NOT NULL,
    PRIMARY KEY (sale_id, line)
);
CREATE INDEX commission_lines_newest ON read.commission_lines (sold_at DESC, sale_id DESC, line DESC);
CREATE INDEX commission_lines_of_reseller
    ON read.commission_lines (reseller_id, sold_at DESC, sale_id DESC, line DESC);
CREATE INDEX commission_lines_of_origin ON read.commission_lines (origin_id, line, log_xid, log_position);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['contracts', 'sales', 'commission_lines'] LOOP
        EXECUTE format('ALTER TABLE read.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY fold ON read.%I TO stentor_projections USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY scope ON read.%I FOR SELECT TO stentor_read
            USING (read.visible(reseller_id, tenant_id))', name);
        EXECUTE format('GRANT SELECT ON read.%I TO stentor_read', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON read.%I TO stentor_projections', name);
    END LOOP;
END $$;
