-- When a job that was handed out was last heard of: one that stays silent while the broker holds nothing is
-- handed out again.
ALTER TABLE work.queue ADD COLUMN heard_at timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE INDEX queue_by_silence ON work.queue (heard_at) WHERE state = 'dispatched';
