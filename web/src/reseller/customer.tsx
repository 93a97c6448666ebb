import { getRouteApi } from "@tanstack/react-router";
import { CalendarPlus, Users } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { changeCustomer } from "@/api/commands/customers";
import { Page, Stat } from "@/components/page";
import { Empty, Loaded } from "@/components/states";
import { CustomerBadge, tierName } from "@/components/status";
import { StatusChange } from "@/components/status-change";
import { Button } from "@/components/ui/button";
import { Card, CardBody, CardHeader } from "@/components/ui/card";
import { graphql } from "@/gql";
import type { CustomerQuery } from "@/gql/graphql";
import { formatDate, formatDateTime, formatNumber } from "@/lib/format";
import { ExtendCustomer } from "./extend-customer";
import { SubscriptionCard } from "./subscription";
import { allows, useTiers } from "./tiers";

const document = graphql(`
  query Customer($id: ID!, $minPosition: String) {
    customer(id: $id, minPosition: $minPosition) {
      id
      name
      contactEmail
      tier
      status
      expiresAt
      createdAt
      usersTotal
    }
  }
`);

type Customer = NonNullable<CustomerQuery["customer"]>;

const back = { to: "/reseller/customers", label: "Customers" };
const route = getRouteApi("/reseller-area/reseller/customers/$id");

export function CustomerPage() {
  const { id } = route.useParams();
  const reading = useRead(document, { id });
  const customer = reading.data?.customer;
  if (customer) return <CustomerDetail customer={customer} />;
  return (
    <Page title="Customer" back={back}>
      <Card>
        <Loaded reading={reading} label="Loading the customer">
          {() => (
            <Empty icon={Users} title="No such customer">
              The address may be mistyped. The list of customers shows all there are.
            </Empty>
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

function CustomerDetail({ customer }: { customer: Customer }) {
  const [extending, setExtending] = useState(false);
  const tiers = useTiers().data?.tiers;
  const tier = tiers?.find((entry) => entry.code === customer.tier);
  return (
    <Page
      title={customer.name}
      back={back}
      description={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <CustomerBadge status={customer.status} />
          {customer.contactEmail && <span>{customer.contactEmail}</span>}
        </span>
      }
      action={
        <>
          <StatusChange
            id={customer.id}
            what="customer"
            suspended={customer.status === "SUSPENDED"}
            send={changeCustomer}
          />
          <Button onClick={() => setExtending(true)}>
            <CalendarPlus aria-hidden /> Extend
          </Button>
        </>
      }
    >
      <dl className="mb-6 grid grid-cols-2 gap-4 lg:grid-cols-4">
        <Stat
          label="Access until"
          value={formatDate(customer.expiresAt)}
          detail={formatDateTime(customer.expiresAt)}
        />
        <Stat label="Tier" value={tier?.name ?? tierName(customer.tier)} />
        <Stat label="Users" value={formatNumber(customer.usersTotal)} />
        <Stat label="Customer since" value={formatDate(customer.createdAt)} />
      </dl>
      <SubscriptionCard id={customer.id} name={customer.name} tier={customer.tier} />
      {tier && (
        <Card className="max-w-xl">
          <CardHeader title={`What ${tier.name} allows`} />
          <CardBody>
            <ul className="list-disc space-y-1 pl-5">
              {allows(tier).map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          </CardBody>
        </Card>
      )}
      <ExtendCustomer
        open={extending}
        onOpenChange={setExtending}
        id={customer.id}
        name={customer.name}
        creditsPerDay={tier?.creditsPerDay}
        expiresAt={customer.expiresAt}
      />
    </Page>
  );
}
