// Statements of payout runs, for who is paid and for who pays.
import { FileText } from "lucide-react";
import { useRead } from "@/api/client";
import { graphql } from "@/gql";
import type { StatementsQuery } from "@/gql/graphql";
import { formatDate, formatMoney } from "@/lib/format";
import { usePages } from "@/lib/use-pages";
import { DocumentButtons } from "./document-buttons";
import { Pager } from "./pager";
import { Empty, Loaded } from "./states";
import { PayoutRunBadge } from "./status";
import { type Column, Table } from "./table";

const document = graphql(`
  query Statements($after: String, $runId: ID, $minPosition: String) {
    statements(first: 20, after: $after, runId: $runId, minPosition: $minPosition) {
      nodes {
        id
        runNumber
        status
        resellerName
        currency
        cutoff
        openingMinor
        earnedMinor
        clawedBackMinor
        payoutMinor
        carriedMinor
        downloadPath
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Row = StatementsQuery["statements"]["nodes"][number];

function money(row: Row, amountMinor: number): string {
  return formatMoney({ amountMinor, currency: row.currency });
}

const figures: Column<Row>[] = [
  { label: "Carried in", align: "right", cell: (row) => money(row, row.openingMinor) },
  {
    label: "Earned",
    align: "right",
    cell: (row) => (
      <>
        {money(row, row.earnedMinor)}
        {row.clawedBackMinor !== 0 && (
          <span className="block text-muted text-xs">
            {money(row, row.clawedBackMinor)} taken back
          </span>
        )}
      </>
    ),
  },
  { label: "Paid out", align: "right", cell: (row) => money(row, row.payoutMinor) },
  { label: "Carried on", align: "right", cell: (row) => money(row, row.carriedMinor) },
  {
    label: "Document",
    cell: (row) => (
      <DocumentButtons
        path={row.downloadPath}
        name={`statement ${row.currency} ${row.runNumber} of ${row.resellerName}`}
        formats={["csv", "json"]}
      />
    ),
  },
];

const ofReseller: Column<Row>[] = [
  {
    label: "Statement",
    lead: true,
    cell: (row) => (
      <>
        {row.currency} {row.runNumber} <PayoutRunBadge status={row.status} />
        <span className="block font-normal text-muted text-xs">up to {formatDate(row.cutoff)}</span>
      </>
    ),
  },
  ...figures,
];

const ofRun: Column<Row>[] = [
  { label: "Reseller", lead: true, cell: (row) => row.resellerName },
  ...figures,
];

/** Those of a run, or, without one, the reader's own. */
export function Statements({ runId }: { runId?: string }) {
  const pages = usePages(runId ?? "");
  const reading = useRead(document, { runId: runId ?? null, after: pages.after ?? null });
  return (
    <Loaded reading={reading} label="Loading statements">
      {({ statements }) =>
        statements.nodes.length === 0 ? (
          <Empty icon={FileText} title="No statements yet">
            There is one for every payout run that has something for a reseller.
          </Empty>
        ) : (
          <>
            <Table
              caption="Statements"
              columns={runId === undefined ? ofReseller : ofRun}
              rows={statements.nodes}
              keyOf={(row) => row.id}
            />
            <Pager pages={pages} info={statements.pageInfo} label="statements" />
          </>
        )
      }
    </Loaded>
  );
}
