import { Link } from "@tanstack/react-router";
import { Activity as ActivityIcon, Coins, Plus, Users } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { Page, Stat } from "@/components/page";
import { Empty, Loaded, Skeleton } from "@/components/states";
import { Transactions } from "@/components/transactions";
import { Button } from "@/components/ui/button";
import { Card, CardBody, CardHeader } from "@/components/ui/card";
import type { DashboardQuery } from "@/gql/graphql";
import { formatDateTime, formatDays, formatMonth, formatNumber } from "@/lib/format";
import { BuyCredits } from "./buy-credits";
import { dashboardDocument } from "./dashboard-query";

type Dashboard = DashboardQuery["dashboard"];

export function DashboardPage() {
  const reading = useRead(dashboardDocument, {});
  const [buying, setBuying] = useState(false);
  const dashboard = reading.data?.dashboard;
  return (
    <Page
      title="Dashboard"
      description={dashboard?.resellerName}
      action={
        <>
          <Button variant="secondary" onClick={() => setBuying(true)}>
            <Coins aria-hidden /> Buy credits
          </Button>
          <Button variant="secondary" asChild>
            <Link to="/reseller/customers">
              <Users aria-hidden /> View all customers
            </Link>
          </Button>
          <Button asChild>
            <Link to="/reseller/customers/new">
              <Plus aria-hidden /> New customer
            </Link>
          </Button>
        </>
      }
    >
      {dashboard ? (
        <Figures dashboard={dashboard} forecast={reading.data?.creditForecast?.text} />
      ) : reading.error ? (
        <Card>
          <Loaded reading={reading} label="Loading the dashboard">
            {() => null}
          </Loaded>
        </Card>
      ) : (
        <div
          role="status"
          aria-label="Loading the dashboard"
          className="grid grid-cols-2 gap-4 lg:grid-cols-4"
        >
          {["a", "b", "c", "d"].map((key) => (
            <Skeleton key={key} className="h-28 rounded-xl" />
          ))}
        </div>
      )}
      <BuyCredits open={buying} onOpenChange={setBuying} />
    </Page>
  );
}

function Figures({ dashboard, forecast }: { dashboard: Dashboard; forecast: string | undefined }) {
  const period = formatMonth(dashboard.periodStart, dashboard.periodEnd);
  const counted = [
    [dashboard.customersPaused, "paused"],
    [dashboard.customersSuspended, "suspended"],
  ] as const;
  const outside = counted.filter(([count]) => count > 0);
  return (
    <>
      <dl className="mb-6 grid grid-cols-2 gap-4 lg:grid-cols-3">
        <Stat
          label="Balance"
          value={formatDays(dashboard.balanceDays)}
          detail={forecast ?? "1 credit is 1 day of one customer"}
        />
        <Stat
          label="Customers"
          value={formatNumber(dashboard.customersTotal)}
          detail={
            outside.map(([count, what]) => `${formatNumber(count)} ${what}`).join(", ") ||
            "in total"
          }
        />
        <Stat
          label="Active"
          value={formatNumber(dashboard.customersActive)}
          detail="with access now"
        />
        <Stat
          label="Expired"
          value={formatNumber(dashboard.customersExpired)}
          detail="could be extended"
        />
        <Stat label="Used this month" value={formatDays(dashboard.usedThisMonth)} detail={period} />
        <Stat label="New this month" value={formatNumber(dashboard.newThisMonth)} detail={period} />
      </dl>
      <div className="grid items-start gap-6 xl:grid-cols-[3fr_2fr]">
        <Card className="min-w-0">
          <CardHeader
            title="Last transactions"
            action={
              <Button variant="ghost" size="small" className="-my-1.5 -mr-2" asChild>
                <Link to="/reseller/credits">All transactions</Link>
              </Button>
            }
          />
          <Transactions rows={dashboard.lastTransactions} compact />
        </Card>
        <Card className="min-w-0">
          <CardHeader title="Recent activity" />
          <RecentActivity rows={dashboard.recentActivity} />
        </Card>
      </div>
    </>
  );
}

function RecentActivity({ rows }: { rows: Dashboard["recentActivity"] }) {
  if (rows.length === 0) {
    return (
      <Empty icon={ActivityIcon} title="Nothing has happened yet">
        What you and your customers do will stand here.
      </Empty>
    );
  }
  return (
    <CardBody>
      <ol className="space-y-4">
        {rows.map((row) => (
          <li key={row.position} className="flex gap-3">
            <span aria-hidden className="mt-1.5 size-2 shrink-0 rounded-full bg-accent" />
            <div className="min-w-0">
              <p className="break-words">{row.text}</p>
              <p className="text-muted text-xs">
                {formatDateTime(row.at)}
                {row.actorName && ` · ${row.actorName}`}
              </p>
            </div>
          </li>
        ))}
      </ol>
    </CardBody>
  );
}
