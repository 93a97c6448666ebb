-- Who may see a row, as a policy's text. Postgres reads a setting in a subquery once per statement, one in a function
-- once per row: a reseller's page counts thousands. A reseller sees its own rows and those of everyone below it, a
-- customer those with its id, the platform all; without a setting nobody sees any.
-- A table's policy: EXECUTE format('CREATE POLICY scope ON .. USING (%s)', read.in_scope('reseller_id', 'tenant_id')).
CREATE FUNCTION read.in_scope(reseller_column text, tenant_column text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($policy$
        (SELECT current_setting('stentor.scope', true) = 'platform')
        OR %1$s = (SELECT CASE current_setting('stentor.scope', true)
            WHEN 'reseller' THEN nullif(current_setting('stentor.reseller', true), '')::uuid END)
        OR %1$s = ANY (coalesce((SELECT CASE current_setting('stentor.scope', true)
            WHEN 'reseller' THEN string_to_array(current_setting('stentor.below', true), ' ')::uuid[] END), '{}'))
        OR %2$s = (SELECT CASE current_setting('stentor.scope', true)
            WHEN 'tenant' THEN nullif(current_setting('stentor.tenant', true), '')::uuid END)
    $policy$, reseller_column, tenant_column)
$$;
REVOKE EXECUTE ON FUNCTION read.in_scope FROM PUBLIC;

DO $$
DECLARE
    shown record;
    asked text[];
    rule text;
BEGIN
    FOR shown IN SELECT schemaname, tablename, policyname, qual FROM pg_policies WHERE qual LIKE '%read.visible(%' LOOP
        rule := shown.qual;
        FOR asked IN SELECT regexp_matches(shown.qual, 'read\.visible\(([^,()]+), ([^,()]+)\)', 'g') LOOP
            rule := replace(rule, format('read.visible(%s, %s)', asked[1], asked[2]),
                format('(%s)', read.in_scope(asked[1], asked[2])));
        END LOOP;
        EXECUTE format('ALTER POLICY %I ON %I.%I USING (%s)', shown.policyname, shown.schemaname, shown.tablename, rule);
    END LOOP;
END $$;

-- Fails where a policy still asks it.
DROP FUNCTION read.visible;
