-- Resellers below resellers; customers that are edited, closed and moved. The projections fold their tables again,
-- beside what is served.

ALTER TABLE read.resellers
    -- Null below the platform.
    ADD COLUMN parent_id uuid,
    ADD COLUMN company text,
    ADD COLUMN contact_person text,
    ADD COLUMN phone text,
    -- Why it has its status; null where nobody said.
    ADD COLUMN reason text,
    -- The nearest that is not active, the reseller itself or one above it; null where all are.
    ADD COLUMN effective_status text NOT NULL DEFAULT 'active',
    ADD COLUMN origin_id uuid,
    ADD COLUMN customers_max bigint,
    ADD COLUMN sub_resellers_max bigint,
    ADD COLUMN sub_resellers_total bigint NOT NULL DEFAULT 0,
    ADD COLUMN version bigint NOT NULL DEFAULT 1,
    DROP CONSTRAINT resellers_status_check,
    ADD CONSTRAINT resellers_status_check
        CHECK (status IN ('pending', 'declined', 'active', 'suspended', 'closed'));
CREATE INDEX resellers_of_parent ON read.resellers (parent_id, created_at DESC, reseller_id DESC);
CREATE INDEX resellers_by_status ON read.resellers (status, created_at DESC, reseller_id DESC);

-- Each reseller with itself and with everyone above it: what a reseller may see is one range of the primary key.
CREATE TABLE read.reseller_tree (
    ancestor_id uuid NOT NULL,
    reseller_id uuid NOT NULL,
    tenant_id   uuid CHECK (tenant_id IS NULL),
    -- Steps from the ancestor down; 0 is the reseller itself.
    levels      bigint NOT NULL,
    PRIMARY KEY (ancestor_id, reseller_id)
);
CREATE INDEX reseller_tree_up ON read.reseller_tree (reseller_id, levels);

ALTER TABLE read.customers
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN version bigint NOT NULL DEFAULT 0;

-- Whose customer somebody was, from when to when: the figures of a reseller count what happened in its time.
CREATE TABLE read.customer_stays (
    tenant_id   uuid NOT NULL,
    -- Place in the customer's own stream of the event that began it.
    sequence    bigint NOT NULL,
    reseller_id uuid NOT NULL,
    arrived     text NOT NULL CHECK (arrived IN ('created', 'moved')),
    began_at    timestamptz NOT NULL,
    -- Null while it lasts.
    ended_at    timestamptz,
    -- When the log recorded its beginning.
    known_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, sequence)
);
CREATE INDEX customer_stays_of_reseller ON read.customer_stays (reseller_id, began_at);

-- The resellers below one, as text that row-level security looks them up in.
CREATE FUNCTION read.below(of_reseller uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(string_agg(t.reseller_id::text, ' '), '') FROM read.reseller_tree t
    WHERE t.ancestor_id = of_reseller AND t.levels > 0
$$;
REVOKE EXECUTE ON FUNCTION read.below FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read.below TO stentor_read;

-- A reseller sees its own rows and those of everyone below it. A customer may have been moved: its id alone decides.
-- No subquery, so that the planner puts the text of the function in the place of its call.
CREATE OR REPLACE FUNCTION read.visible(row_reseller uuid, row_tenant uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        CASE current_setting('stentor.scope', true)
            WHEN 'platform' THEN true
            WHEN 'reseller' THEN row_reseller = nullif(current_setting('stentor.reseller', true), '')::uuid
                              OR strpos(current_setting('stentor.below', true), row_reseller::text) > 0
            WHEN 'tenant' THEN row_tenant = nullif(current_setting('stentor.tenant', true), '')::uuid
        END, false)
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['reseller_tree', 'customer_stays'] LOOP
        EXECUTE format('ALTER TABLE read.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY fold ON read.%I TO stentor_projections USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON read.%I TO stentor_projections', name);
        EXECUTE format('GRANT SELECT ON read.%I TO stentor_read', name);
    END LOOP;
END $$;
CREATE POLICY scope ON read.customer_stays FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
-- Who is above the reader is nothing to it.
CREATE POLICY scope ON read.reseller_tree FOR SELECT TO stentor_read
    USING (read.visible(reseller_id, tenant_id) AND read.visible(ancestor_id, tenant_id));

-- As before, with what else is known of a reseller's contact.
CREATE OR REPLACE FUNCTION read.forget(subjects uuid[]) RETURNS void
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
              ('resellers', 'contact_subject', 'contact_email'),
              ('resellers', 'contact_subject', 'contact_person'),
              ('resellers', 'contact_subject', 'phone'))
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
