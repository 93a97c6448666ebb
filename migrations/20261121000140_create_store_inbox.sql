-- What stores send, as it came, and whose it is. It belongs to the write side: what follows from it is in the log.
CREATE TABLE work.store_inbox (
    inbox_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The sender's own id, by which repetitions are known; null where the body could not be read.
    event_id    text COLLATE "C" UNIQUE CHECK (length(event_id) BETWEEN 1 AND 200),
    hook        text NOT NULL,
    event_type  text,
    -- When the sender made it.
    sent_at     timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    -- Whose key seals the body: the customer's, by the digest of its id.
    subject_id  uuid NOT NULL,
    -- Byte for byte, sealed; null once it has been kept for long enough.
    body        bytea,
    body_sha256 bytea NOT NULL,
    state       text NOT NULL CHECK (state IN ('waiting', 'taken', 'broken')),
    -- When a process may take it.
    next_at     timestamptz NOT NULL,
    attempts    int NOT NULL DEFAULT 0,
    -- How often somebody has had it taken again.
    replays     int NOT NULL DEFAULT 0,
    error       text,
    CHECK (event_id IS NOT NULL OR state = 'broken')
);
CREATE INDEX store_inbox_due ON work.store_inbox (next_at) WHERE state = 'waiting';
-- What is looked at several times a second.
CREATE INDEX store_inbox_open ON work.store_inbox (state, received_at) WHERE state <> 'taken';
CREATE INDEX store_inbox_by_age ON work.store_inbox (received_at) WHERE body IS NOT NULL;
-- A broken body is repeated too.
CREATE UNIQUE INDEX store_inbox_broken ON work.store_inbox (body_sha256) WHERE state = 'broken';

-- Which account the ids of stores are of. The name itself is sealed under the id, for look-ups.
CREATE TABLE work.store_users (
    user_id    uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    name       bytea
);
CREATE INDEX store_users_of_account ON work.store_users (account_id);

-- Which accounts are linked to a tenant, and which have events that wait for somebody.
CREATE TABLE work.store_tenants (
    tenant_id  uuid NOT NULL,
    account_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, account_id)
);
CREATE TABLE work.store_accounts (
    account_id uuid PRIMARY KEY,
    waits      boolean NOT NULL
);
CREATE INDEX store_accounts_that_wait ON work.store_accounts (account_id) WHERE waits;

GRANT SELECT, INSERT, UPDATE ON work.store_inbox, work.store_users, work.store_accounts, work.store_tenants
    TO stentor_commands;
GRANT DELETE ON work.store_inbox, work.store_accounts, work.store_tenants TO stentor_commands;
