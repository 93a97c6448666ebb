-- Sessions in which somebody acts as somebody else.
ALTER TABLE auth.sessions
    ADD COLUMN impersonator uuid,
    ADD COLUMN may_write    boolean NOT NULL DEFAULT false;

-- Who acted as whom, for the one who was acted as and for those who answer for it.
CREATE TABLE read.impersonations (
    impersonation_id uuid PRIMARY KEY,
    reseller_id      uuid,
    tenant_id        uuid,
    user_id          uuid NOT NULL,
    by_id            uuid NOT NULL,
    reason           text NOT NULL,
    may_write        boolean NOT NULL,
    begun_at         timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL,
    ended_at         timestamptz
);
CREATE INDEX impersonations_newest ON read.impersonations (begun_at DESC, impersonation_id DESC);
CREATE INDEX impersonations_of_reseller ON read.impersonations (reseller_id, begun_at DESC, impersonation_id DESC);
CREATE INDEX impersonations_of_tenant ON read.impersonations (tenant_id, begun_at DESC, impersonation_id DESC);
CREATE INDEX impersonations_of_user ON read.impersonations (user_id, begun_at DESC, impersonation_id DESC);
ALTER TABLE read.impersonations ENABLE ROW LEVEL SECURITY;
CREATE POLICY fold ON read.impersonations TO stentor_projections USING (true) WITH CHECK (true);
CREATE POLICY scope ON read.impersonations FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON read.impersonations TO stentor_projections;
GRANT SELECT ON read.impersonations TO stentor_read;
