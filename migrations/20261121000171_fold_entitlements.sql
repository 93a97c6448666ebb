-- What decides what a customer may do, folded from the log: a row per customer, per reseller, and one each for the
-- hierarchy and the tiers. A process keeps them in memory and asks for what lies behind the position that it knows.
CREATE TABLE read.entitlement_states (
    kind         text COLLATE "C" NOT NULL CHECK (kind IN ('customer', 'reseller', 'hierarchy', 'tiers')),
    id           uuid NOT NULL,
    reseller_id  uuid,
    tenant_id    uuid,
    state        jsonb NOT NULL,
    -- Of the last event in it.
    log_xid      bigint NOT NULL,
    log_position bigint NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX entitlement_states_changed ON read.entitlement_states (log_xid, log_position);

-- What was used when: a row per fact. Days and months are their sums.
CREATE TABLE read.usage_entries (
    log_xid       bigint NOT NULL,
    log_position  bigint NOT NULL,
    reseller_id   uuid,
    tenant_id     uuid NOT NULL,
    at            timestamptz NOT NULL,
    storage_bytes bigint NOT NULL,
    audio_ms      bigint NOT NULL,
    translated_ms bigint NOT NULL,
    jobs          bigint NOT NULL,
    workflows     bigint NOT NULL,
    PRIMARY KEY (log_xid, log_position)
);
CREATE INDEX usage_entries_of_tenant ON read.usage_entries (tenant_id, at);

CREATE TABLE read.usage_days (
    tenant_id     uuid NOT NULL,
    reseller_id   uuid,
    -- In UTC.
    day           date NOT NULL,
    storage_bytes bigint NOT NULL,
    audio_ms      bigint NOT NULL,
    translated_ms bigint NOT NULL,
    jobs          bigint NOT NULL,
    workflows     bigint NOT NULL,
    PRIMARY KEY (tenant_id, day)
);
CREATE INDEX usage_days_of_reseller ON read.usage_days (reseller_id, day);

CREATE TABLE read.usage_months (
    tenant_id     uuid NOT NULL,
    reseller_id   uuid,
    -- Its first day, in UTC.
    day           date NOT NULL,
    storage_bytes bigint NOT NULL,
    audio_ms      bigint NOT NULL,
    translated_ms bigint NOT NULL,
    jobs          bigint NOT NULL,
    workflows     bigint NOT NULL,
    PRIMARY KEY (tenant_id, day)
);
CREATE INDEX usage_months_of_reseller ON read.usage_months (reseller_id, day);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['entitlement_states', 'usage_entries', 'usage_days', 'usage_months'] LOOP
        EXECUTE format('ALTER TABLE read.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY fold ON read.%I TO stentor_projections USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY scope ON read.%I FOR SELECT TO stentor_read
            USING (read.visible(reseller_id, tenant_id))', name);
        EXECUTE format('GRANT SELECT ON read.%I TO stentor_read', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON read.%I TO stentor_projections', name);
    END LOOP;
END $$;

-- A removed recording is listed no longer; its jobs still name it.
ALTER TABLE read.recordings ADD COLUMN removed_at timestamptz;
