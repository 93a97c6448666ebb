-- Reports: each line of a figure is an event, so stays and grants name theirs. Both are folded again: their
-- projections' versions are raised.
TRUNCATE read.customer_stays, read.grants;
ALTER TABLE read.customer_stays
    ADD COLUMN log_xid        bigint NOT NULL,
    ADD COLUMN log_position   bigint NOT NULL,
    -- Of the event that ended it.
    ADD COLUMN ended_xid      bigint,
    ADD COLUMN ended_position bigint;
-- The event that a grant's row is of.
ALTER TABLE read.grants
    ADD COLUMN log_xid      bigint NOT NULL,
    ADD COLUMN log_position bigint NOT NULL;

-- Lines come nearly in the order of their times: this costs next to nothing when they are written.
CREATE INDEX journal_by_time ON read.journal USING brin (happened_at);
CREATE INDEX activity_of_closings ON read.activity (tenant_id, kind) WHERE kind IN ('TenantClosed', 'TenantReopened');
CREATE INDEX store_transactions_of_customer ON read.store_transactions (tenant_id, sold_at DESC);
CREATE INDEX usage_entries_of_reseller ON read.usage_entries (reseller_id, at);
