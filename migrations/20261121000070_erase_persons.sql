-- Erasure: who a shown address belongs to, when a user was erased, and what the write side may take away.

-- Read tables are folded again from the first event: the new columns follow from the log.
TRUNCATE read.users, read.customers, read.resellers;
DELETE FROM es.checkpoints WHERE projection IN ('users', 'customers', 'resellers');

ALTER TABLE read.users ADD COLUMN erased_at timestamptz;
CREATE INDEX users_newest ON read.users (created_at DESC, user_id DESC);
CREATE INDEX users_of_reseller ON read.users (reseller_id, created_at DESC, user_id DESC);
CREATE INDEX users_of_tenant ON read.users (tenant_id, created_at DESC, user_id DESC);

-- Whose key seals the contact's address.
ALTER TABLE read.customers ADD COLUMN contact_subject uuid;
CREATE INDEX customers_by_contact ON read.customers (contact_subject);
ALTER TABLE read.resellers ADD COLUMN contact_subject uuid;
CREATE INDEX resellers_by_contact ON read.resellers (contact_subject);

-- Clears what is shown of erased persons, wherever the tables that show it have copies (a rebuild has some). The
-- projections clear it too when they come to the event; this is so that nobody has to wait for them.
CREATE FUNCTION read.forget(subjects uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    shown record;
BEGIN
    FOR shown IN
        SELECT n.nspname AS schema_name, c.relname AS table_name, k.attname AS subject,
               string_agg(format('%I = NULL', p.attname), ', ') AS cleared
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute k ON k.attrelid = c.oid AND NOT k.attisdropped
        JOIN pg_attribute p ON p.attrelid = c.oid AND NOT p.attisdropped
        WHERE c.relkind = 'r'
          AND (c.relname, k.attname, p.attname) IN (
              ('users', 'user_id', 'name'), ('users', 'user_id', 'email'),
              ('customers', 'contact_subject', 'contact_email'),
              ('resellers', 'contact_subject', 'contact_email'))
        GROUP BY n.nspname, c.relname, k.attname
        ORDER BY n.nspname = 'read' DESC, n.nspname, c.relname
    LOOP
        BEGIN
            EXECUTE format('UPDATE %I.%I SET %s WHERE %I = ANY($1)',
                shown.schema_name, shown.table_name, shown.cleared, shown.subject) USING subjects;
        EXCEPTION WHEN undefined_table THEN
            NULL; -- a copy that has just been dropped
        END;
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION read.forget FROM PUBLIC;
GRANT USAGE ON SCHEMA read TO stentor_commands;
GRANT EXECUTE ON FUNCTION read.forget TO stentor_commands;

-- An erased person's address is free again.
GRANT DELETE ON es.claims TO stentor_commands;
