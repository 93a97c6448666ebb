-- How programs come in. A row per secret: a key that was rotated has two for a while.
CREATE TABLE auth.api_keys (
    -- SHA-256 of 32 random bytes: there is nothing to guess.
    secret_digest bytea PRIMARY KEY,
    key_id        uuid NOT NULL,
    reseller_id   uuid,
    tenant_id     uuid,
    scopes        text[] NOT NULL,
    -- Where it may be used from; everywhere when empty.
    networks      text[] NOT NULL,
    expires_at    timestamptz
);
CREATE INDEX api_keys_by_id ON auth.api_keys (key_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.api_keys TO stentor_commands;
-- The read API opens with keys too; there are only digests to see.
GRANT SELECT ON auth.api_keys TO stentor_read;

CREATE TABLE auth.api_key_uses (
    key_id       uuid PRIMARY KEY,
    last_used_at timestamptz NOT NULL
);
GRANT SELECT ON auth.api_key_uses TO stentor_commands, stentor_read;

-- Notes that a key was used, to the minute. The one thing that the read API's role writes, and nothing else.
CREATE FUNCTION auth.note_key_use(used uuid, at timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO auth.api_key_uses AS u (key_id, last_used_at) VALUES (used, at)
    ON CONFLICT (key_id) DO UPDATE SET last_used_at = excluded.last_used_at
    WHERE excluded.last_used_at >= u.last_used_at + interval '1 minute'
$$;
REVOKE EXECUTE ON FUNCTION auth.note_key_use FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.note_key_use TO stentor_commands, stentor_read;

CREATE TABLE read.api_keys (
    key_id       uuid PRIMARY KEY,
    reseller_id  uuid,
    tenant_id    uuid,
    name         text NOT NULL,
    prefix       text NOT NULL,
    scopes       text[] NOT NULL,
    networks     text[] NOT NULL,
    issued_by    uuid,
    issued_at    timestamptz NOT NULL,
    expires_at   timestamptz,
    rotated_at   timestamptz,
    former_until timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX api_keys_newest ON read.api_keys (issued_at DESC, key_id DESC);
CREATE INDEX api_keys_of_reseller ON read.api_keys (reseller_id, issued_at DESC, key_id DESC);
ALTER TABLE read.api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY fold ON read.api_keys TO stentor_projections USING (true) WITH CHECK (true);
CREATE POLICY scope ON read.api_keys FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON read.api_keys TO stentor_projections;
GRANT SELECT ON read.api_keys TO stentor_read;
