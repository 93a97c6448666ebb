import { getRouteApi } from "@tanstack/react-router";
import { Building2, Coins } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { changeReseller } from "@/api/commands/resellers";
import { Page, Stat } from "@/components/page";
import { Pager } from "@/components/pager";
import { Empty, Loaded } from "@/components/states";
import { ResellerBadge } from "@/components/status";
import { StatusChange } from "@/components/status-change";
import { Transactions } from "@/components/transactions";
import { Button } from "@/components/ui/button";
import { Card, CardHeader } from "@/components/ui/card";
import { graphql } from "@/gql";
import type { ResellerQuery } from "@/gql/graphql";
import { formatDate, formatDays, formatNumber, formatRate } from "@/lib/format";
import { usePages } from "@/lib/use-pages";
import { ApplicationDecision } from "./application";
import { ResellerCredits } from "./reseller-credits";
import { ResellerInvoices } from "./reseller-invoices";
import { ResellerPermissions } from "./reseller-permissions";
import { SellPack } from "./sell-pack";

const resellerDocument = graphql(`
  query Reseller($id: ID!, $minPosition: String) {
    reseller(id: $id, minPosition: $minPosition) {
      id
      name
      contactEmail
      commissionRate
      status
      timeZone
      balanceDays
      customersTotal
      createdAt
    }
  }
`);

const transactionsDocument = graphql(`
  query ResellerTransactions($resellerId: ID, $after: String, $minPosition: String) {
    creditTransactions(
      first: 20
      after: $after
      resellerId: $resellerId
      minPosition: $minPosition
    ) {
      nodes {
        id
        kind
        amount
        balanceAfter
        customerName
        note
        actorName
        at
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const back = { to: "/admin/resellers", label: "Resellers" };
const route = getRouteApi("/admin-area/admin/resellers/$id");

export function ResellerPage() {
  const { id } = route.useParams();
  const reading = useRead(resellerDocument, { id });
  const reseller = reading.data?.reseller;
  if (reseller) return <ResellerDetail reseller={reseller} />;
  return (
    <Page title="Reseller" back={back}>
      <Card>
        <Loaded reading={reading} label="Loading the reseller">
          {() => (
            <Empty icon={Building2} title="No such reseller">
              The address may be mistyped. The list of resellers shows all there are.
            </Empty>
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

function ResellerDetail({ reseller }: { reseller: NonNullable<ResellerQuery["reseller"]> }) {
  const [selling, setSelling] = useState(false);
  const sell = (
    <Button onClick={() => setSelling(true)}>
      <Coins aria-hidden /> Sell credit pack
    </Button>
  );
  return (
    <Page
      title={reseller.name}
      back={back}
      description={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <ResellerBadge status={reseller.status} />
          {reseller.contactEmail && <span>{reseller.contactEmail}</span>}
        </span>
      }
      action={
        reseller.status === "PENDING" ? (
          <ApplicationDecision id={reseller.id} name={reseller.name} />
        ) : (
          <>
            <StatusChange
              id={reseller.id}
              what="reseller"
              suspended={reseller.status === "SUSPENDED"}
              send={changeReseller}
            />
            {sell}
          </>
        )
      }
    >
      <dl className="mb-6 grid grid-cols-2 gap-4 lg:grid-cols-4">
        <Stat label="Balance" value={formatDays(reseller.balanceDays)} detail="1 credit is 1 day" />
        <Stat label="Customers" value={formatNumber(reseller.customersTotal)} />
        <Stat label="Commission rate" value={formatRate(reseller.commissionRate)} />
        <Stat
          label="Reseller since"
          value={formatDate(reseller.createdAt)}
          detail={`Time zone ${reseller.timeZone}`}
        />
      </dl>
      <div className="space-y-6">
        <ResellerCredits resellerId={reseller.id} />
        <ResellerTransactions resellerId={reseller.id} />
        <ResellerPermissions resellerId={reseller.id} />
        <ResellerInvoices resellerId={reseller.id} />
      </div>
      <SellPack
        open={selling}
        onOpenChange={setSelling}
        resellerId={reseller.id}
        resellerName={reseller.name}
      />
    </Page>
  );
}

function ResellerTransactions({ resellerId }: { resellerId: string }) {
  const pages = usePages(resellerId);
  const reading = useRead(transactionsDocument, { resellerId, after: pages.after ?? null });
  return (
    <Card>
      <CardHeader title="Credit transactions" />
      <Loaded reading={reading} label="Loading transactions">
        {({ creditTransactions }) => (
          <>
            <Transactions rows={creditTransactions.nodes} />
            <Pager pages={pages} info={creditTransactions.pageInfo} label="transactions" />
          </>
        )}
      </Loaded>
    </Card>
  );
}
