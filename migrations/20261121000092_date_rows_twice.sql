-- Customers, credit transactions and activity on both axes of time: beside when it happened, `known_at` is when the
-- log recorded it. The tables are folded again: their projections' versions are raised.
TRUNCATE read.customers, read.credit_transactions, read.credit_balances, read.activity;
DELETE FROM es.checkpoints WHERE projection IN ('customers', 'credit_transactions', 'activity');

-- Null until the tenant's own event is folded, as created_at is.
ALTER TABLE read.customers ADD COLUMN known_at timestamptz;
ALTER TABLE read.credit_transactions ADD COLUMN known_at timestamptz NOT NULL;
ALTER TABLE read.activity ADD COLUMN known_at timestamptz NOT NULL;
