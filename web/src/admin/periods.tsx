// Months of the books: which are closed, and closing the next one.
import { CalendarCheck, Lock } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { closePeriod } from "@/api/commands/finance";
import { Page } from "@/components/page";
import { ProblemAlert } from "@/components/problem-alert";
import { Empty, Loaded } from "@/components/states";
import { Submit } from "@/components/submit";
import { type Column, Table } from "@/components/table";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Card, CardHeader } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import { graphql } from "@/gql";
import type { PeriodsQuery } from "@/gql/graphql";
import { formatDateTime, formatNumber, humanize } from "@/lib/format";
import { useCommand } from "@/lib/use-command";

const document = graphql(`
  query Periods($minPosition: String) {
    periods(minPosition: $minPosition) {
      closed {
        period
        entries
        digest
        closedAt
        position
      }
      next {
        period
        closableFrom
        closable
      }
    }
    ledgerViolations(minPosition: $minPosition) {
      position
      rule
      stream
      sequence
      expected
      found
    }
  }
`);

type Closed = PeriodsQuery["periods"]["closed"][number];
type Violation = PeriodsQuery["ledgerViolations"][number];

const columns: Column<Closed>[] = [
  { label: "Month", lead: true, cell: (closed) => closed.period },
  { label: "Entries", align: "right", cell: (closed) => formatNumber(closed.entries) },
  { label: "Closed", cell: (closed) => formatDateTime(closed.closedAt) },
  {
    label: "Digest",
    cell: (closed) => (
      <code className="break-all text-xs" title={closed.digest}>
        {closed.digest.slice(0, 16)}…
      </code>
    ),
  },
];

export function PeriodsPage() {
  const reading = useRead(document, {});
  return (
    <Page title="Periods" description="A closed month never changes; what comes late is labelled.">
      <Violations violations={reading.data?.ledgerViolations ?? []} />
      <Card>
        <CardHeader title="Closed months" action={<Next next={reading.data?.periods.next} />} />
        <Loaded reading={reading} label="Loading periods">
          {({ periods }) =>
            periods.closed.length === 0 ? (
              <Empty icon={CalendarCheck} title="No month is closed yet">
                Months are closed in order, once they are over, in UTC.
              </Empty>
            ) : (
              <Table
                caption="Closed months"
                columns={columns}
                rows={periods.closed}
                keyOf={(closed) => closed.period}
              />
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}

function Violations({ violations }: { violations: readonly Violation[] }) {
  const [first] = violations;
  if (!first) return null;
  return (
    <Alert tone="bad" className="mb-6">
      {violations.length === 1 ? "An event breaks" : `${violations.length} events break`} a rule of
      the ledger. The first one is event {first.sequence} of {first.stream}, at position{" "}
      {first.position}: {humanize(first.rule)}, expected {first.expected}, found {first.found}.
    </Alert>
  );
}

function Next({ next }: { next: PeriodsQuery["periods"]["next"] | undefined }) {
  const [closing, setClosing] = useState(false);
  if (!next) return null;
  if (!next.closable) {
    return (
      <span className="text-muted text-xs">
        {next.period} can be closed from {formatDateTime(next.closableFrom)}
      </span>
    );
  }
  return (
    <>
      <Button onClick={() => setClosing(true)}>
        <Lock aria-hidden /> Close {next.period}
      </Button>
      <Dialog
        open={closing}
        onOpenChange={setClosing}
        title={`Close ${next.period}?`}
        description="Its figures stay as they are for ever. What is recorded later with an earlier date is booked in the open month, and labelled late."
      >
        <CloseForm period={next.period} onDone={() => setClosing(false)} />
      </Dialog>
    </>
  );
}

function CloseForm({ period, onDone }: { period: string; onDone: () => void }) {
  const command = useCommand(closePeriod);
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    if (await command.run({ period })) onDone();
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      {command.problem && (
        <ProblemAlert problem={command.problem} message={command.problem.detail} />
      )}
      <Submit busy={command.busy}>Close {period} for good</Submit>
    </form>
  );
}
