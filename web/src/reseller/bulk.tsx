// One bulk: how far it is, and what became of its rows.
import { getRouteApi, Link } from "@tanstack/react-router";
import { ListChecks } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { cancelBulk } from "@/api/commands/customers";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { SaveList } from "@/components/save-list";
import { Empty, Loaded } from "@/components/states";
import { BulkBadge } from "@/components/status";
import { type Column, Table } from "@/components/table";
import { TextCommand } from "@/components/text-command";
import { Button } from "@/components/ui/button";
import { Card, CardBody } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import { Select } from "@/components/ui/input";
import { Progress } from "@/components/ui/progress";
import { graphql } from "@/gql";
import type { BulkResultsQuery, BulkRowState } from "@/gql/graphql";
import { formatNumber, humanize } from "@/lib/format";
import { usePages } from "@/lib/use-pages";
import { useRepeat } from "@/lib/use-repeat";
import { reason } from "@/lib/validation";

const bulkDocument = graphql(`
  query Bulk($id: ID!, $minPosition: String) {
    bulk(id: $id, minPosition: $minPosition) {
      kind
      state
      rows
      done
      failed
    }
  }
`);

const resultsDocument = graphql(`
  query BulkResults($id: ID!, $state: BulkRowState, $after: String) {
    bulkResults(bulkId: $id, state: $state, first: 20, after: $after) {
      nodes {
        row
        state
        code
        message
        customerId
        debited
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Row = BulkResultsQuery["bulkResults"]["nodes"][number];

const columns: Column<Row>[] = [
  { label: "Row", lead: true, cell: (row) => formatNumber(row.row) },
  { label: "State", cell: (row) => humanize(row.state) },
  {
    label: "Result",
    cell: (row) =>
      row.customerId ? (
        <Link
          to="/reseller/customers/$id"
          params={{ id: row.customerId }}
          className="text-accent-text underline-offset-4 hover:underline"
        >
          Open customer
        </Link>
      ) : (
        <>
          {row.message}
          {row.code && <span className="block font-mono text-muted text-xs">{row.code}</span>}
        </>
      ),
  },
  { label: "Credits", align: "right", cell: (row) => formatNumber(row.debited ?? 0) },
];

/** How often a bulk that runs is looked at. */
const LOOK_MS = 1_000;

const route = getRouteApi("/reseller-area/reseller/bulks/$id");

export function BulkPage() {
  const { id } = route.useParams();
  const [state, setState] = useState<BulkRowState>();
  const [cancelling, setCancelling] = useState(false);
  const reading = useRead(bulkDocument, { id });
  const pages = usePages(state ?? "");
  const results = useRead(resultsDocument, {
    id,
    state: state ?? null,
    after: pages.after ?? null,
  });
  const bulk = reading.data?.bulk;
  const running = bulk?.state === "RUNNING" || bulk?.state === "CANCELLING";
  useRepeat(running, LOOK_MS, () => {
    reading.retry();
    results.retry();
  });
  const cancel = bulk?.state === "RUNNING" && (
    <Button variant="secondary" onClick={() => setCancelling(true)}>
      Cancel the rest
    </Button>
  );
  return (
    <Page
      title={bulk ? `${humanize(bulk.kind)} customers` : "Bulk"}
      back={{ to: "/reseller/bulks", label: "Bulks" }}
      action={cancel}
    >
      <Dialog
        open={cancelling}
        onOpenChange={setCancelling}
        title="Cancel the rest"
        description="Rows that are done stay done; those that have not begun are left."
      >
        <TextCommand
          label="Reason"
          submit="Cancel the rest"
          schema={reason}
          send={(text, key) => cancelBulk({ id, reason: text }, key)}
          onDone={() => setCancelling(false)}
        />
      </Dialog>
      <div className="space-y-6">
        <Card>
          <CardBody className="space-y-3 pt-5">
            <Loaded reading={reading} label="Loading the bulk">
              {({ bulk }) =>
                bulk ? (
                  <>
                    <p className="flex flex-wrap items-center gap-3" role="status">
                      <BulkBadge state={bulk.state} />
                      {formatNumber(bulk.done)} of {formatNumber(bulk.rows)} done,{" "}
                      {formatNumber(bulk.failed)} failed
                    </p>
                    <Progress
                      label="Rows carried out"
                      value={Math.round((100 * (bulk.done + bulk.failed)) / bulk.rows)}
                    />
                  </>
                ) : (
                  <p className="text-muted">There is no such bulk.</p>
                )
              }
            </Loaded>
          </CardBody>
        </Card>
        <Card>
          <div className="flex flex-wrap items-start justify-between gap-3 p-5">
            <Select
              aria-label="Rows"
              className="sm:w-44"
              value={state ?? ""}
              onChange={(event) =>
                setState((event.target.value || undefined) as BulkRowState | undefined)
              }
            >
              <option value="">All rows</option>
              <option value="DONE">Done</option>
              <option value="FAILED">Failed</option>
              <option value="WAITING">Waiting</option>
              <option value="LEFT">Left</option>
            </Select>
            <SaveList
              name="rows"
              document={resultsDocument}
              variables={{ id, state: state ?? null, after: null }}
            />
          </div>
          <Loaded reading={results} label="Loading rows">
            {({ bulkResults }) =>
              bulkResults.nodes.length === 0 ? (
                <Empty icon={ListChecks} title="No such rows">
                  Choose another state.
                </Empty>
              ) : (
                <>
                  <Table
                    caption="Rows"
                    columns={columns}
                    rows={bulkResults.nodes}
                    keyOf={(row) => String(row.row)}
                  />
                  <Pager pages={pages} info={bulkResults.pageInfo} label="rows" />
                </>
              )
            }
          </Loaded>
        </Card>
      </div>
    </Page>
  );
}
