-- Sessions that people can tell apart and end, in every process at once.

ALTER TABLE auth.sessions
    ADD COLUMN session_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    ADD COLUMN last_seen_at timestamptz,
    ADD COLUMN address      text,
    ADD COLUMN user_agent   text;

-- What no longer opens anything although its token has not run out: the id of a session, of a key, or of a user,
-- whose tokens made up to that time are worth nothing. Told to every process by NOTIFY, in the transaction that
-- takes the session away; who was not listening reads the table.
CREATE TABLE auth.revocations (
    id          uuid NOT NULL,
    made_until  timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX revocations_newest ON auth.revocations (recorded_at);
GRANT SELECT, INSERT, DELETE ON auth.revocations TO stentor_commands;
-- Every process reads with tokens.
GRANT USAGE ON SCHEMA auth TO stentor_projections, stentor_read;
GRANT SELECT ON auth.revocations TO stentor_projections, stentor_read;

-- Whether somebody may act, for lists of people. No event before this said otherwise.
ALTER TABLE read.users
    ADD COLUMN disabled_at timestamptz,
    ADD COLUMN totp        boolean NOT NULL DEFAULT false;
