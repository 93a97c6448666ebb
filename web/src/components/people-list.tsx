// The people within the reader's reach: found by name or address, with what may be done about each.
import { UserRound } from "lucide-react";
import type { ReactNode } from "react";
import { useRead } from "@/api/client";
import { graphql } from "@/gql";
import type { PeopleQuery } from "@/gql/graphql";
import { formatDate, humanize } from "@/lib/format";
import { usePages } from "@/lib/use-pages";
import { Pager } from "./pager";
import { SearchBox } from "./search-box";
import { Empty, Loaded } from "./states";
import { type Column, Table } from "./table";
import { Card } from "./ui/card";

const document = graphql(`
  query People($after: String, $search: String, $minPosition: String) {
    users(first: 20, after: $after, search: $search, minPosition: $minPosition) {
      nodes {
        id
        name
        email
        role
        resellerName
        customerName
        createdAt
        erasedAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export type Person = PeopleQuery["users"]["nodes"][number];

function who(person: Person): ReactNode {
  if (person.erasedAt) {
    return <span className="text-muted">Erased on {formatDate(person.erasedAt)}</span>;
  }
  return (
    <>
      {person.name}
      <span className="block font-normal text-muted text-xs">{person.email}</span>
    </>
  );
}

const lead: Column<Person> = { label: "Person", lead: true, cell: who };
const role: Column<Person> = { label: "Role", cell: (person) => humanize(person.role) };
const home: Column<Person> = {
  label: "Belongs to",
  cell: (person) => person.customerName ?? person.resellerName ?? "Platform",
};
const since: Column<Person> = { label: "Since", cell: (person) => formatDate(person.createdAt) };

interface PeopleListProps {
  search: string | undefined;
  onSearch: (search: string | undefined) => void;
  /** Whether people of several businesses are listed. */
  homes: boolean;
  /** What can be done about a person. */
  action?: (person: Person) => ReactNode;
}

export function PeopleList({ search, onSearch, homes, action }: PeopleListProps) {
  const pages = usePages(search ?? "");
  const reading = useRead(document, { after: pages.after ?? null, search: search ?? null });
  const columns = [lead, role, ...(homes ? [home] : []), since];
  if (action) columns.push({ label: "Action", align: "right", cell: action });
  return (
    <Card>
      <div className="p-5">
        <SearchBox
          label="Search people"
          value={search ?? ""}
          onSearch={(text) => onSearch(text || undefined)}
        />
      </div>
      <Loaded reading={reading} label="Loading people">
        {({ users }) =>
          users.nodes.length === 0 ? (
            <Empty icon={UserRound} title="Nobody found">
              Nothing matches “{search}”. Try a part of the name or of the e-mail address. Those who
              were erased are found by neither.
            </Empty>
          ) : (
            <>
              <Table
                caption="People"
                columns={columns}
                rows={users.nodes}
                keyOf={(person) => person.id}
              />
              <Pager pages={pages} info={users.pageInfo} label="people" />
            </>
          )
        }
      </Loaded>
    </Card>
  );
}
