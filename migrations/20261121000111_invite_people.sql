-- Links that open one thing once: an invitation, or a new password.
CREATE TABLE auth.links (
    -- SHA-256 of the secret in the link: a stolen table opens nothing.
    link_digest bytea PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('invitation', 'password_reset')),
    user_id     uuid NOT NULL,
    expires_at  timestamptz NOT NULL,
    -- The newest one of a kind is good, those before it are gone.
    UNIQUE (user_id, kind)
);
GRANT SELECT, INSERT, DELETE ON auth.links TO stentor_commands;

-- Mail that waits to be sent. Address and text are sealed under the person's key, and gone once it is sent.
CREATE TABLE auth.mails (
    mail_id    uuid PRIMARY KEY,
    subject    uuid NOT NULL,
    recipient  text,
    title      text NOT NULL,
    body       text,
    queued_at  timestamptz NOT NULL,
    -- Set before the first byte goes out: no mail is sent twice, whatever happens in between.
    taken_at   timestamptz,
    failure    text
);
CREATE INDEX mails_waiting ON auth.mails (queued_at) WHERE taken_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.mails TO stentor_commands;

-- People who were asked to join and have not answered.
CREATE TABLE read.invitations (
    user_id     uuid PRIMARY KEY,
    reseller_id uuid,
    tenant_id   uuid,
    email       text,
    role        text NOT NULL,
    invited_by  uuid,
    invited_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX invitations_newest ON read.invitations (invited_at DESC, user_id DESC);
CREATE INDEX invitations_of_reseller ON read.invitations (reseller_id, invited_at DESC, user_id DESC);
CREATE INDEX invitations_of_tenant ON read.invitations (tenant_id, invited_at DESC, user_id DESC);
ALTER TABLE read.invitations ENABLE ROW LEVEL SECURITY;
CREATE POLICY fold ON read.invitations TO stentor_projections USING (true) WITH CHECK (true);
CREATE POLICY scope ON read.invitations FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON read.invitations TO stentor_projections;
GRANT SELECT ON read.invitations TO stentor_read;

-- As before, with invitations.
CREATE OR REPLACE FUNCTION read.forget(subjects uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    shown record;
BEGIN
    DELETE FROM auth.mails m WHERE m.subject = ANY(subjects);
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
              ('invitations', 'user_id', 'email'),
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
