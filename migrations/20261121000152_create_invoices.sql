-- Invoices and credit notes, folded from the log.
CREATE TABLE read.invoices (
    invoice_id     uuid PRIMARY KEY,
    reseller_id    uuid NOT NULL,
    tenant_id      uuid CHECK (tenant_id IS NULL),
    -- Counted per reseller, without a gap, invoices and credit notes together.
    number         bigint NOT NULL,
    currency       text COLLATE "C" NOT NULL,
    total_minor    bigint NOT NULL,
    document       jsonb NOT NULL,
    digest         text NOT NULL,
    issued_at      timestamptz NOT NULL,
    paid_reference text,
    paid_at        timestamptz,
    credited_by    bigint,
    UNIQUE (reseller_id, number)
);
CREATE INDEX invoices_newest ON read.invoices (issued_at DESC, invoice_id DESC);
CREATE INDEX invoices_of_reseller ON read.invoices (reseller_id, issued_at DESC, invoice_id DESC);

ALTER TABLE read.invoices ENABLE ROW LEVEL SECURITY;
CREATE POLICY fold ON read.invoices TO stentor_projections USING (true) WITH CHECK (true);
CREATE POLICY scope ON read.invoices FOR SELECT TO stentor_read USING (read.visible(reseller_id, tenant_id));
GRANT SELECT ON read.invoices TO stentor_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON read.invoices TO stentor_projections;
