-- What the read API shows. Every table is folded from the log and can be dropped and folded again.
-- Scope columns lead: reseller_id and tenant_id are null where a row belongs to no reseller or no tenant.
CREATE SCHEMA read;

CREATE TABLE read.resellers (
    reseller_id     uuid PRIMARY KEY,
    tenant_id       uuid CHECK (tenant_id IS NULL),
    name            text NOT NULL,
    -- Null once the person has been erased.
    contact_email   text,
    commission_rate numeric NOT NULL,
    status          text NOT NULL CHECK (status IN ('active', 'suspended')),
    time_zone       text NOT NULL,
    customers_total bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL
);
CREATE INDEX resellers_newest ON read.resellers (created_at DESC, reseller_id DESC);

CREATE TABLE read.credit_balances (
    reseller_id uuid PRIMARY KEY,
    tenant_id   uuid CHECK (tenant_id IS NULL),
    balance     bigint NOT NULL CHECK (balance >= 0)
);

-- A customer pays in days, not in credits: a reseller's movements are not the tenant's to see.
CREATE TABLE read.credit_transactions (
    log_xid       bigint NOT NULL,
    log_position  bigint NOT NULL,
    reseller_id   uuid NOT NULL,
    tenant_id     uuid CHECK (tenant_id IS NULL),
    customer_id   uuid,
    kind          text NOT NULL CHECK (kind IN ('purchase', 'debit', 'refund', 'adjustment', 'bonus')),
    amount        bigint NOT NULL,
    balance_after bigint NOT NULL,
    note          text,
    actor_id      uuid,
    at            timestamptz NOT NULL,
    PRIMARY KEY (log_xid, log_position)
);
CREATE INDEX credit_transactions_newest ON read.credit_transactions (reseller_id, log_xid DESC, log_position DESC);
CREATE INDEX credit_transactions_debits ON read.credit_transactions (reseller_id, at) INCLUDE (amount) WHERE kind = 'debit';

-- created_at stays null until the tenant's own event is folded: a grant or a user may precede it in the append
-- that creates all three.
CREATE TABLE read.customers (
    tenant_id     uuid PRIMARY KEY,
    reseller_id   uuid,
    name          text,
    contact_email text,
    suspended     boolean NOT NULL DEFAULT false,
    tier          text NOT NULL DEFAULT 'basic' CHECK (tier IN ('basic', 'premium', 'enterprise')),
    -- End of the last grant; null where there never was one.
    expires_at    timestamptz,
    users_total   bigint NOT NULL DEFAULT 0,
    created_at    timestamptz
);
CREATE INDEX customers_newest ON read.customers (created_at DESC, tenant_id DESC);
CREATE INDEX customers_of_reseller ON read.customers (reseller_id, created_at DESC, tenant_id DESC);
CREATE INDEX customers_by_expiry ON read.customers (reseller_id, suspended, expires_at);

CREATE TABLE read.grants (
    grant_id    uuid PRIMARY KEY,
    reseller_id uuid,
    tenant_id   uuid NOT NULL,
    tier        text NOT NULL CHECK (tier IN ('basic', 'premium', 'enterprise')),
    source      text NOT NULL,
    days        bigint NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL
);
CREATE INDEX grants_of_tenant ON read.grants (tenant_id, ends_at DESC);

CREATE TABLE read.users (
    user_id     uuid PRIMARY KEY,
    reseller_id uuid,
    tenant_id   uuid,
    name        text,
    email       text,
    role        text NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE read.packs (
    code         text COLLATE "C" PRIMARY KEY,
    reseller_id  uuid CHECK (reseller_id IS NULL),
    tenant_id    uuid CHECK (tenant_id IS NULL),
    name         text NOT NULL,
    credits      bigint NOT NULL CHECK (credits > 0),
    price_minor  bigint NOT NULL,
    currency     text NOT NULL,
    retired      boolean NOT NULL DEFAULT false
);
CREATE INDEX packs_by_size ON read.packs (credits, code);

CREATE TABLE read.recordings (
    recording_id uuid PRIMARY KEY,
    reseller_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    uploaded_by  uuid NOT NULL,
    name         text NOT NULL,
    object_key   text NOT NULL,
    bytes        bigint NOT NULL,
    sha256       text NOT NULL,
    format       text NOT NULL,
    duration_ms  bigint NOT NULL,
    uploaded_at  timestamptz NOT NULL
);
CREATE INDEX recordings_newest ON read.recordings (uploaded_at DESC, recording_id DESC);
CREATE INDEX recordings_of_reseller ON read.recordings (reseller_id, uploaded_at DESC, recording_id DESC);
CREATE INDEX recordings_of_tenant ON read.recordings (tenant_id, uploaded_at DESC, recording_id DESC);

CREATE TABLE read.jobs (
    job_id          uuid PRIMARY KEY,
    reseller_id     uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    recording_id    uuid NOT NULL,
    submitted_by    uuid NOT NULL,
    model           text NOT NULL,
    language        text,
    task            text NOT NULL CHECK (task IN ('transcribe', 'translate')),
    status          text NOT NULL CHECK (status IN ('queued', 'dispatched', 'running', 'succeeded', 'failed', 'cancelled')),
    attempts        bigint NOT NULL DEFAULT 0,
    failure_code    text,
    failure_message text,
    result_key      text,
    result_sha256   text,
    created_at      timestamptz NOT NULL,
    started_at      timestamptz,
    finished_at     timestamptz
);
CREATE INDEX jobs_newest ON read.jobs (created_at DESC, job_id DESC);
CREATE INDEX jobs_of_reseller ON read.jobs (reseller_id, created_at DESC, job_id DESC);
CREATE INDEX jobs_of_tenant ON read.jobs (tenant_id, created_at DESC, job_id DESC);

CREATE TABLE read.activity (
    log_xid      bigint NOT NULL,
    log_position bigint NOT NULL,
    reseller_id  uuid,
    tenant_id    uuid,
    kind         text NOT NULL,
    -- Follows the customer's name where tenant_id is set.
    text         text NOT NULL,
    actor_id     uuid,
    at           timestamptz NOT NULL,
    PRIMARY KEY (log_xid, log_position)
);
CREATE INDEX activity_of_reseller ON read.activity (reseller_id, log_xid DESC, log_position DESC);
