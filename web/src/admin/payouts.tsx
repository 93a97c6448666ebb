// Payout runs: drafted here, approved by somebody else, paid.
import { Link } from "@tanstack/react-router";
import { HandCoins, Plus } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { Empty, Loaded } from "@/components/states";
import { PayoutRunBadge } from "@/components/status";
import { type Column, Table } from "@/components/table";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import { graphql } from "@/gql";
import type { PayoutRunsQuery } from "@/gql/graphql";
import { formatDateTime, formatDays, formatMoney, formatNumber } from "@/lib/format";
import { usePages } from "@/lib/use-pages";
import { DraftRun } from "./draft-run";
import { RunSteps } from "./run-steps";

const document = graphql(`
  query PayoutRuns($after: String, $minPosition: String) {
    payoutRuns(first: 20, after: $after, minPosition: $minPosition) {
      nodes {
        id
        currency
        number
        status
        cutoff
        holdingDays
        statements
        payoutMinor
        reference
        cancelledReason
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Run = PayoutRunsQuery["payoutRuns"]["nodes"][number];

const columns: Column<Run>[] = [
  {
    label: "Run",
    lead: true,
    cell: (run) => (
      <Link
        to="/admin/payouts/$id"
        params={{ id: run.id }}
        className="text-accent-text underline-offset-4 hover:underline"
      >
        {run.currency} {run.number}
      </Link>
    ),
  },
  {
    label: "Status",
    cell: (run) => (
      <>
        <PayoutRunBadge status={run.status} />
        <span className="block text-muted text-xs">{run.reference ?? run.cancelledReason}</span>
      </>
    ),
  },
  {
    label: "Up to",
    cell: (run) => (
      <>
        {formatDateTime(run.cutoff)}
        <span className="block text-muted text-xs">held for {formatDays(run.holdingDays)}</span>
      </>
    ),
  },
  { label: "Statements", align: "right", cell: (run) => formatNumber(run.statements) },
  {
    label: "To be paid",
    align: "right",
    cell: (run) => formatMoney({ amountMinor: run.payoutMinor, currency: run.currency }),
  },
  { label: "Next step", align: "right", cell: (run) => <RunSteps run={run} /> },
];

export function PayoutsPage() {
  const pages = usePages("");
  const reading = useRead(document, { after: pages.after ?? null });
  const [drafting, setDrafting] = useState(false);
  const draft = (
    <Button onClick={() => setDrafting(true)}>
      <Plus aria-hidden /> Draft run
    </Button>
  );
  return (
    <Page
      title="Payouts"
      description="Commission that is paid out to resellers. Who drafts a run does not approve it."
      action={draft}
    >
      <Card className="overflow-hidden">
        <Loaded reading={reading} label="Loading payout runs">
          {({ payoutRuns }) =>
            payoutRuns.nodes.length === 0 ? (
              <Empty icon={HandCoins} title="No payout runs yet">
                A run takes every commission whose sale has stood for the holding period.
              </Empty>
            ) : (
              <>
                <Table
                  caption="Payout runs"
                  columns={columns}
                  rows={payoutRuns.nodes}
                  keyOf={(run) => run.id}
                />
                <Pager pages={pages} info={payoutRuns.pageInfo} label="payout runs" />
              </>
            )
          }
        </Loaded>
      </Card>
      <Dialog
        open={drafting}
        onOpenChange={setDrafting}
        title="Draft a payout run"
        description="Its statements are frozen. Until it is paid it can be cancelled, and the next run takes what was in it."
      >
        <DraftRun onDone={() => setDrafting(false)} />
      </Dialog>
    </Page>
  );
}
