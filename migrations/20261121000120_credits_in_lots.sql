-- Credits in lots: movements of all kinds with what explains them, lots, reservations, credit lines and alerts. The
-- projections' versions are raised, so that all rows are folded again.
ALTER TABLE read.credit_balances DROP CONSTRAINT credit_balances_balance_check;

ALTER TABLE read.credit_transactions
    DROP CONSTRAINT credit_transactions_kind_check,
    ADD CONSTRAINT credit_transactions_kind_check CHECK (kind IN (
        'purchase', 'debit', 'refund', 'adjustment', 'bonus', 'transfer', 'expiry', 'reversal', 'reservation',
        'release', 'capture')),
    -- Place in the account's stream: what refunds and reversals name.
    ADD COLUMN number         bigint NOT NULL DEFAULT 0,
    -- Size of the movement; amount is what it adds to the balance.
    ADD COLUMN credits        bigint NOT NULL DEFAULT 0,
    -- The movement that this one returns or reverses.
    ADD COLUMN of_number      bigint,
    ADD COLUMN peer_id        uuid,
    ADD COLUMN reservation_id uuid,
    ADD COLUMN lots           jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN event_type     text NOT NULL DEFAULT '',
    ADD COLUMN command_id     uuid;
CREATE INDEX credit_transactions_by_number ON read.credit_transactions (reseller_id, number);
CREATE INDEX credit_transactions_returns ON read.credit_transactions (reseller_id, of_number) WHERE of_number IS NOT NULL;
CREATE INDEX credit_transactions_of_customer
    ON read.credit_transactions (customer_id, log_xid DESC, log_position DESC) WHERE customer_id IS NOT NULL;
-- Captures spend as debits do.
CREATE INDEX credit_transactions_spent ON read.credit_transactions (reseller_id, at) INCLUDE (credits)
    WHERE kind IN ('debit', 'capture');

ALTER TABLE read.ledgers ADD COLUMN credit_line bigint NOT NULL DEFAULT 0;

CREATE TABLE read.credit_accounts (
    reseller_id uuid PRIMARY KEY,
    tenant_id   uuid CHECK (tenant_id IS NULL),
    balance     bigint NOT NULL,
    held        bigint NOT NULL,
    credit_line bigint NOT NULL DEFAULT 0,
    thresholds  bigint[] NOT NULL DEFAULT '{}'
);

CREATE TABLE read.credit_lots (
    reseller_id  uuid NOT NULL,
    tenant_id    uuid CHECK (tenant_id IS NULL),
    lot          bigint NOT NULL,
    -- What made it, and that movement's number; null for the lot of credits that came before there were lots.
    source       text,
    number       bigint,
    promotional  boolean NOT NULL,
    expires_at   timestamptz,
    -- What can be used of it; what reservations hold is not in it.
    remaining    bigint NOT NULL,
    pack_code    text,
    list_version bigint,
    -- What the whole pack cost, and its size: a credit's price is their exact quotient.
    pack_credits bigint,
    price_minor  bigint,
    currency     text,
    peer_id      uuid,
    opened_at    timestamptz NOT NULL,
    PRIMARY KEY (reseller_id, lot)
);
CREATE INDEX credit_lots_open ON read.credit_lots (reseller_id, promotional DESC, expires_at, lot) WHERE remaining > 0;

CREATE TABLE read.credit_reservations (
    reseller_id    uuid NOT NULL,
    tenant_id      uuid CHECK (tenant_id IS NULL),
    reservation_id uuid NOT NULL,
    customer_id    uuid,
    -- What it still holds.
    held           bigint NOT NULL,
    captured       bigint NOT NULL,
    released       bigint NOT NULL,
    expired        boolean NOT NULL,
    note           text NOT NULL,
    reserved_at    timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    PRIMARY KEY (reseller_id, reservation_id)
);
CREATE INDEX credit_reservations_open ON read.credit_reservations (reseller_id, expires_at) WHERE held > 0;

-- A balance that came down to a threshold: once per crossing.
CREATE TABLE read.credit_alerts (
    log_xid      bigint NOT NULL,
    log_position bigint NOT NULL,
    reseller_id  uuid NOT NULL,
    tenant_id    uuid CHECK (tenant_id IS NULL),
    threshold    bigint NOT NULL,
    balance      bigint NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (log_xid, log_position)
);
CREATE INDEX credit_alerts_of_reseller ON read.credit_alerts (reseller_id, log_xid DESC, log_position DESC);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['credit_accounts', 'credit_lots', 'credit_reservations', 'credit_alerts'] LOOP
        EXECUTE format('ALTER TABLE read.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY fold ON read.%I TO stentor_projections USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY scope ON read.%I FOR SELECT TO stentor_read
            USING (read.visible(reseller_id, tenant_id))', name);
        EXECUTE format('GRANT SELECT ON read.%I TO stentor_read', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON read.%I TO stentor_projections', name);
    END LOOP;
END $$;
