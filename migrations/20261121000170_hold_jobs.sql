-- Whether a customer may have one more job running is asked when a job is to be handed out, not when it is queued:
-- jobs of one that may not are held for a while.
ALTER TABLE work.queue DROP COLUMN concurrent_jobs_max;
ALTER TABLE work.queue ADD COLUMN held_until timestamptz;
CREATE INDEX queue_held ON work.queue (tenant_id) WHERE held_until IS NOT NULL;
