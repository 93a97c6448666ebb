-- Payout runs and their statements, folded from the log.

CREATE TABLE read.payout_runs (
    run_id            uuid PRIMARY KEY,
    reseller_id       uuid CHECK (reseller_id IS NULL),
    tenant_id         uuid CHECK (tenant_id IS NULL),
    currency          text COLLATE "C" NOT NULL,
    -- Counted per currency, from 1.
    number            bigint NOT NULL,
    status            text COLLATE "C" NOT NULL CHECK (status IN ('draft', 'approved', 'paid', 'cancelled')),
    cutoff            timestamptz NOT NULL,
    sold_until        timestamptz NOT NULL,
    holding_days      bigint NOT NULL,
    minimum_minor     bigint NOT NULL,
    -- Sales, refunds, chargebacks and reversals that the log held.
    facts             bigint NOT NULL,
    -- What the runs that were paid before had taken; null where there were none.
    before_facts      bigint,
    before_cutoff     timestamptz,
    before_sold_until timestamptz,
    statements        bigint NOT NULL,
    payout_minor      bigint NOT NULL,
    drafted_by        uuid,
    drafted_at        timestamptz NOT NULL,
    approved_by       uuid,
    approved_at       timestamptz,
    reference         text,
    paid_at           timestamptz,
    cancelled_reason  text,
    log_xid           bigint NOT NULL,
    log_position      bigint NOT NULL,
    UNIQUE (currency, number)
);
CREATE INDEX payout_runs_newest ON read.payout_runs (drafted_at DESC, run_id DESC);

-- One row per reseller and run. A reseller sees a statement once its run is approved.
CREATE TABLE read.statements (
    statement_id      uuid PRIMARY KEY,
    run_id            uuid NOT NULL,
    reseller_id       uuid NOT NULL,
    tenant_id         uuid CHECK (tenant_id IS NULL),
    reseller_name     text NOT NULL,
    opening_minor     bigint NOT NULL,
    earned_minor      bigint NOT NULL,
    clawed_back_minor bigint NOT NULL,
    minimum_minor     bigint NOT NULL,
    payout_minor      bigint NOT NULL,
    carried_minor     bigint NOT NULL,
    lines             bigint NOT NULL,
    digest            text NOT NULL,
    html_digest       text NOT NULL,
    -- Those of its run, for who may not see that.
    run_number        bigint NOT NULL,
    run_status        text COLLATE "C" NOT NULL,
    currency          text COLLATE "C" NOT NULL,
    cutoff            timestamptz NOT NULL,
    sold_until        timestamptz NOT NULL,
    holding_days      bigint NOT NULL,
    facts             bigint NOT NULL,
    before_facts      bigint,
    before_cutoff     timestamptz,
    before_sold_until timestamptz,
    drafted_at        timestamptz NOT NULL,
    -- Where the draft stands in the log: its lines are those of the facts before it.
    log_xid           bigint NOT NULL,
    log_position      bigint NOT NULL
);
CREATE INDEX statements_newest ON read.statements (drafted_at DESC, statement_id DESC);
CREATE INDEX statements_of_reseller ON read.statements (reseller_id, drafted_at DESC, statement_id DESC);
CREATE INDEX statements_of_run ON read.statements (run_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['payout_runs', 'statements'] LOOP
        EXECUTE format('ALTER TABLE read.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY fold ON read.%I TO stentor_projections USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT ON read.%I TO stentor_read', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON read.%I TO stentor_projections', name);
    END LOOP;
END $$;
-- Runs are the platform's alone.
CREATE POLICY scope ON read.payout_runs FOR SELECT TO stentor_read
    USING (current_setting('stentor.scope', true) = 'platform');
CREATE POLICY scope ON read.statements FOR SELECT TO stentor_read
    USING (read.visible(reseller_id, tenant_id)
           AND (run_status IN ('approved', 'paid') OR current_setting('stentor.scope', true) = 'platform'));
