// What a reseller's credits are: how many, how long they last, and in which lots.
import { Layers } from "lucide-react";
import { useRead } from "@/api/client";
import { Stat } from "@/components/page";
import { Empty, Loaded } from "@/components/states";
import { type Column, Table } from "@/components/table";
import { Badge } from "@/components/ui/badge";
import { Card, CardHeader } from "@/components/ui/card";
import { graphql } from "@/gql";
import type { CreditAccountQuery } from "@/gql/graphql";
import {
  formatCredits,
  formatDate,
  formatDays,
  formatNumber,
  formatUnitPrice,
  humanize,
} from "@/lib/format";
import { CreditAlerts } from "./credit-alerts";
import { Reservations } from "./reservations";

const document = graphql(`
  query CreditAccount($minPosition: String) {
    creditAccount(minPosition: $minPosition) {
      balance
      held
      creditLine
      alertThresholds
      reservations {
        id
        held
        captured
        note
        reservedAt
        expiresAt
      }
      alerts {
        threshold
        balance
        at
        position
      }
      lots {
        lot
        source
        promotional
        expiresAt
        remaining
        packCode
        price {
          currency
        }
        pricePerCredit
        openedAt
      }
    }
    creditForecast(minPosition: $minPosition) {
      lastsDays
      perDay
      renewalsDue
      renewalsCost
      renewalsFailing
      failing {
        customerId
        customerName
        expiresAt
        credits
      }
    }
  }
`);

type Account = NonNullable<CreditAccountQuery["creditAccount"]>;
type Forecast = NonNullable<CreditAccountQuery["creditForecast"]>;
type Lot = Account["lots"][number];
type Renewal = Forecast["failing"][number];

const lotColumns: Column<Lot>[] = [
  { label: "Lot", lead: true, cell: (lot) => <LotName lot={lot} /> },
  { label: "From", cell: (lot) => formatDate(lot.openedAt) },
  { label: "Expires", cell: (lot) => (lot.expiresAt ? formatDate(lot.expiresAt) : "Never") },
  {
    label: "Per credit",
    align: "right",
    cell: (lot) =>
      lot.pricePerCredit && lot.price
        ? formatUnitPrice(lot.pricePerCredit, lot.price.currency)
        : "–",
  },
  { label: "Left", align: "right", cell: (lot) => formatNumber(lot.remaining) },
];

const renewalColumns: Column<Renewal>[] = [
  { label: "Customer", lead: true, cell: (row) => row.customerName ?? "A customer" },
  { label: "Access ends", cell: (row) => formatDate(row.expiresAt) },
  { label: "Credits", align: "right", cell: (row) => formatNumber(row.credits) },
];

function LotName({ lot }: { lot: Lot }) {
  const name = lot.packCode
    ? `Pack ${lot.packCode}`
    : lot.source
      ? humanize(lot.source)
      : "Earlier credits";
  return (
    <span className="flex flex-wrap items-center gap-2">
      {name}
      {lot.promotional && <Badge tone="good">Free</Badge>}
    </span>
  );
}

export function CreditAccount() {
  const reading = useRead(document, {});
  return (
    <Loaded reading={reading} label="Loading the credit account">
      {({ creditAccount, creditForecast }) => (
        <>
          {creditAccount && <Figures account={creditAccount} forecast={creditForecast} />}
          {creditForecast && <FailingRenewals forecast={creditForecast} />}
          {creditAccount && (
            <>
              <Reservations rows={creditAccount.reservations} />
              <Lots lots={creditAccount.lots} />
              <CreditAlerts account={creditAccount} />
            </>
          )}
        </>
      )}
    </Loaded>
  );
}

function Figures({
  account,
  forecast,
}: {
  account: Account;
  forecast: Forecast | null | undefined;
}) {
  const line = account.creditLine;
  const days = forecast?.lastsDays;
  const due = forecast?.renewalsDue ?? 0;
  return (
    <dl className="mb-6 grid grid-cols-2 gap-4 lg:grid-cols-4">
      <Stat
        label="Available"
        value={formatNumber(account.balance)}
        detail={line > 0 ? `and a credit line of ${formatNumber(line)}` : "credits"}
      />
      <Stat label="Held" value={formatNumber(account.held)} detail="by reservations" />
      <Stat
        label="Lasts"
        value={typeof days === "number" ? formatDays(days) : "–"}
        detail={
          typeof days === "number"
            ? `at ${forecast?.perDay} credits a day`
            : "nothing was spent in 30 days"
        }
      />
      <Stat
        label="Renewals in 30 days"
        value={formatNumber(due)}
        detail={`for ${formatCredits(forecast?.renewalsCost ?? 0)}`}
      />
    </dl>
  );
}

function FailingRenewals({ forecast }: { forecast: Forecast }) {
  if (forecast.renewalsFailing === 0) return null;
  return (
    <Card className="mb-6 overflow-hidden">
      <CardHeader
        title="Renewals that the credits do not cover"
        description="If all who are due within 30 days renew for what they cost last."
      />
      <Table
        caption="Renewals that the credits do not cover"
        columns={renewalColumns}
        rows={forecast.failing}
        keyOf={(row) => row.customerId}
      />
    </Card>
  );
}

function Lots({ lots }: { lots: readonly Lot[] }) {
  return (
    <Card className="mb-6 overflow-hidden">
      <CardHeader title="Lots" description="In the order in which they are used." />
      {lots.length === 0 ? (
        <Empty icon={Layers} title="No credits left">
          Each pack that you buy will stand here with its price and its end.
        </Empty>
      ) : (
        <Table
          caption="Lots of credits"
          columns={lotColumns}
          rows={lots}
          keyOf={(lot) => String(lot.lot)}
        />
      )}
    </Card>
  );
}
