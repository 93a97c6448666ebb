-- The event log. Append-only: corrections are further events.
CREATE SCHEMA es;

CREATE TABLE es.events (
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    sequence       bigint NOT NULL CHECK (sequence > 0),
    event_type     text NOT NULL,
    event_version  text NOT NULL,
    payload        jsonb NOT NULL,
    metadata       jsonb NOT NULL CHECK (metadata ? 'tenant_id'),
    position       bigint GENERATED ALWAYS AS IDENTITY,
    xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    tenant_id      text COLLATE "C" GENERATED ALWAYS AS (metadata ->> 'tenant_id') STORED,
    -- The optimistic lock: two writers of one sequence cannot both commit.
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
CREATE UNIQUE INDEX events_feed ON es.events (xid, position);
ALTER TABLE es.events SET (autovacuum_vacuum_insert_scale_factor = 0.02);

-- One receipt per command that was carried out: what repeats it answers the same, what abuses its key is refused.
CREATE TABLE es.commands (
    command_id  uuid PRIMARY KEY,
    tenant_id   text NOT NULL,
    fingerprint bytea NOT NULL,
    outcome     jsonb NOT NULL,
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Names that only one stream may hold (e-mail addresses as keyed digests), claimed with the append.
CREATE TABLE es.claims (
    kind           text NOT NULL,
    digest         bytea NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL,
    PRIMARY KEY (kind, digest)
);

-- How far each projection and each reaction has come.
CREATE TABLE es.checkpoints (
    projection    text NOT NULL,
    version       int NOT NULL,
    last_xid      bigint NOT NULL,
    last_position bigint NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, version)
);

-- Keys of persons, wrapped by the master key. Erasing a row erases the person from the log.
CREATE TABLE es.subject_keys (
    subject_id  uuid PRIMARY KEY,
    wrapped_key bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION es.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only: % on % is refused; append a correcting event instead',
        TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON es.events
    FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change();
CREATE TRIGGER commands_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON es.commands
    FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change();
