-- Events that a projection could not fold and put aside, so that what follows them is shown. They are folded
-- again by `stentor projections retry`.
CREATE TABLE es.dead_letters (
    projection   text NOT NULL,
    version      int NOT NULL,
    log_xid      bigint NOT NULL,
    log_position bigint NOT NULL,
    error        text NOT NULL,
    attempts     int NOT NULL DEFAULT 1 CHECK (attempts > 0),
    parked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, version, log_xid, log_position)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON es.dead_letters TO stentor_projections;
