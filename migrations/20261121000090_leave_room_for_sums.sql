-- Sums of the ledger are rewritten with every batch: with room on the page a new version needs no entries in indexes.
ALTER TABLE read.ledgers SET (fillfactor = 50);
ALTER TABLE read.ledger_accounts SET (fillfactor = 50);

-- Makes an empty copy of a read table with all that belongs to it: constraints and indexes by the same names,
-- row-level security, grants, and how full its pages are made.
CREATE OR REPLACE FUNCTION es.copy_read_table(from_schema text, of_table text, to_schema text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    original oid;
    part record;
BEGIN
    SELECT c.oid INTO STRICT original
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = from_schema AND n.nspname IN ('read', 'live') AND c.relname = of_table AND c.relkind = 'r';
    EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING ALL EXCLUDING INDEXES)%s',
        to_schema, of_table, from_schema, of_table,
        (SELECT ' WITH (' || array_to_string(c.reloptions, ', ') || ')' FROM pg_class c WHERE c.oid = original));
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
