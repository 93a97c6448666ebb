-- Which projections stand still at an event that they cannot fold, and why: for `stentor projections status` and the
-- alerts. The row goes when folding goes on.
CREATE TABLE es.stops (
    projection text PRIMARY KEY,
    version    int NOT NULL,
    -- Names the event.
    error      text NOT NULL,
    since      timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE, DELETE ON es.stops TO stentor_projections;

-- How far the chain is and where the log ends, for those who may read neither.
CREATE FUNCTION es.proof_end() RETURNS TABLE (chained bigint, head bytea, log_xid bigint, log_position bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.last_number, c.head, e.xid::text::bigint, e.position
    FROM (SELECT) AS one
    LEFT JOIN (SELECT * FROM es.chain ORDER BY first_number DESC LIMIT 1) AS c ON true
    LEFT JOIN (SELECT * FROM es.events ORDER BY xid DESC, position DESC LIMIT 1) AS e ON true
$$;
REVOKE EXECUTE ON FUNCTION es.proof_end FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.proof_end TO stentor_projections, stentor_read;

-- Checkpoints, and what verifications found, which may quote a row: for the platform's eyes alone.
GRANT SELECT (made_at, note) ON es.audit_checkpoints TO stentor_read;
GRANT SELECT (run_at, events, violations, first) ON es.audit_runs TO stentor_read;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_checkpoints', 'audit_runs'] LOOP
        EXECUTE format('ALTER TABLE es.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY prove ON es.%I TO stentor_projections USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY scope ON es.%I FOR SELECT TO stentor_read
            USING (current_setting(''stentor.scope'', true) = ''platform'')', name);
    END LOOP;
END $$;

-- Readers whose snapshot is older than `since`: to them the rows of a table that was rebuilt since are invisible, so no
-- table may be exchanged under them. Who folds or takes commands reads no read table.
CREATE FUNCTION es.older_readers(since timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
      AND a.backend_xmin IS NOT NULL AND a.xact_start < since
      AND a.application_name NOT IN ('stentor_projections', 'stentor_commands')
$$;
REVOKE EXECUTE ON FUNCTION es.older_readers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.older_readers TO stentor_projections;
