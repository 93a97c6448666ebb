-- Bulks: what a process needs to go on with one that another process had to leave. What a bulk
-- was and how it ended is in the log.
CREATE TABLE work.bulks (
    bulk_id     uuid PRIMARY KEY,
    reseller_id uuid NOT NULL,
    kind        text NOT NULL,
    mode        text NOT NULL,
    -- Of the whole platform, not of the reseller alone: customers move from and to anywhere.
    by_platform boolean NOT NULL,
    -- Who began it, in whose name its rows are carried out.
    actor       jsonb NOT NULL,
    comment     text,
    begun_at    timestamptz NOT NULL,
    -- Whether all its rows are there and the log says that it has begun.
    ready       boolean NOT NULL DEFAULT false,
    cancelled   boolean NOT NULL DEFAULT false,
    -- Rows are shown for a while after it.
    ended_at    timestamptz
);
CREATE INDEX bulks_by_age ON work.bulks (begun_at, bulk_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON work.bulks TO stentor_commands;

-- The rows of bulks, with what became of each: progress, which is no fact of the business. The facts are in the
-- streams of what a row changed.
CREATE TABLE live.bulk_rows (
    bulk_id     uuid NOT NULL,
    -- From 1; the header of a file is no row.
    row_number  int NOT NULL CHECK (row_number > 0),
    reseller_id uuid NOT NULL,
    tenant_id   uuid CHECK (tenant_id IS NULL),
    state       text NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'left')),
    -- What is to be done, sealed under the bulk's key; gone with the row's end.
    input       text,
    code        text,
    message     text,
    customer_id uuid,
    user_id     uuid,
    debited     bigint,
    expires_at  timestamptz,
    PRIMARY KEY (bulk_id, row_number)
);
CREATE INDEX bulk_rows_by_state ON live.bulk_rows (bulk_id, state, row_number);
ALTER TABLE live.bulk_rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY work ON live.bulk_rows TO stentor_commands USING (true) WITH CHECK (true);
CREATE POLICY scope ON live.bulk_rows FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON live.bulk_rows TO stentor_commands;
-- What a row holds while it waits is nobody's to read.
GRANT SELECT (bulk_id, row_number, reseller_id, tenant_id, state, code, message, customer_id, user_id, debited,
              expires_at) ON live.bulk_rows TO stentor_read;

CREATE TABLE read.bulks (
    bulk_id     uuid PRIMARY KEY,
    reseller_id uuid NOT NULL,
    tenant_id   uuid CHECK (tenant_id IS NULL),
    kind        text NOT NULL,
    mode        text NOT NULL,
    rows        int NOT NULL,
    begun_by    uuid,
    begun_at    timestamptz NOT NULL,
    cancelled_at timestamptz,
    ended_at    timestamptz,
    outcome     text,
    done        int,
    failed      int
);
CREATE INDEX bulks_newest ON read.bulks (begun_at DESC, bulk_id DESC);
CREATE INDEX bulks_of_reseller ON read.bulks (reseller_id, begun_at DESC, bulk_id DESC);
ALTER TABLE read.bulks ENABLE ROW LEVEL SECURITY;
CREATE POLICY fold ON read.bulks TO stentor_projections USING (true) WITH CHECK (true);
CREATE POLICY scope ON read.bulks FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON read.bulks TO stentor_projections;
GRANT SELECT ON read.bulks TO stentor_read;
