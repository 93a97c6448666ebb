-- The hash chain over the log: what every event was when it was recorded, and signed checkpoints of it. It follows
-- the log as a reader and writes nothing in an append's transaction. docs/audit-format.md says what the bytes mean.

-- One row per block of consecutive events. Events are numbered 1, 2, 3 … in the order of the feed.
CREATE TABLE es.chain (
    first_number bigint PRIMARY KEY CHECK (first_number > 0),
    last_number  bigint NOT NULL CHECK (last_number >= first_number),
    -- Per event: its stream as type/id, its place in the stream, its leaf hash (32 bytes), and the beginnings
    -- (8 bytes each) of the hashes of type, version, payload, metadata and recorded_at.
    streams      text[] NOT NULL,
    sequences    bigint[] NOT NULL,
    leaves       bytea NOT NULL,
    fields       bytea NOT NULL,
    -- The chain's head after the last event.
    head         bytea NOT NULL CHECK (octet_length(head) = 32),
    signature    bytea NOT NULL CHECK (octet_length(signature) = 64),
    chained_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (octet_length(leaves) = 32 * (last_number - first_number + 1)),
    CHECK (octet_length(fields) = 40 * (last_number - first_number + 1)),
    CHECK (cardinality(streams) = last_number - first_number + 1),
    CHECK (cardinality(sequences) = last_number - first_number + 1)
);
-- Hashes do not compress.
ALTER TABLE es.chain ALTER COLUMN leaves SET STORAGE EXTERNAL, ALTER COLUMN fields SET STORAGE EXTERNAL;

-- The chain of each tenant's own events: one row per block and tenant.
CREATE TABLE es.tenant_chain (
    -- Number of the tenant's last event in the block.
    last_number bigint PRIMARY KEY,
    tenant_id   text COLLATE "C" NOT NULL,
    -- How many events of the tenant the head stands for.
    events      bigint NOT NULL CHECK (events > 0),
    head        bytea NOT NULL CHECK (octet_length(head) = 32)
);
CREATE UNIQUE INDEX tenant_chain_heads ON es.tenant_chain (tenant_id, last_number DESC);

CREATE TABLE es.audit_checkpoints (
    made_at  timestamptz PRIMARY KEY,
    -- Events that it covers.
    size     bigint NOT NULL CHECK (size >= 0),
    -- Roots of the perfect subtrees of the Merkle tree, largest first: where the next checkpoint goes on.
    frontier bytea NOT NULL,
    -- The signed note, as it is published.
    note     text NOT NULL
);

-- What each `stentor audit verify` found.
CREATE TABLE es.audit_runs (
    run_at     timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
    events     bigint NOT NULL,
    violations bigint NOT NULL,
    -- The first of them, as the report names it.
    first      jsonb
);

DO $$
DECLARE
    target text;
BEGIN
    FOREACH target IN ARRAY ARRAY['chain', 'tenant_chain', 'audit_checkpoints', 'audit_runs'] LOOP
        EXECUTE format('CREATE TRIGGER %1$s_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON es.%1$I
            FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change()', target);
    END LOOP;
END $$;

GRANT SELECT, INSERT ON es.chain, es.tenant_chain, es.audit_checkpoints TO stentor_projections;
GRANT SELECT ON es.audit_runs TO stentor_projections;
