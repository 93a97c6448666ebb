-- Who was refused what, and from where commands were sent. Beside the log: addresses are personal and have an end, and
-- a refusal is no fact of the business.
CREATE TABLE auth.denials (
    denial_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    at           timestamptz NOT NULL,
    -- The user, or the API key.
    principal_id uuid NOT NULL,
    -- Whose address it is: the user's, or that of whoever acted as the user; null for an API key.
    person_id    uuid,
    by_key       boolean NOT NULL,
    impersonator_id uuid,
    reseller_id  uuid,
    tenant_id    uuid,
    role         text NOT NULL,
    -- A route with its method, or a root field.
    action       text NOT NULL,
    code         text NOT NULL,
    permission   text,
    address      text,
    user_agent   text,
    -- Refusals of the same hour that were only counted, and the last of them.
    further      bigint NOT NULL DEFAULT 0,
    last_at      timestamptz NOT NULL
);
CREATE INDEX denials_of_principal ON auth.denials (principal_id, at DESC);
CREATE INDEX denials_newest ON auth.denials (at DESC, denial_id DESC);
CREATE INDEX denials_of_reseller ON auth.denials (reseller_id, at DESC, denial_id DESC);
CREATE INDEX denials_of_tenant ON auth.denials (tenant_id, at DESC, denial_id DESC);
ALTER TABLE auth.denials ENABLE ROW LEVEL SECURITY;
CREATE POLICY scope ON auth.denials FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT SELECT ON auth.denials TO stentor_read;

-- Notes a refusal. Of one principal 20 in an hour stand by themselves, what comes beyond is counted with the last of
-- them; after a year they are gone. Both sides refuse, and neither can write the table by itself.
CREATE FUNCTION auth.note_denial(
    of_principal uuid, of_person uuid, is_key boolean, of_impersonator uuid, of_reseller uuid, of_tenant uuid,
    as_role text, of_action text, with_code text, for_permission text, from_address text, with_agent text,
    noted_at timestamptz
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest uuid;
    present bigint;
BEGIN
    -- One at a time for each principal, or a burst would pass the limit.
    PERFORM pg_advisory_xact_lock(hashtextextended('denials ' || of_principal, 0));
    SELECT count(*), (array_agg(d.denial_id ORDER BY d.at DESC, d.denial_id DESC))[1] INTO present, newest
    FROM auth.denials d
    WHERE d.principal_id = of_principal AND d.at > noted_at - interval '1 hour';
    IF present >= 20 THEN
        UPDATE auth.denials SET further = further + 1, last_at = noted_at WHERE denial_id = newest;
        RETURN;
    END IF;
    INSERT INTO auth.denials (at, principal_id, person_id, by_key, impersonator_id, reseller_id, tenant_id, role, action,
                              code, permission, address, user_agent, last_at)
    VALUES (noted_at, of_principal, of_person, is_key, of_impersonator, of_reseller, of_tenant, as_role,
            left(of_action, 200), with_code, for_permission, left(from_address, 64), left(with_agent, 200), noted_at);
    DELETE FROM auth.denials d WHERE d.at < noted_at - interval '1 year';
END $$;
REVOKE EXECUTE ON FUNCTION auth.note_denial FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.note_denial TO stentor_commands, stentor_read;

-- From where a command was sent, written with its append. Its events name the command.
CREATE TABLE auth.command_origins (
    command_id  uuid NOT NULL,
    -- Whose address it is; null for an API key.
    person_id   uuid,
    reseller_id uuid,
    tenant_id   uuid,
    address     text,
    user_agent  text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX command_origins_by_command ON auth.command_origins (command_id);
CREATE INDEX command_origins_by_person ON auth.command_origins (person_id);
ALTER TABLE auth.command_origins ENABLE ROW LEVEL SECURITY;
CREATE POLICY note ON auth.command_origins FOR INSERT TO stentor_commands WITH CHECK (true);
CREATE POLICY scope ON auth.command_origins FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT INSERT ON auth.command_origins TO stentor_commands;
GRANT SELECT ON auth.command_origins TO stentor_read;

-- The audit log: one row per event.
CREATE TABLE read.audit_log (
    at             timestamptz NOT NULL,
    log_xid        bigint NOT NULL,
    log_position   bigint NOT NULL,
    reseller_id    uuid,
    tenant_id      uuid,
    aggregate_type text COLLATE "C" NOT NULL,
    -- What it is about: the stream, or what the stream tells apart.
    subject        text COLLATE "C" NOT NULL,
    sequence       bigint NOT NULL,
    event_type     text COLLATE "C" NOT NULL,
    actor_id       uuid,
    impersonator_id uuid,
    key_id         uuid,
    command_id     uuid NOT NULL,
    reason         text,
    -- What the event sets, by field; null where it changes no state that people look after.
    after          jsonb,
    -- Follows the place in the log, also where a restore renumbers it.
    id             uuid GENERATED ALWAYS AS
        ((lpad(to_hex(log_xid), 16, '0') || lpad(to_hex(log_position), 16, '0'))::uuid) STORED,
    PRIMARY KEY (log_xid, log_position)
);
CREATE INDEX audit_log_newest ON read.audit_log (at DESC, id DESC);
CREATE INDEX audit_log_of_reseller ON read.audit_log (reseller_id, at DESC, id DESC);
CREATE INDEX audit_log_of_tenant ON read.audit_log (tenant_id, at DESC, id DESC) WHERE tenant_id IS NOT NULL;
CREATE INDEX audit_log_of_actor ON read.audit_log (actor_id, at DESC, id DESC) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_states ON read.audit_log (aggregate_type, subject, log_xid, log_position) WHERE after IS NOT NULL;
ALTER TABLE read.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY fold ON read.audit_log TO stentor_projections USING (true) WITH CHECK (true);
CREATE POLICY scope ON read.audit_log FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON read.audit_log TO stentor_projections;
GRANT SELECT ON read.audit_log TO stentor_read;

-- As before, with the addresses that were noted.
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
              ('resellers', 'contact_subject', 'phone'),
              ('denials', 'person_id', 'address'), ('denials', 'person_id', 'user_agent'),
              ('command_origins', 'person_id', 'address'), ('command_origins', 'person_id', 'user_agent'))
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
