// The audit log as each area shows it: what was done and what was refused, with filters.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ScrollText } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { graphql } from "@/gql";
import type { AuditEntryKind, AuditLogQuery } from "@/gql/graphql";
import { formatDateTime } from "@/lib/format";
import { usePages } from "@/lib/use-pages";
import { Field } from "./field";
import { Page } from "./page";
import { Pager } from "./pager";
import { Empty, Loaded } from "./states";
import { type Column, Table } from "./table";
import { Badge } from "./ui/badge";
import { Button } from "./ui/button";
import { Card, CardBody } from "./ui/card";
import { Input, Select } from "./ui/input";

const document = graphql(`
  query AuditLog($filter: AuditLogFilter, $after: String, $minPosition: String) {
    auditLog(filter: $filter, first: 20, after: $after, minPosition: $minPosition) {
      nodes {
        id
        at
        action
        actor {
          kind
          id
          name
        }
        impersonator {
          name
        }
        address
        userAgent
        event {
          aggregate
          subject
          reason
          changes {
            field
            before
            after
          }
        }
        denial {
          code
          permission
          further
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Entry = AuditLogQuery["auditLog"]["nodes"][number];

interface Filter {
  kind: AuditEntryKind;
  action: string;
  from: string;
  to: string;
}

const everything: Filter = { kind: "ALL", action: "", from: "", to: "" };

/** A day as people choose it, up to its first or its last instant. */
function instant(day: string, end: boolean): string | null {
  return day ? new Date(`${day}T${end ? "23:59:59.999" : "00:00:00"}`).toISOString() : null;
}

export function AuditLogPage() {
  // One event, where a report leads here.
  const { position } = useSearch({ strict: false });
  const navigate = useNavigate();
  const [filter, setFilter] = useState(everything);
  const pages = usePages(JSON.stringify([filter, position]));
  const reading = useRead(document, {
    filter: {
      kind: filter.kind,
      action: filter.action.trim() || null,
      from: instant(filter.from, false),
      to: instant(filter.to, true),
      position: position ?? null,
    },
    after: pages.after ?? null,
  });
  return (
    <Page title="Audit log" description="Who did what, when, from where, and who was refused.">
      <Card className="overflow-hidden">
        <CardBody className="pt-5">
          {position === undefined ? (
            <Filters filter={filter} onChange={setFilter} />
          ) : (
            <Button variant="secondary" onClick={() => navigate({ to: ".", search: {} })}>
              Show all events
            </Button>
          )}
        </CardBody>
        <Loaded reading={reading} label="Loading the audit log">
          {({ auditLog }) =>
            auditLog.nodes.length === 0 ? (
              <Empty icon={ScrollText} title="Nothing found">
                Nothing was done or refused that fits these filters.
              </Empty>
            ) : (
              <>
                <Table
                  caption="Audit log"
                  columns={columns}
                  rows={auditLog.nodes}
                  keyOf={({ id }) => id}
                />
                <Pager pages={pages} info={auditLog.pageInfo} label="the audit log" />
              </>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}

function Filters({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const set = (part: Partial<Filter>) => onChange({ ...filter, ...part });
  return (
    <div className="grid gap-4 sm:grid-cols-2 lg:grid-cols-4">
      <Field label="Show">
        {(control) => (
          <Select
            {...control}
            value={filter.kind}
            onChange={(event) => set({ kind: event.target.value as AuditEntryKind })}
          >
            <option value="ALL">Everything</option>
            <option value="EVENTS">What was done</option>
            <option value="DENIALS">What was refused</option>
          </Select>
        )}
      </Field>
      <Field label="Action">
        {(control) => (
          <Input
            {...control}
            placeholder="For example TenantCreated"
            value={filter.action}
            onChange={(event) => set({ action: event.target.value })}
          />
        )}
      </Field>
      <Field label="From">
        {(control) => (
          <Input
            {...control}
            type="date"
            value={filter.from}
            onChange={(event) => set({ from: event.target.value })}
          />
        )}
      </Field>
      <Field label="To">
        {(control) => (
          <Input
            {...control}
            type="date"
            value={filter.to}
            onChange={(event) => set({ to: event.target.value })}
          />
        )}
      </Field>
    </div>
  );
}

const actors: Record<Entry["actor"]["kind"], string> = {
  SYSTEM: "The system",
  PERSON: "An erased person",
  API_KEY: "An API key",
  HIDDEN: "The platform or a reseller above",
};

const columns: Column<Entry>[] = [
  {
    label: "What",
    lead: true,
    cell: ({ action, event, denial }) => (
      <>
        {action} {denial && <Badge tone="bad">Refused</Badge>}
        {event && (
          <span className="block break-all font-normal text-muted text-xs">
            {event.aggregate} {event.subject}
          </span>
        )}
      </>
    ),
  },
  { label: "Details", cell: (entry) => <Details {...entry} /> },
  {
    label: "Who",
    cell: ({ actor, impersonator }) => (
      <>
        {actor.name ?? actors[actor.kind]}
        {impersonator && (
          <span className="block text-muted text-xs">by {impersonator.name ?? actors.HIDDEN}</span>
        )}
      </>
    ),
  },
  {
    label: "From where",
    cell: ({ address, userAgent }) => (
      <span className="block max-w-48 truncate" title={userAgent ?? undefined}>
        {address}
      </span>
    ),
  },
  { label: "When", align: "right", cell: ({ at }) => formatDateTime(at) },
];

function Details({ event, denial }: Pick<Entry, "event" | "denial">) {
  if (denial) {
    return (
      <>
        {denial.permission ?? denial.code}
        {denial.further > 0 && (
          <span className="block text-muted text-xs">and {denial.further} more in that hour</span>
        )}
      </>
    );
  }
  return (
    <>
      {event?.reason && <p>{event.reason}</p>}
      {event?.changes.map(({ field, before, after }) => (
        <p key={field} className="break-all text-muted text-xs">
          {field}: {before != null && `${before} → `}
          {after ?? "nothing"}
        </p>
      ))}
    </>
  );
}
