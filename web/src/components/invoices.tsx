// Invoices and credit notes, for who pays them and for who issues them.
import { ReceiptText } from "lucide-react";
import type { ReactNode } from "react";
import { useRead } from "@/api/client";
import { graphql } from "@/gql";
import type { InvoicesQuery } from "@/gql/graphql";
import { formatDate, formatMoney } from "@/lib/format";
import { usePages } from "@/lib/use-pages";
import { DocumentButtons } from "./document-buttons";
import { Pager } from "./pager";
import { Empty, Loaded } from "./states";
import { type Column, Table } from "./table";
import { Badge } from "./ui/badge";

const document = graphql(`
  query Invoices($after: String, $resellerId: ID, $minPosition: String) {
    invoices(first: 20, after: $after, resellerId: $resellerId, minPosition: $minPosition) {
      nodes {
        id
        number
        reference
        kind
        credits
        creditedBy
        issuedAt
        currency
        taxMinor
        totalMinor
        paidAt
        downloadPath
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export type InvoiceRow = InvoicesQuery["invoices"]["nodes"][number];

/** An invoice that is neither paid nor credited. */
export function isOpen(row: InvoiceRow): boolean {
  return row.kind === "INVOICE" && !row.paidAt && row.creditedBy == null;
}

function Standing({ row }: { row: InvoiceRow }) {
  if (row.kind === "CREDIT_NOTE") return <Badge>Takes back {row.credits}</Badge>;
  if (row.creditedBy != null) return <Badge>Credited by {row.creditedBy}</Badge>;
  return row.paidAt ? <Badge tone="good">Paid</Badge> : <Badge tone="warning">Open</Badge>;
}

function money(row: InvoiceRow, amountMinor: number): string {
  return formatMoney({ amountMinor, currency: row.currency });
}

const columns: Column<InvoiceRow>[] = [
  {
    label: "Document",
    lead: true,
    cell: (row) => `${row.kind === "INVOICE" ? "Invoice" : "Credit note"} ${row.reference}`,
  },
  { label: "Issued", cell: (row) => formatDate(row.issuedAt) },
  { label: "Status", cell: (row) => <Standing row={row} /> },
  {
    label: "Total",
    align: "right",
    cell: (row) => (
      <>
        {money(row, row.totalMinor)}
        {row.taxMinor !== 0 && (
          <span className="block text-muted text-xs">with {money(row, row.taxMinor)} tax</span>
        )}
      </>
    ),
  },
  {
    label: "File",
    cell: (row) => (
      <DocumentButtons path={row.downloadPath} name={row.reference} formats={["json"]} />
    ),
  },
];

interface InvoicesProps {
  /** Without it the reader's own. */
  resellerId?: string;
  /** What the reader can do with one. */
  actions?: (row: InvoiceRow) => ReactNode;
}

export function Invoices({ resellerId, actions }: InvoicesProps) {
  const pages = usePages(resellerId ?? "");
  const reading = useRead(document, { resellerId: resellerId ?? null, after: pages.after ?? null });
  const shown: Column<InvoiceRow>[] = actions
    ? [...columns, { label: "Actions", align: "right", cell: actions }]
    : columns;
  return (
    <Loaded reading={reading} label="Loading invoices">
      {({ invoices }) =>
        invoices.nodes.length === 0 ? (
          <Empty icon={ReceiptText} title="No invoices yet">
            Packs that are bought and fees that are charged stand on the next invoice.
          </Empty>
        ) : (
          <>
            <Table
              caption="Invoices"
              columns={shown}
              rows={invoices.nodes}
              keyOf={(row) => row.id}
            />
            <Pager pages={pages} info={invoices.pageInfo} label="invoices" />
          </>
        )
      }
    </Loaded>
  );
}
