-- The scheduler's own state: which jobs wait, which run. Kept from the log with a checkpoint in the same
-- transaction, so that it is exact after any crash.
CREATE SCHEMA work;

CREATE TABLE work.queue (
    job_id              uuid PRIMARY KEY,
    tenant_id           uuid NOT NULL,
    concurrent_jobs_max int NOT NULL,
    state               text NOT NULL CHECK (state IN ('queued', 'dispatched')),
    queued_xid          bigint NOT NULL,
    queued_position     bigint NOT NULL
);
CREATE INDEX queue_by_tenant ON work.queue (tenant_id, state);
CREATE INDEX queue_by_age ON work.queue (queued_xid, queued_position) WHERE state = 'queued';

GRANT USAGE ON SCHEMA work TO stentor_commands;
GRANT SELECT, INSERT, UPDATE, DELETE ON work.queue TO stentor_commands;
