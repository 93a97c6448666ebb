-- The second factor: codes that change every 30 seconds (RFC 6238).
CREATE TABLE auth.totp (
    user_id      uuid PRIMARY KEY,
    -- Sealed under the person's key.
    secret       text NOT NULL,
    -- Until a first code has shown that the device has it, it is asked of nobody.
    confirmed    boolean NOT NULL DEFAULT false,
    -- A code is good once: none of a step up to this one is taken.
    last_step    bigint NOT NULL DEFAULT 0,
    failures     int NOT NULL DEFAULT 0,
    locked_until timestamptz
);
CREATE TABLE auth.recovery_codes (
    user_id     uuid NOT NULL,
    -- Keyed digest.
    code_digest bytea NOT NULL,
    PRIMARY KEY (user_id, code_digest)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.totp, auth.recovery_codes TO stentor_commands;
