import { getRouteApi, Link } from "@tanstack/react-router";
import { Plus, Users } from "lucide-react";
import { useRead } from "@/api/client";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { SaveList } from "@/components/save-list";
import { SearchBox } from "@/components/search-box";
import { Empty, Loaded } from "@/components/states";
import { CustomerBadge, tierName } from "@/components/status";
import { type Column, Table } from "@/components/table";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Select } from "@/components/ui/input";
import { graphql } from "@/gql";
import type { CustomerStatus, CustomersQuery } from "@/gql/graphql";
import { formatDate, formatNumber } from "@/lib/format";
import { usePages } from "@/lib/use-pages";

const document = graphql(`
  query Customers(
    $after: String
    $search: String
    $status: CustomerStatus
    $minPosition: String
  ) {
    customers(
      first: 20
      after: $after
      search: $search
      status: $status
      minPosition: $minPosition
    ) {
      nodes {
        id
        name
        contactEmail
        tier
        status
        expiresAt
        usersTotal
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const file = graphql(`
  query CustomersFile($search: String, $status: CustomerStatus, $minPosition: String) {
    customers(search: $search, status: $status, minPosition: $minPosition) {
      nodes {
        id
        name
        contactEmail
        tier
        status
        expiresAt
        createdAt
        closedAt
        usersTotal
      }
    }
  }
`);

type Row = CustomersQuery["customers"]["nodes"][number];

const columns: Column<Row>[] = [
  {
    label: "Customer",
    lead: true,
    cell: (row) => (
      <>
        <Link
          to="/reseller/customers/$id"
          params={{ id: row.id }}
          className="font-medium text-accent-text underline-offset-4 hover:underline"
        >
          {row.name}
        </Link>
        {row.contactEmail && (
          <span className="block font-normal text-muted text-xs">{row.contactEmail}</span>
        )}
      </>
    ),
  },
  { label: "Status", cell: (row) => <CustomerBadge status={row.status} /> },
  { label: "Tier", cell: (row) => tierName(row.tier) },
  { label: "Access until", cell: (row) => formatDate(row.expiresAt) },
  { label: "Users", align: "right", cell: (row) => formatNumber(row.usersTotal) },
];

const route = getRouteApi("/reseller-area/reseller/customers");

export function CustomersPage() {
  const { search, status } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = (next: { search: string | undefined; status: CustomerStatus | undefined }) =>
    navigate({ to: "/reseller/customers", search: next, replace: true });
  const pages = usePages(`${search ?? ""}|${status ?? ""}`);
  const reading = useRead(document, {
    after: pages.after ?? null,
    search: search ?? null,
    status: status ?? null,
  });
  const saved = { search: search ?? null, status: status ?? null };
  const create = (
    <Button asChild>
      <Link to="/reseller/customers/new">
        <Plus aria-hidden /> New customer
      </Link>
    </Button>
  );
  const filtered = search !== undefined || status !== undefined;
  return (
    <Page
      title="Customers"
      description="Everyone you have sold access to."
      action={
        <>
          <SaveList name="customers" document={file} variables={saved} />
          {create}
        </>
      }
    >
      <Card>
        <div className="flex flex-col gap-3 p-5 sm:flex-row">
          <SearchBox
            label="Search customers"
            value={search ?? ""}
            onSearch={(text) => filter({ search: text || undefined, status })}
          />
          <Select
            aria-label="Status"
            className="sm:w-44"
            value={status ?? ""}
            onChange={(event) => {
              const next = (event.target.value || undefined) as CustomerStatus | undefined;
              filter({ search, status: next });
            }}
          >
            <option value="">Any status</option>
            <option value="ACTIVE">Active</option>
            <option value="EXPIRED">Expired</option>
            <option value="PAUSED">Paused</option>
            <option value="SUSPENDED">Suspended</option>
            <option value="CLOSED">Closed</option>
          </Select>
        </div>
        <Loaded reading={reading} label="Loading customers">
          {({ customers }) =>
            customers.nodes.length === 0 ? (
              <Empty
                icon={Users}
                title={filtered ? "No customer found" : "No customers yet"}
                action={filtered ? undefined : create}
              >
                {filtered
                  ? "Nothing matches. Try a part of the name, or another status."
                  : "Create the first one: name, tier, days and a person who signs in."}
              </Empty>
            ) : (
              <>
                <Table
                  caption="Customers"
                  columns={columns}
                  rows={customers.nodes}
                  keyOf={(row) => row.id}
                />
                <Pager pages={pages} info={customers.pageInfo} label="customers" />
              </>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}
