-- Workflows of tenants, each in its latest version; removed ones are gone.
CREATE TABLE read.workflows (
    workflow_id uuid PRIMARY KEY,
    reseller_id uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,
    version     bigint NOT NULL CHECK (version > 0),
    -- xyflow's nodes and edges, as the builder drew them.
    graph       jsonb NOT NULL,
    model       text NOT NULL,
    language    text,
    task        text NOT NULL,
    saved_at    timestamptz NOT NULL
);
CREATE INDEX workflows_of_tenant ON read.workflows (tenant_id, saved_at DESC, workflow_id DESC);
CREATE INDEX workflows_of_reseller ON read.workflows (reseller_id, saved_at DESC, workflow_id DESC);
CREATE INDEX workflows_newest ON read.workflows (saved_at DESC, workflow_id DESC);

ALTER TABLE read.workflows ENABLE ROW LEVEL SECURITY;
CREATE POLICY fold ON read.workflows TO stentor_projections USING (true) WITH CHECK (true);
CREATE POLICY scope ON read.workflows FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON read.workflows TO stentor_projections;
GRANT SELECT ON read.workflows TO stentor_read;
