-- What is to be done later. A row is written in the transaction of the append that asks for it and goes when it has
-- been done; what was done is in the log. It belongs to the write side and is no read model: it cannot be rebuilt.
CREATE TABLE es.timers (
    -- One of a kind for one thing, for example renewal/<tenant>.
    timer_key  text COLLATE "C" PRIMARY KEY CHECK (length(timer_key) BETWEEN 1 AND 200),
    kind       text COLLATE "C" NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
    due_at     timestamptz NOT NULL,
    payload    jsonb NOT NULL,
    -- The command that asked for it: with the key it names the command that will be given, once.
    set_by     uuid NOT NULL,
    -- When a process may take it: when it is due, later when the one that took it was given up, or failed.
    next_at    timestamptz NOT NULL,
    attempts   int NOT NULL DEFAULT 0,
    last_error text
);
CREATE INDEX timers_by_next ON es.timers (next_at);
CREATE INDEX timers_by_due ON es.timers (due_at, timer_key);

GRANT SELECT, INSERT, UPDATE, DELETE ON es.timers TO stentor_commands;
