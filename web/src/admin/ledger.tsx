// The ledger: what every account received and gave, on two axes of time, and each posting behind it.
import { Scale } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { Field } from "@/components/field";
import { Page, Stat } from "@/components/page";
import { Pager } from "@/components/pager";
import { Empty, Loaded } from "@/components/states";
import { type Column, Table } from "@/components/table";
import { Alert } from "@/components/ui/alert";
import { Badge } from "@/components/ui/badge";
import { Card, CardBody, CardHeader } from "@/components/ui/card";
import { Input } from "@/components/ui/input";
import { graphql } from "@/gql";
import type { PostingsQuery, TrialBalanceQuery } from "@/gql/graphql";
import { formatDateTime, formatNumber, formatSigned, humanize } from "@/lib/format";
import { usePages } from "@/lib/use-pages";
import { formatAmount } from "./amount";

const balanceDocument = graphql(`
  query TrialBalance($asOf: DateTime, $knownAt: DateTime, $minPosition: String) {
    trialBalance(asOf: $asOf, knownAt: $knownAt, minPosition: $minPosition) {
      lines {
        account
        unit
        debits
        credits
        balance
      }
      balanced
      credits {
        sold
        bonus
        adjusted
        spent
        refunded
        available
        holds
      }
      position
    }
  }
`);

const postingsDocument = graphql(`
  query Postings($after: String, $where: PostingsWanted, $minPosition: String) {
    postings(first: 20, after: $after, where: $where, minPosition: $minPosition) {
      nodes {
        id
        entry
        account
        unit
        amount
        happenedAt
        knownAt
        period
        originPeriod
        late
        eventType
        position
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Line = TrialBalanceQuery["trialBalance"]["lines"][number];
type Posting = PostingsQuery["postings"]["nodes"][number];

const lineColumns: Column<Line>[] = [
  { label: "Account", lead: true, cell: (line) => humanize(line.account) },
  { label: "Unit", cell: (line) => line.unit },
  { label: "Debits", align: "right", cell: (line) => formatAmount(line.debits, line.unit) },
  { label: "Credits", align: "right", cell: (line) => formatAmount(line.credits, line.unit) },
  { label: "Balance", align: "right", cell: (line) => formatAmount(line.balance, line.unit) },
];

const postingColumns: Column<Posting>[] = [
  {
    label: "Account",
    lead: true,
    cell: (posting) => (
      <>
        {humanize(posting.account)}
        <span className="block font-normal text-muted text-xs">
          {humanize(posting.eventType.replace(/(?<=.)[A-Z]/g, " $&"))}, position {posting.position}
        </span>
      </>
    ),
  },
  { label: "Amount", align: "right", cell: (row) => formatAmount(row.amount, row.unit, true) },
  { label: "Happened", cell: (posting) => formatDateTime(posting.happenedAt) },
  { label: "Known", cell: (posting) => formatDateTime(posting.knownAt) },
  {
    label: "Period",
    cell: (posting) =>
      posting.late ? (
        <Badge tone="warning">
          {posting.period}, late from {posting.originPeriod}
        </Badge>
      ) : (
        posting.period
      ),
  },
];

/** What a picker of local time holds, as an instant; nothing for an empty one. */
function instant(local: string): string | null {
  return local === "" ? null : new Date(local).toISOString();
}

export function LedgerPage() {
  const [asOf, setAsOf] = useState("");
  const [knownAt, setKnownAt] = useState("");
  const times = { asOf: instant(asOf), knownAt: instant(knownAt) };
  return (
    <Page title="Ledger" description="Every credit and every cent, as entries on two sides.">
      <Card className="mb-6">
        <CardBody className="grid gap-4 pt-5 sm:grid-cols-2">
          <Field label="What had happened by" hint="Leaves out what happened later.">
            {(control) => (
              <Input
                type="datetime-local"
                value={asOf}
                onChange={(event) => setAsOf(event.target.value)}
                {...control}
              />
            )}
          </Field>
          <Field label="What was known by" hint="Leaves out what was recorded later.">
            {(control) => (
              <Input
                type="datetime-local"
                value={knownAt}
                onChange={(event) => setKnownAt(event.target.value)}
                {...control}
              />
            )}
          </Field>
        </CardBody>
      </Card>
      <TrialBalance {...times} />
      <Postings {...times} />
    </Page>
  );
}

interface Times {
  asOf: string | null;
  knownAt: string | null;
}

function TrialBalance(times: Times) {
  const reading = useRead(balanceDocument, times);
  return (
    <Card className="mb-6">
      <CardHeader
        title="Trial balance"
        description="All resellers together; debits and credits are equal in each unit."
      />
      <Loaded reading={reading} label="Loading the trial balance">
        {({ trialBalance }) => (
          <>
            <div className="space-y-4 px-5 pb-5">
              {!trialBalance.balanced && (
                <Alert tone="bad">Debits and credits differ: run `stentor audit verify`.</Alert>
              )}
              {!trialBalance.credits.holds && (
                <Alert tone="bad">Credits do not add up: run `stentor audit verify`.</Alert>
              )}
              <CreditSums credits={trialBalance.credits} />
            </div>
            {trialBalance.lines.length === 0 ? (
              <Empty icon={Scale} title="No entries yet">
                Nothing had been sold or spent by then.
              </Empty>
            ) : (
              <Table
                caption="Trial balance"
                columns={lineColumns}
                rows={trialBalance.lines}
                keyOf={(line) => `${line.account} ${line.unit}`}
              />
            )}
          </>
        )}
      </Loaded>
    </Card>
  );
}

function CreditSums({ credits }: { credits: TrialBalanceQuery["trialBalance"]["credits"] }) {
  return (
    <dl className="grid grid-cols-2 gap-4 lg:grid-cols-4">
      <Stat label="Credits sold" value={formatNumber(credits.sold)} />
      <Stat
        label="Given and corrected"
        value={formatSigned(credits.bonus + credits.adjusted)}
        detail={`bonus ${formatNumber(credits.bonus)}, adjusted ${formatSigned(credits.adjusted)}`}
      />
      <Stat
        label="Spent"
        value={formatNumber(credits.spent)}
        detail={`refunded ${formatSigned(credits.refunded)}`}
      />
      <Stat label="Available" value={formatNumber(credits.available)} />
    </dl>
  );
}

function Postings({ asOf, knownAt }: Times) {
  const pages = usePages(`${asOf} ${knownAt}`);
  const where = { asOf, knownAt };
  const reading = useRead(postingsDocument, { after: pages.after ?? null, where });
  return (
    <Card>
      <CardHeader title="Postings" description="The newest entry first; debits are positive." />
      <Loaded reading={reading} label="Loading postings">
        {({ postings }) =>
          postings.nodes.length === 0 ? (
            <Empty icon={Scale} title="No postings">
              Nothing had been sold or spent by then.
            </Empty>
          ) : (
            <>
              <Table
                caption="Postings"
                columns={postingColumns}
                rows={postings.nodes}
                keyOf={(posting) => posting.id}
              />
              <Pager pages={pages} info={postings.pageInfo} label="postings" />
            </>
          )
        }
      </Loaded>
    </Card>
  );
}
