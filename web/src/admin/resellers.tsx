import { getRouteApi, Link } from "@tanstack/react-router";
import { Building2, Plus } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { SearchBox } from "@/components/search-box";
import { Empty, Loaded } from "@/components/states";
import { ResellerBadge } from "@/components/status";
import { type Column, Table } from "@/components/table";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { graphql } from "@/gql";
import type { ResellersQuery } from "@/gql/graphql";
import { formatDate, formatDays, formatNumber, formatRate } from "@/lib/format";
import { usePages } from "@/lib/use-pages";
import { NewReseller } from "./new-reseller";

const document = graphql(`
  query Resellers($after: String, $search: String, $minPosition: String) {
    resellers(first: 20, after: $after, search: $search, minPosition: $minPosition) {
      nodes {
        id
        name
        contactEmail
        commissionRate
        status
        balanceDays
        customersTotal
        createdAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Row = ResellersQuery["resellers"]["nodes"][number];

const columns: Column<Row>[] = [
  {
    label: "Reseller",
    lead: true,
    cell: (row) => (
      <>
        <Link
          to="/admin/resellers/$id"
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
  { label: "Status", cell: (row) => <ResellerBadge status={row.status} /> },
  { label: "Commission", align: "right", cell: (row) => formatRate(row.commissionRate) },
  { label: "Balance", align: "right", cell: (row) => formatDays(row.balanceDays) },
  { label: "Customers", align: "right", cell: (row) => formatNumber(row.customersTotal) },
  { label: "Since", cell: (row) => formatDate(row.createdAt) },
];

const route = getRouteApi("/admin-area/admin/resellers");

export function ResellersPage() {
  const { search } = route.useSearch();
  const navigate = route.useNavigate();
  const pages = usePages(search ?? "");
  const reading = useRead(document, { after: pages.after ?? null, search: search ?? null });
  const [creating, setCreating] = useState(false);

  const create = (
    <Button onClick={() => setCreating(true)}>
      <Plus aria-hidden /> New reseller
    </Button>
  );
  return (
    <Page
      title="Resellers"
      description="Those who buy credits from the platform and bring customers."
      action={create}
    >
      <Card>
        <div className="p-5">
          <SearchBox
            label="Search resellers"
            value={search ?? ""}
            onSearch={(text) =>
              navigate({
                to: "/admin/resellers",
                search: { search: text || undefined },
                replace: true,
              })
            }
          />
        </div>
        <Loaded reading={reading} label="Loading resellers">
          {({ resellers }) =>
            resellers.nodes.length === 0 ? (
              <NoResellers search={search} action={create} />
            ) : (
              <>
                <Table
                  caption="Resellers"
                  columns={columns}
                  rows={resellers.nodes}
                  keyOf={(row) => row.id}
                />
                <Pager pages={pages} info={resellers.pageInfo} label="resellers" />
              </>
            )
          }
        </Loaded>
      </Card>
      <NewReseller open={creating} onOpenChange={setCreating} />
    </Page>
  );
}

function NoResellers({ search, action }: { search: string | undefined; action: React.ReactNode }) {
  return search ? (
    <Empty icon={Building2} title="No reseller found">
      Nothing matches “{search}”. Try a part of the name or of the e-mail address.
    </Empty>
  ) : (
    <Empty icon={Building2} title="No resellers yet" action={action}>
      Create the first one, then sell it a credit pack.
    </Empty>
  );
}
