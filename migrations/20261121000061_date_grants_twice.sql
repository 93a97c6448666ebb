-- Grants on both axes of time. The table is folded again: its projection's version is raised.
TRUNCATE read.grants;
ALTER TABLE read.grants
    ADD COLUMN happened_at timestamptz NOT NULL,
    ADD COLUMN known_at    timestamptz NOT NULL;
