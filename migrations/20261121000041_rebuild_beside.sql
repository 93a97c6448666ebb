-- Rebuilding a read model beside the one that is served, and switching to it in one transaction.

-- One version of a projection is served at a time.
CREATE UNIQUE INDEX checkpoints_served ON es.checkpoints (projection);
-- Rewritten with every batch: room on the page keeps the row where it is.
ALTER TABLE es.checkpoints SET (fillfactor = 20);

-- How far a rebuild has come; its tables lie in the schema rebuild_<projection>.
CREATE TABLE es.rebuilds (
    projection    text PRIMARY KEY CHECK (projection ~ '^[a-z_]+$'),
    version       int NOT NULL,
    -- With their schemas.
    tables        text[] NOT NULL,
    last_xid      bigint NOT NULL DEFAULT 0,
    last_position bigint NOT NULL DEFAULT 0,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Letters of a rebuild become those of the projection with the switch.
ALTER TABLE es.dead_letters ADD COLUMN rebuild boolean NOT NULL DEFAULT false;
ALTER TABLE es.dead_letters DROP CONSTRAINT dead_letters_pkey;
ALTER TABLE es.dead_letters ADD PRIMARY KEY (projection, rebuild, log_xid, log_position);

-- Drops what a rebuild has made so far.
CREATE FUNCTION es.abandon_rebuild(of_projection text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM es.rebuilds WHERE projection = of_projection;
    IF FOUND THEN
        DELETE FROM es.dead_letters WHERE projection = of_projection AND rebuild;
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', 'rebuild_' || of_projection);
    END IF;
END $$;

-- Makes an empty copy of a read table with all that belongs to it: constraints and indexes by the same names,
-- row-level security, grants.
CREATE FUNCTION es.copy_read_table(from_schema text, of_table text, to_schema text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    original oid;
    part record;
BEGIN
    SELECT c.oid INTO STRICT original
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = from_schema AND n.nspname IN ('read', 'live') AND c.relname = of_table AND c.relkind = 'r';
    EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING ALL EXCLUDING INDEXES)',
        to_schema, of_table, from_schema, of_table);
    FOR part IN
        SELECT c.conname, pg_get_constraintdef(c.oid) AS definition FROM pg_constraint c
        WHERE c.conrelid = original AND c.contype IN ('p', 'u')
    LOOP
        EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', to_schema, of_table, part.conname, part.definition);
    END LOOP;
    FOR part IN
        SELECT pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
        WHERE i.indrelid = original
          AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.conrelid = original)
    LOOP
        EXECUTE replace(part.definition, format(' ON %I.%I ', from_schema, of_table),
            format(' ON %I.%I ', to_schema, of_table));
    END LOOP;
    EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', to_schema, of_table);
    FOR part IN SELECT * FROM pg_policies p WHERE p.schemaname = from_schema AND p.tablename = of_table LOOP
        EXECUTE format('CREATE POLICY %I ON %I.%I AS %s FOR %s TO %s %s %s', part.policyname, to_schema, of_table,
            part.permissive, part.cmd, (SELECT string_agg(quote_ident(r), ', ') FROM unnest(part.roles) AS r),
            'USING (' || part.qual || ')', 'WITH CHECK (' || part.with_check || ')');
    END LOOP;
    FOR part IN
        SELECT a.privilege_type, r.rolname FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
        WHERE c.oid = original AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s ON %I.%I TO %I', part.privilege_type, to_schema, of_table, part.rolname);
    END LOOP;
END $$;

-- Begins a rebuild, or goes on with one of the same version that was begun before.
CREATE FUNCTION es.begin_rebuild(of_projection text, to_version int, of_tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place text := 'rebuild_' || of_projection;
    one text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(place, 0));
    PERFORM FROM es.rebuilds r
    WHERE r.projection = of_projection AND r.version = to_version AND r.tables = of_tables;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM es.abandon_rebuild(of_projection);
    INSERT INTO es.rebuilds (projection, version, tables) VALUES (of_projection, to_version, of_tables);
    EXECUTE format('CREATE SCHEMA %I', place);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO stentor_projections', place);
    FOREACH one IN ARRAY of_tables LOOP
        PERFORM es.copy_read_table(split_part(one, '.', 1), split_part(one, '.', 2), place);
    END LOOP;
END $$;

-- Serves what was rebuilt: tables, checkpoint and dead letters change places in the caller's transaction.
CREATE FUNCTION es.switch_projection(of_projection text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place text := 'rebuild_' || of_projection;
    built es.rebuilds;
    served es.checkpoints;
    one text;
BEGIN
    SELECT * INTO served FROM es.checkpoints c WHERE c.projection = of_projection FOR UPDATE;
    SELECT * INTO STRICT built FROM es.rebuilds r WHERE r.projection = of_projection FOR UPDATE;
    IF (built.last_xid, built.last_position) < (served.last_xid, served.last_position) THEN
        RAISE EXCEPTION 'the rebuild of % has not come as far as what is served', of_projection
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    FOREACH one IN ARRAY built.tables LOOP
        EXECUTE format('DROP TABLE %I.%I', split_part(one, '.', 1), split_part(one, '.', 2));
        EXECUTE format('ALTER TABLE %I.%I SET SCHEMA %I', place, split_part(one, '.', 2), split_part(one, '.', 1));
    END LOOP;
    EXECUTE format('DROP SCHEMA %I', place);
    UPDATE es.checkpoints
    SET version = built.version, last_xid = built.last_xid, last_position = built.last_position,
        updated_at = clock_timestamp()
    WHERE projection = of_projection;
    DELETE FROM es.dead_letters WHERE projection = of_projection AND NOT rebuild;
    UPDATE es.dead_letters SET rebuild = false WHERE projection = of_projection;
    DELETE FROM es.rebuilds WHERE projection = of_projection;
END $$;

-- Age of the oldest transaction that may still write, which holds every reader of the log back, in seconds.
CREATE FUNCTION es.barrier_age() RETURNS float8
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(extract(epoch FROM max(clock_timestamp() - a.xact_start)), 0)::float8
    FROM pg_stat_activity a WHERE a.backend_xid IS NOT NULL
$$;

REVOKE EXECUTE ON FUNCTION es.abandon_rebuild, es.copy_read_table, es.begin_rebuild, es.switch_projection,
    es.barrier_age FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.abandon_rebuild, es.begin_rebuild, es.switch_projection, es.barrier_age
    TO stentor_projections;
GRANT SELECT, UPDATE ON es.rebuilds TO stentor_projections;
