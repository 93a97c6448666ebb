-- The second wall: whatever a query forgets, stentor_read sees the rows of the scope that its transaction
-- names, and none where it names none.
CREATE FUNCTION read.visible(row_reseller uuid, row_tenant uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        CASE current_setting('stentor.scope', true)
            WHEN 'platform' THEN true
            WHEN 'reseller' THEN row_reseller = nullif(current_setting('stentor.reseller', true), '')::uuid
            WHEN 'tenant' THEN row_reseller = nullif(current_setting('stentor.reseller', true), '')::uuid
                           AND row_tenant = nullif(current_setting('stentor.tenant', true), '')::uuid
        END, false)
$$;

DO $$
DECLARE
    target record;
BEGIN
    FOR target IN
        SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('read', 'live')
    LOOP
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', target.schemaname, target.tablename);
        EXECUTE format('CREATE POLICY fold ON %I.%I TO stentor_projections USING (true) WITH CHECK (true)',
            target.schemaname, target.tablename);
        -- The price list belongs to nobody; whoever buys or sells credits reads it.
        IF target.tablename = 'packs' THEN
            EXECUTE format('CREATE POLICY scope ON %I.%I FOR SELECT TO stentor_read
                USING (current_setting(''stentor.scope'', true) IN (''platform'', ''reseller''))',
                target.schemaname, target.tablename);
        ELSE
            EXECUTE format('CREATE POLICY scope ON %I.%I FOR SELECT TO stentor_read
                USING (read.visible(reseller_id, tenant_id))', target.schemaname, target.tablename);
        END IF;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA read, live TO stentor_projections, stentor_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA read, live TO stentor_projections;
GRANT SELECT ON ALL TABLES IN SCHEMA read, live TO stentor_read;
GRANT USAGE ON SCHEMA live TO stentor_commands;
GRANT EXECUTE ON FUNCTION live.append_progress TO stentor_commands;
