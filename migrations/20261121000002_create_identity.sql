-- Secrets and sessions of the write side. Never in the log.
CREATE SCHEMA auth;

CREATE TABLE auth.credentials (
    user_id       uuid PRIMARY KEY,
    password_hash text NOT NULL,
    -- The command that changed it last, null since the registration: that command, repeated after a crash, may go
    -- on without the password that it replaced.
    set_by        uuid,
    changed_at    timestamptz NOT NULL
);

CREATE TABLE auth.sessions (
    -- SHA-256 of the cookie: a stolen table opens no session.
    session_digest bytea PRIMARY KEY,
    user_id        uuid NOT NULL,
    csrf_token     text NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL
);
CREATE INDEX sessions_by_user ON auth.sessions (user_id);
CREATE INDEX sessions_by_expiry ON auth.sessions (expires_at);
