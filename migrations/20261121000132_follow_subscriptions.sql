-- Grants as they stood at every time: a change of a grant supersedes its row by the next one. And what a subscription
-- is beside its grants. The tables are folded again: their projection's version is raised.
TRUNCATE read.grants;
ALTER TABLE read.grants DROP CONSTRAINT grants_pkey;
ALTER TABLE read.grants
    DROP COLUMN days,
    -- Number of the event in the subscription's stream.
    ADD COLUMN change          bigint NOT NULL,
    ADD COLUMN credits_per_day bigint NOT NULL,
    ADD COLUMN reason          text,
    -- When the log recorded the change that replaced this row; null for what holds.
    ADD COLUMN superseded_at   timestamptz,
    ADD PRIMARY KEY (grant_id, change);

CREATE TABLE read.subscriptions (
    tenant_id       uuid PRIMARY KEY,
    reseller_id     uuid,
    paused_at       timestamptz,
    cancelled_at    timestamptz,
    renewal_days    bigint,
    renewals_failed bigint NOT NULL DEFAULT 0,
    failure_code    text,
    failure         text,
    failed_at       timestamptz,
    retry_at        timestamptz
);
ALTER TABLE read.subscriptions ENABLE ROW LEVEL SECURITY;
CREATE POLICY fold ON read.subscriptions TO stentor_projections USING (true) WITH CHECK (true);
CREATE POLICY scope ON read.subscriptions FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT SELECT ON read.subscriptions TO stentor_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON read.subscriptions TO stentor_projections;
