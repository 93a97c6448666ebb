// How the proof of the log stands: the chain, the last checkpoint, the last verification.
import { useRead } from "@/api/client";
import { Page, Stat } from "@/components/page";
import { Loaded } from "@/components/states";
import { Alert } from "@/components/ui/alert";
import { Badge } from "@/components/ui/badge";
import { Card, CardBody, CardHeader } from "@/components/ui/card";
import { graphql } from "@/gql";
import type { AuditStatusQuery } from "@/gql/graphql";
import { formatDateTime, formatLength, formatNumber, humanize } from "@/lib/format";

const document = graphql(`
  query AuditStatus($minPosition: String) {
    auditStatus(minPosition: $minPosition) {
      sound
      events
      head
      position
      lag
      checkpoint {
        size
        root
        key
        madeAt
        ageSeconds
      }
      lastVerification {
        at
        events
        violations
        first
      }
      ledgerViolations
      firstLedgerViolation {
        position
        rule
        stream
        sequence
        expected
        found
      }
    }
  }
`);

type Status = AuditStatusQuery["auditStatus"];

export function AuditPage() {
  const reading = useRead(document, {});
  return (
    <Page
      title="Audit"
      description="Every event is chained to the one before it, and checkpoints of the chain are signed. stentor audit verify checks all of it."
    >
      <Loaded reading={reading} label="Loading the audit's status">
        {({ auditStatus }) => <Standing status={auditStatus} />}
      </Loaded>
    </Page>
  );
}

function Standing({ status }: { status: Status }) {
  const { checkpoint, lastVerification } = status;
  return (
    <div className="space-y-6">
      <Findings status={status} />
      <dl className="grid gap-4 sm:grid-cols-3">
        <Stat
          label="Events in the chain"
          value={formatNumber(status.events)}
          detail={
            status.lag === 0 ? "All there are" : `${formatNumber(status.lag)} positions behind`
          }
        />
        <Stat
          label="Covered by a checkpoint"
          value={checkpoint ? formatNumber(checkpoint.size) : "None"}
          detail={
            checkpoint ? `${formatLength(checkpoint.ageSeconds * 1000)} old` : "none is signed yet"
          }
        />
        <Stat
          label="Last verification"
          value={lastVerification ? formatNumber(lastVerification.violations) : "Never"}
          detail={
            lastVerification
              ? `violations in ${formatNumber(lastVerification.events)} events`
              : "run stentor audit verify every night"
          }
        />
      </dl>
      <Card>
        <CardHeader
          title="Proof"
          action={
            <Badge tone={status.sound ? "good" : "bad"}>
              {status.sound ? "Nothing is known to be wrong" : "Does not hold"}
            </Badge>
          }
        />
        <CardBody>
          <dl className="space-y-4">
            <Fact label="Chained up to position" value={status.position} />
            <Fact label="Head of the chain" value={status.head} code />
            {checkpoint && (
              <>
                <Fact label="Last checkpoint" value={formatDateTime(checkpoint.madeAt)} />
                <Fact label="Root" value={checkpoint.root} code />
                <Fact label="Signed with the key" value={checkpoint.key} code />
              </>
            )}
            {lastVerification && (
              <Fact label="Last verified" value={formatDateTime(lastVerification.at)} />
            )}
          </dl>
        </CardBody>
      </Card>
    </div>
  );
}

function Fact({ label, value, code = false }: { label: string; value: string; code?: boolean }) {
  return (
    <div>
      <dt className="text-muted text-xs">{label}</dt>
      <dd className="break-all">{code ? <code className="text-xs">{value}</code> : value}</dd>
    </div>
  );
}

function Findings({ status }: { status: Status }) {
  const { firstLedgerViolation: ledger, lastVerification: run } = status;
  return (
    <>
      {run && run.violations > 0 && (
        <Alert tone="bad">
          The last verification found{" "}
          {run.violations === 1 ? "a violation" : `${formatNumber(run.violations)} violations`}.
          {run.first && (
            <>
              {" "}
              The first one: <code className="break-all text-xs">{run.first}</code>
            </>
          )}
        </Alert>
      )}
      {ledger && (
        <Alert tone="bad">
          {status.ledgerViolations === 1
            ? "An event breaks"
            : `${status.ledgerViolations} events break`}{" "}
          a rule of the ledger. The first one is event {ledger.sequence} of {ledger.stream}, at
          position {ledger.position}: {humanize(ledger.rule)}, expected {ledger.expected}, found{" "}
          {ledger.found}.
        </Alert>
      )}
    </>
  );
}
