-- The ledger: double entry over credits and money, folded from the log (docs/ledger.md). Entries are numbered from 1
-- in the order of the log; a line takes an amount from one account (credit) and gives it to another (debit).
CREATE TABLE read.journal (
    entry        bigint NOT NULL CHECK (entry > 0),
    line         int NOT NULL CHECK (line > 0),
    log_xid      bigint NOT NULL,
    log_position bigint NOT NULL,
    reseller_id  uuid NOT NULL,
    tenant_id    uuid CHECK (tenant_id IS NULL),
    debit        text COLLATE "C" NOT NULL,
    credit       text COLLATE "C" NOT NULL,
    unit         text COLLATE "C" NOT NULL,
    amount       bigint NOT NULL CHECK (amount >= 0),
    happened_at  timestamptz NOT NULL,
    known_at     timestamptz NOT NULL,
    -- First day of the month that it is booked in.
    period       date NOT NULL,
    -- Whether the month it happened in was closed when it came.
    late         boolean NOT NULL,
    event_type   text NOT NULL,
    command_id   uuid NOT NULL,
    PRIMARY KEY (entry, line)
);
CREATE INDEX journal_of_reseller ON read.journal (reseller_id, entry, line);

-- One row per reseller: what the ledger has to remember of the stream of its credit account.
CREATE TABLE read.ledgers (
    reseller_id uuid PRIMARY KEY,
    tenant_id   uuid CHECK (tenant_id IS NULL),
    -- Null where a posting came before the opening, which is a violation.
    opened_at   timestamptz,
    sequence    bigint NOT NULL,
    balance     bigint NOT NULL
);

-- What each account has received (debits) and given (credits) so far.
CREATE TABLE read.ledger_accounts (
    reseller_id uuid NOT NULL,
    tenant_id   uuid CHECK (tenant_id IS NULL),
    account     text COLLATE "C" NOT NULL,
    unit        text COLLATE "C" NOT NULL,
    debits      bigint NOT NULL CHECK (debits >= 0),
    credits     bigint NOT NULL CHECK (credits >= 0),
    PRIMARY KEY (reseller_id, account, unit)
);

CREATE TABLE read.closed_periods (
    -- First day of the month.
    period       date PRIMARY KEY,
    reseller_id  uuid CHECK (reseller_id IS NULL),
    tenant_id    uuid CHECK (tenant_id IS NULL),
    -- How many entries of the ledger could be in it.
    entries      bigint NOT NULL,
    accounts     bigint NOT NULL,
    totals       jsonb NOT NULL,
    digest       text NOT NULL,
    log_xid      bigint NOT NULL,
    log_position bigint NOT NULL,
    actor_id     uuid,
    closed_at    timestamptz NOT NULL
);

-- Events that break a rule of the ledger; only the first ones are kept.
CREATE TABLE read.ledger_violations (
    log_xid      bigint NOT NULL,
    log_position bigint NOT NULL,
    rule         text COLLATE "C" NOT NULL,
    reseller_id  uuid,
    tenant_id    uuid CHECK (tenant_id IS NULL),
    stream       text NOT NULL,
    sequence     bigint NOT NULL,
    event_type   text NOT NULL,
    expected     text NOT NULL,
    found        text NOT NULL,
    known_at     timestamptz NOT NULL,
    PRIMARY KEY (log_xid, log_position, rule)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['journal', 'ledgers', 'ledger_accounts', 'closed_periods', 'ledger_violations'] LOOP
        EXECUTE format('ALTER TABLE read.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY fold ON read.%I TO stentor_projections USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT ON read.%I TO stentor_read', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON read.%I TO stentor_projections', name);
        -- Closed periods and violations are the platform's alone.
        IF name IN ('closed_periods', 'ledger_violations') THEN
            EXECUTE format('CREATE POLICY scope ON read.%I FOR SELECT TO stentor_read
                USING (current_setting(''stentor.scope'', true) = ''platform'')', name);
        ELSE
            EXECUTE format('CREATE POLICY scope ON read.%I FOR SELECT TO stentor_read
                USING (read.visible(reseller_id, tenant_id))', name);
        END IF;
    END LOOP;
END $$;
