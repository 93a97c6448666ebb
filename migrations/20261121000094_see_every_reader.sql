-- What sessions of other roles do is hidden from an owner that is no superuser, unless it has this role. Who may give
-- roles gives it to itself; otherwise whoever may must (docs/OPERATIONS.md), and until then a switch is refused.
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
        EXECUTE format('GRANT pg_read_all_stats TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'grant pg_read_all_stats to %: without it no read model can be exchanged', current_user;
END $$;

-- As before, but each look is a fresh one, where PostgreSQL would give a transaction what it saw first, and one that
-- would see nothing is refused.
CREATE OR REPLACE FUNCTION es.older_readers(since timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
        RAISE EXCEPTION 'the owner of the schema may not see what other sessions do'
            USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT pg_read_all_stats TO %I', current_user);
    END IF;
    PERFORM pg_stat_clear_snapshot();
    RETURN (SELECT count(*) FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
          AND a.backend_xmin IS NOT NULL AND a.xact_start < since
          AND a.application_name NOT IN ('stentor_projections', 'stentor_commands'));
END $$;
