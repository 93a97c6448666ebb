-- What stores said and what became of it. Without the ids of persons: those are digests, in the log alone.
CREATE TABLE read.store_events (
    event_id    text COLLATE "C" PRIMARY KEY,
    account_id  uuid NOT NULL,
    -- Null while nobody knows whose it is.
    reseller_id uuid,
    tenant_id   uuid,
    event_type  text NOT NULL,
    store       text NOT NULL,
    product     text,
    transaction text,
    sandbox     boolean NOT NULL,
    at          timestamptz NOT NULL,
    known_at    timestamptz NOT NULL,
    -- Why it waits; null where it does not.
    hold        text,
    -- Its place in the list.
    log_xid     bigint NOT NULL,
    log_position bigint NOT NULL
);
CREATE INDEX store_events_newest ON read.store_events (log_xid DESC, log_position DESC);
CREATE INDEX store_events_of_reseller ON read.store_events (reseller_id, log_xid DESC, log_position DESC);
CREATE INDEX store_events_that_wait ON read.store_events (log_xid DESC, log_position DESC) WHERE hold IS NOT NULL;
CREATE INDEX store_events_of_account ON read.store_events (account_id);

CREATE TABLE read.store_transactions (
    sale_id         uuid PRIMARY KEY,
    reseller_id     uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    event_id        text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('sale', 'refund', 'refund_reversed')),
    store           text NOT NULL,
    product         text NOT NULL,
    transaction     text NOT NULL,
    currency        text NOT NULL,
    gross_minor     bigint NOT NULL,
    tax_minor       bigint NOT NULL,
    store_cut_minor bigint NOT NULL,
    sold_at         timestamptz NOT NULL,
    reverses        uuid,
    log_xid         bigint NOT NULL,
    log_position    bigint NOT NULL
);
CREATE INDEX store_transactions_newest ON read.store_transactions (log_xid DESC, log_position DESC);
CREATE INDEX store_transactions_of_reseller
    ON read.store_transactions (reseller_id, log_xid DESC, log_position DESC);

-- Differences between what events told and what the store answered.
CREATE TABLE read.store_drifts (
    log_xid      bigint NOT NULL,
    log_position bigint NOT NULL,
    number       int NOT NULL,
    reseller_id  uuid,
    tenant_id    uuid,
    account_id   uuid NOT NULL,
    cause        text NOT NULL,
    product      text NOT NULL,
    transaction  text NOT NULL,
    expected     text NOT NULL,
    found        text NOT NULL,
    repaired     boolean NOT NULL,
    known_at     timestamptz NOT NULL,
    PRIMARY KEY (log_xid, log_position, number)
);
CREATE INDEX store_drifts_of_reseller ON read.store_drifts (reseller_id, log_xid DESC, log_position DESC);

CREATE TABLE read.store_products (
    product     text COLLATE "C" PRIMARY KEY,
    reseller_id uuid CHECK (reseller_id IS NULL),
    tenant_id   uuid CHECK (tenant_id IS NULL),
    version     bigint NOT NULL,
    tier        text NOT NULL,
    days        bigint,
    since       timestamptz NOT NULL,
    retired     boolean NOT NULL
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['store_events', 'store_transactions', 'store_drifts', 'store_products'] LOOP
        EXECUTE format('ALTER TABLE read.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY fold ON read.%I TO stentor_projections USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT ON read.%I TO stentor_read', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON read.%I TO stentor_projections', name);
        -- What products mean belongs to nobody; whoever sells reads it.
        IF name = 'store_products' THEN
            EXECUTE format('CREATE POLICY scope ON read.%I FOR SELECT TO stentor_read
                USING (current_setting(''stentor.scope'', true) IN (''platform'', ''reseller''))', name);
        ELSE
            EXECUTE format('CREATE POLICY scope ON read.%I FOR SELECT TO stentor_read
                USING (read.visible(reseller_id, tenant_id))', name);
        END IF;
    END LOOP;
END $$;
