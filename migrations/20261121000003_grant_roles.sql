-- Least privilege: who writes the log cannot change it, who projects cannot append, who reads can only SELECT.
-- The roles themselves belong to the cluster and are made by `stentor migrate` before this runs.
GRANT USAGE ON SCHEMA es TO stentor_commands, stentor_projections, stentor_read;
GRANT USAGE ON SCHEMA auth TO stentor_commands;

GRANT SELECT, INSERT ON es.events, es.commands, es.claims TO stentor_commands;
GRANT SELECT, INSERT, DELETE ON es.subject_keys TO stentor_commands;
GRANT SELECT, INSERT, UPDATE ON es.checkpoints TO stentor_commands, stentor_projections;
GRANT SELECT ON es.events, es.subject_keys TO stentor_projections;
GRANT SELECT ON es.checkpoints TO stentor_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.credentials, auth.sessions TO stentor_commands;
