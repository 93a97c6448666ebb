-- Commands that share a commit share its transaction id: each receipt keeps the position of its own last event.
-- Null where the command appended nothing, and in receipts from before this migration, whose transaction
-- belongs to one command alone.
ALTER TABLE es.commands ADD COLUMN last_position bigint;

-- States of long streams, so that a first load reads the tail alone. Only a cache: it may be emptied at any time.
CREATE TABLE es.snapshots (
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    -- Digest of the program text that folded it: another program does not read it.
    fold_hash      text NOT NULL,
    -- Place of the last event in it.
    last_sequence  bigint NOT NULL CHECK (last_sequence > 0),
    state          jsonb NOT NULL,
    taken_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (aggregate_type, aggregate_id)
);
GRANT SELECT, INSERT, UPDATE ON es.snapshots TO stentor_commands;
