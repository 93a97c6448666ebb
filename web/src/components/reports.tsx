// Reports: a table of figures by month, and behind each figure the events that it is the sum of.
import { Link } from "@tanstack/react-router";
import { ChartColumn } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { graphql } from "@/gql";
import type { Report, ReportLinesQuery, ReportValuesQuery } from "@/gql/graphql";
import { formatDateTime } from "@/lib/format";
import { figureTitle, formatFigure, monthsBack, monthTitle } from "@/lib/report";
import { usePages } from "@/lib/use-pages";
import { Field } from "./field";
import { Page } from "./page";
import { Pager } from "./pager";
import { SaveList } from "./save-list";
import { Empty, Loaded } from "./states";
import { type Column, Table } from "./table";
import { Card, CardBody, CardHeader } from "./ui/card";
import { Input, Select } from "./ui/input";

const valuesDocument = graphql(`
  query ReportValues($report: Report!, $from: NaiveDate!, $to: NaiveDate!, $minPosition: String) {
    reportValues(report: $report, from: $from, to: $to, by: MONTH, first: 100, minPosition: $minPosition) {
      nodes {
        start
        end
        figure
        group
        value
        unit
        hasLines
        definition
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`);

const linesDocument = graphql(`
  query ReportLines(
    $report: Report!
    $figure: String!
    $start: DateTime!
    $end: DateTime!
    $unit: String
    $group: String
    $after: String
    $minPosition: String
  ) {
    reportLines(
      report: $report
      figure: $figure
      start: $start
      end: $end
      unit: $unit
      group: $group
      first: 20
      after: $after
      minPosition: $minPosition
    ) {
      nodes {
        at
        resellerName
        customerName
        group
        value
        unit
        position
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Value = ReportValuesQuery["reportValues"]["nodes"][number];
type Line = ReportLinesQuery["reportLines"]["nodes"][number];

const reports: Record<Report, string> = {
  CREDITS: "Credits",
  GROWTH: "Growth",
  CHURN: "Churn",
  RECURRING: "Recurring",
  REVENUE: "Revenue",
  COMMISSION: "Commission",
  STORES: "Stores",
  USAGE: "Usage",
  SYNC: "Store sync",
};

interface Range {
  report: Report;
  /** Months, as "2026-11"; both are shown. */
  from: string;
  to: string;
}

/** The first day after a month. */
function after(month: string): string {
  const [year = 1970, number = 1] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 10);
}

type AuditLogAddress = "/admin/audit-log" | "/reseller/audit-log";

export function ReportsPage({ auditLog }: { auditLog: AuditLogAddress }) {
  const [range, setRange] = useState<Range>(() => ({
    report: "CREDITS",
    ...monthsBack(new Date(), 3),
  }));
  const [opened, setOpened] = useState<Value>();
  const variables = { report: range.report, from: `${range.from}-01`, to: after(range.to) };
  const reading = useRead(valuesDocument, variables, !range.from || !range.to);
  const change = (part: Partial<Range>) => {
    setRange({ ...range, ...part });
    setOpened(undefined);
  };
  return (
    <Page
      title="Reports"
      description="Each figure is the sum of events: choose one to see them."
      action={<SaveList name="report" document={valuesDocument} variables={variables} />}
    >
      <Card className="overflow-hidden">
        <CardBody className="pt-5">
          <Choice range={range} onChange={change} />
        </CardBody>
        <Loaded reading={reading} label="Loading the report">
          {({ reportValues }) =>
            reportValues.nodes.length === 0 ? (
              <Empty icon={ChartColumn} title="No figures">
                Nothing happened in these months that this report tells.
              </Empty>
            ) : (
              <>
                <Figures values={reportValues.nodes} opened={opened} onOpen={setOpened} />
                {reportValues.pageInfo.hasNextPage && (
                  <p className="px-5 py-3 text-muted">
                    There are more figures than fit here: choose fewer months, or save all as CSV.
                  </p>
                )}
              </>
            )
          }
        </Loaded>
      </Card>
      {opened && (
        <Lines key={keyOf(opened)} report={range.report} of={opened} auditLog={auditLog} />
      )}
    </Page>
  );
}

function Choice({ range, onChange }: { range: Range; onChange: (part: Partial<Range>) => void }) {
  return (
    <div className="grid gap-4 sm:grid-cols-3">
      <Field label="Report">
        {(control) => (
          <Select
            {...control}
            value={range.report}
            onChange={(event) => onChange({ report: event.target.value as Report })}
          >
            {Object.entries(reports).map(([report, label]) => (
              <option key={report} value={report}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="From">
        {(control) => (
          <Input
            {...control}
            type="month"
            value={range.from}
            max={range.to}
            onChange={(event) => onChange({ from: event.target.value })}
          />
        )}
      </Field>
      <Field label="To">
        {(control) => (
          <Input
            {...control}
            type="month"
            value={range.to}
            min={range.from}
            onChange={(event) => onChange({ to: event.target.value })}
          />
        )}
      </Field>
    </div>
  );
}

function keyOf({ figure, start, unit, group }: Value): string {
  return [figure, start, unit, group].join(" ");
}

/** "Earned, premium": the figure, and what it is told apart by. */
function titleOf({ figure, group }: Value): string {
  return [figureTitle(figure), group].filter(Boolean).join(", ");
}

/** What one line of the table tells, month by month. */
interface Told {
  name: string;
  definition: string;
  byMonth: Map<string, Value>;
}

function told(values: readonly Value[]): Told[] {
  const rows = new Map<string, Told>();
  for (const value of values) {
    const name = titleOf(value);
    const key = `${name} ${value.unit}`;
    const row = rows.get(key) ?? { name, definition: value.definition, byMonth: new Map() };
    row.byMonth.set(value.start, value);
    rows.set(key, row);
  }
  return [...rows.values()];
}

interface FiguresProps {
  values: readonly Value[];
  opened: Value | undefined;
  onOpen: (value: Value) => void;
}

function Figures({ values, opened, onOpen }: FiguresProps) {
  const months = [...new Map(values.map((value) => [value.start, value.end])).entries()];
  const columns: Column<Told>[] = [
    {
      label: "Figure",
      lead: true,
      cell: ({ name, definition }) => (
        <>
          {name}
          <span className="block font-normal text-muted text-xs">{definition}</span>
        </>
      ),
    },
    ...months.map(([start, end]): Column<Told> => {
      const label = monthTitle(start, end);
      return {
        label,
        align: "right",
        cell: ({ name, byMonth }) => {
          const value = byMonth.get(start);
          if (!value) return "–";
          const text = formatFigure(value.value, value.unit);
          if (!value.hasLines || value.value === 0) return text;
          return (
            <button
              type="button"
              className="rounded-sm underline underline-offset-4 hover:text-accent"
              aria-pressed={opened !== undefined && keyOf(opened) === keyOf(value)}
              aria-label={`${name} in ${label}: ${text}`}
              onClick={() => onOpen(value)}
            >
              {text}
            </button>
          );
        },
      };
    }),
  ];
  return (
    <div className="overflow-x-auto">
      <Table
        caption="Figures"
        columns={columns}
        rows={told(values)}
        keyOf={({ name, byMonth }) => `${name} ${[...byMonth.values()][0]?.unit}`}
      />
    </div>
  );
}

interface LinesProps {
  report: Report;
  of: Value;
  auditLog: AuditLogAddress;
}

function Lines({ report, of, auditLog }: LinesProps) {
  const pages = usePages(keyOf(of));
  const { figure, start, end, unit, group } = of;
  const variables = { report, figure, start, end, unit, group: group ?? null };
  const reading = useRead(linesDocument, { ...variables, after: pages.after ?? null });
  return (
    <Card className="mt-6 overflow-hidden">
      <CardHeader
        title={`${titleOf(of)} in ${monthTitle(start, end)}`}
        description={`${formatFigure(of.value, unit)}: ${of.definition}`}
        action={<SaveList name="report-lines" document={linesDocument} variables={variables} />}
      />
      <Loaded reading={reading} label="Loading the events">
        {({ reportLines }) => (
          <>
            <Table
              caption="Events"
              columns={lineColumns(auditLog)}
              rows={reportLines.nodes}
              keyOf={({ position, value, group: of }) => [position, value, of].join(" ")}
            />
            <Pager pages={pages} info={reportLines.pageInfo} label="the events" />
          </>
        )}
      </Loaded>
    </Card>
  );
}

const lineColumns = (auditLog: AuditLogAddress): Column<Line>[] => [
  {
    label: "What",
    lead: true,
    cell: ({ customerName, resellerName, group }) =>
      [customerName ?? resellerName ?? "The platform", group].filter(Boolean).join(", "),
  },
  { label: "Reseller", cell: ({ resellerName }) => resellerName },
  { label: "When", cell: ({ at }) => formatDateTime(at) },
  {
    label: "Event",
    cell: ({ position }) => (
      <Link
        to={auditLog}
        search={{ position }}
        className="underline underline-offset-4 hover:text-accent"
      >
        Show
      </Link>
    ),
  },
  { label: "Adds", align: "right", cell: ({ value, unit }) => formatFigure(value, unit) },
];
