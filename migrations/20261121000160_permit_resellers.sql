-- What resellers are permitted: the platform's templates in all their versions, and one row per reseller and
-- permission with its own value, what it comes from, and what is in effect with everyone above it.
CREATE TABLE read.permission_templates (
    code         text COLLATE "C" NOT NULL,
    version      bigint NOT NULL CHECK (version > 0),
    reseller_id  uuid CHECK (reseller_id IS NULL),
    tenant_id    uuid CHECK (tenant_id IS NULL),
    name         text NOT NULL,
    -- What it grants.
    permissions  text[] NOT NULL,
    -- Of the template: it is not assigned any more.
    retired      boolean NOT NULL DEFAULT false,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (code, version)
);

CREATE TABLE read.reseller_permissions (
    reseller_id      uuid NOT NULL,
    permission       text COLLATE "C" NOT NULL,
    tenant_id        uuid CHECK (tenant_id IS NULL),
    -- Null where no template was ever assigned.
    template_granted boolean,
    template_code    text,
    template_version bigint,
    template_by      uuid,
    template_at      timestamptz,
    template_reason  text,
    -- Null where there is no exception.
    override_granted boolean,
    override_by      uuid,
    override_at      timestamptz,
    override_reason  text,
    -- In effect.
    granted          boolean NOT NULL DEFAULT true,
    -- Who decides: the nearest that lacks it, or the reseller itself.
    origin_id        uuid NOT NULL,
    PRIMARY KEY (reseller_id, permission)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['permission_templates', 'reseller_permissions'] LOOP
        EXECUTE format('ALTER TABLE read.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY fold ON read.%I TO stentor_projections USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON read.%I TO stentor_projections', name);
        EXECUTE format('GRANT SELECT ON read.%I TO stentor_read', name);
    END LOOP;
END $$;
-- Resellers choose from them for those below.
CREATE POLICY scope ON read.permission_templates FOR SELECT TO stentor_read
    USING (current_setting('stentor.scope', true) IN ('platform', 'reseller'));
CREATE POLICY scope ON read.reseller_permissions FOR SELECT TO stentor_read
    USING (read.visible(reseller_id, tenant_id));
