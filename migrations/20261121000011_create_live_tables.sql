-- What a running job tells as it goes: status changes, folded from the log, and progress, which is no fact of
-- the business and is not in the log. Both share one sequence per job, without gaps: the number is taken from
-- the head's row in the transaction that inserts, so a rollback gives it back.
CREATE SCHEMA live;

CREATE TABLE live.job_heads (
    job_id          uuid PRIMARY KEY,
    reseller_id     uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    last_sequence   bigint NOT NULL DEFAULT 0,
    -- Place in the job's own stream of the last event that became an update: a repeated fold changes nothing.
    last_event      bigint NOT NULL DEFAULT 0,
    -- The newest report: older ones, which the broker may deliver late or twice, are refused.
    report_attempt  int NOT NULL DEFAULT 0,
    report_delivery int NOT NULL DEFAULT 0,
    report_number   int NOT NULL DEFAULT 0,
    status          text NOT NULL,
    stage           text,
    percent         int NOT NULL DEFAULT 0 CHECK (percent BETWEEN 0 AND 100)
);

CREATE TABLE live.job_updates (
    job_id          uuid NOT NULL,
    sequence        bigint NOT NULL CHECK (sequence > 0),
    reseller_id     uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('status', 'progress')),
    -- Place in the job's stream; null for progress.
    event_sequence  bigint,
    status          text NOT NULL,
    stage           text,
    percent         int NOT NULL CHECK (percent BETWEEN 0 AND 100),
    segments        jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(segments) = 'array'),
    failure_code    text,
    failure_message text,
    at              timestamptz NOT NULL,
    PRIMARY KEY (job_id, sequence)
);
CREATE UNIQUE INDEX job_updates_by_event ON live.job_updates (job_id, event_sequence) WHERE kind = 'status';

-- Appends a worker's progress report and returns its sequence; null where the job is unknown or has ended, or
-- where the report is not newer than the last one. Within one delivery the percentage never falls.
CREATE FUNCTION live.append_progress(
    job_id uuid, attempt int, delivery int, number int, stage text, percent int, segments jsonb, at timestamptz
) RETURNS bigint LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH head AS (
        UPDATE live.job_heads AS h
        SET last_sequence = h.last_sequence + 1,
            report_attempt = $2, report_delivery = $3, report_number = $4,
            stage = $5,
            percent = greatest(
                CASE WHEN (h.report_attempt, h.report_delivery) = ($2, $3) THEN h.percent ELSE 0 END,
                least(greatest($6, 0), 100))
        WHERE h.job_id = $1
          AND h.status IN ('queued', 'dispatched', 'running')
          AND (h.report_attempt, h.report_delivery, h.report_number) < ($2, $3, $4)
        RETURNING h.job_id, h.last_sequence, h.reseller_id, h.tenant_id, h.status, h.stage, h.percent)
    INSERT INTO live.job_updates (job_id, sequence, reseller_id, tenant_id, kind, status, stage, percent, segments, at)
    SELECT head.job_id, head.last_sequence, head.reseller_id, head.tenant_id, 'progress', head.status, head.stage,
           head.percent, coalesce($7, '[]'), $8
    FROM head
    RETURNING sequence
$$;
REVOKE EXECUTE ON FUNCTION live.append_progress FROM PUBLIC;
