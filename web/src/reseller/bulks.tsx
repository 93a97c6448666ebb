// Many customers by one file: choose, try, carry out; and the bulks so far.
import { Link, useNavigate } from "@tanstack/react-router";
import { Download, FlaskConical, ListChecks } from "lucide-react";
import { useRef, useState } from "react";
import {
  type BulkFile,
  type BulkKind,
  type BulkMode,
  beginBulk,
  bulkColumns,
  bulkKinds,
  type TriedBulk,
  tryBulk,
} from "@/api/bulk";
import { useRead } from "@/api/client";
import { newKey } from "@/api/http";
import { type Problem, problemOf } from "@/api/problem";
import { Field } from "@/components/field";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { ProblemAlert } from "@/components/problem-alert";
import { Empty, Loaded } from "@/components/states";
import { BulkBadge } from "@/components/status";
import { Submit } from "@/components/submit";
import { type Column, Table } from "@/components/table";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Card, CardBody, CardHeader } from "@/components/ui/card";
import { Input, Select } from "@/components/ui/input";
import { graphql } from "@/gql";
import type { BulksQuery } from "@/gql/graphql";
import { formatCredits, formatDateTime, formatNumber, humanize } from "@/lib/format";
import { useCommand } from "@/lib/use-command";
import { usePages } from "@/lib/use-pages";

const document = graphql(`
  query Bulks($after: String, $minPosition: String) {
    bulks(first: 20, after: $after, minPosition: $minPosition) {
      nodes {
        id
        kind
        state
        rows
        done
        failed
        begunAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Row = BulksQuery["bulks"]["nodes"][number];

const columns: Column<Row>[] = [
  {
    label: "Begun",
    lead: true,
    cell: (row) => (
      <Link
        to="/reseller/bulks/$id"
        params={{ id: row.id }}
        className="font-medium text-accent-text underline-offset-4 hover:underline"
      >
        {formatDateTime(row.begunAt)}
      </Link>
    ),
  },
  { label: "What", cell: (row) => humanize(row.kind) },
  { label: "State", cell: (row) => <BulkBadge state={row.state} /> },
  { label: "Rows", align: "right", cell: (row) => formatNumber(row.rows) },
  { label: "Done", align: "right", cell: (row) => formatNumber(row.done) },
  { label: "Failed", align: "right", cell: (row) => formatNumber(row.failed) },
];

export function BulksPage() {
  const pages = usePages("bulks");
  const reading = useRead(document, { after: pages.after ?? null });
  return (
    <Page title="Bulks" description="Many customers by one file.">
      <div className="space-y-6">
        <NewBulk />
        <Card>
          <CardHeader title="Bulks so far" />
          <Loaded reading={reading} label="Loading bulks">
            {({ bulks }) =>
              bulks.nodes.length === 0 ? (
                <Empty icon={ListChecks} title="No bulks yet">
                  Choose what is to be done, fill in the template, and try it first.
                </Empty>
              ) : (
                <>
                  <Table
                    caption="Bulks"
                    columns={columns}
                    rows={bulks.nodes}
                    keyOf={(row) => row.id}
                  />
                  <Pager pages={pages} info={bulks.pageInfo} label="bulks" />
                </>
              )
            }
          </Loaded>
        </Card>
      </div>
    </Page>
  );
}

function NewBulk() {
  const navigate = useNavigate();
  const [kind, setKind] = useState<BulkKind>("create");
  const [mode, setMode] = useState<BulkMode>("BEST_EFFORT");
  const [file, setFile] = useState<File>();
  const trial = useTrial();
  const command = useCommand(beginBulk);
  const wanted: BulkFile | undefined = file && { kind, mode, file };
  const changed = () => {
    trial.clear();
    command.clear();
  };
  const begin = async () => {
    const begun = wanted && (await command.run(wanted));
    if (begun) navigate({ to: "/reseller/bulks/$id", params: { id: begun.bulkId } });
  };
  const problem = command.problem ?? trial.problem;
  return (
    <Card>
      <CardHeader
        title="New bulk"
        description="A CSV file in UTF-8. Its first line names the columns."
      />
      <CardBody>
        <form
          noValidate
          className="space-y-4"
          onSubmit={(event) => {
            event.preventDefault();
            begin();
          }}
        >
          <div className="grid gap-4 md:grid-cols-3">
            <Field label="What is to be done" hint={`Columns: ${bulkColumns[kind].join(", ")}`}>
              {(control) => (
                <Select
                  {...control}
                  value={kind}
                  onChange={(event) => {
                    setKind(event.target.value as BulkKind);
                    changed();
                  }}
                >
                  {bulkKinds.map((one) => (
                    <option key={one} value={one}>
                      {humanize(one)} customers
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            <Field label="If a row is refused">
              {(control) => (
                <Select
                  {...control}
                  value={mode}
                  onChange={(event) => {
                    setMode(event.target.value as BulkMode);
                    changed();
                  }}
                >
                  <option value="BEST_EFFORT">Carry out the others</option>
                  <option value="ALL_OR_NOTHING">Carry out none</option>
                </Select>
              )}
            </Field>
            <Field label="File">
              {(control) => (
                <Input
                  {...control}
                  type="file"
                  accept=".csv,text/csv"
                  className="py-1.5"
                  onChange={(event) => {
                    setFile(event.target.files?.[0]);
                    changed();
                  }}
                />
              )}
            </Field>
          </div>
          {problem && <ProblemAlert problem={problem} />}
          {trial.told && <Told told={trial.told} />}
          <div className="flex flex-wrap gap-2">
            <Submit busy={command.busy} disabled={!wanted || trial.busy}>
              Carry out
            </Submit>
            <Button
              type="button"
              variant="secondary"
              disabled={!wanted || trial.busy || command.busy}
              onClick={() => wanted && trial.run(wanted)}
            >
              <FlaskConical aria-hidden /> Try it first
            </Button>
            <Button asChild variant="ghost">
              <a
                download={`${kind}.csv`}
                href={`data:text/csv;charset=utf-8,${encodeURIComponent(`${bulkColumns[kind].join(",")}\r\n`)}`}
              >
                <Download aria-hidden /> Template
              </a>
            </Button>
          </div>
        </form>
      </CardBody>
    </Card>
  );
}

/** A dry run of the chosen file. */
function useTrial() {
  // Not the key of the bulk itself: a trial uses none up.
  const key = useRef(newKey());
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState<TriedBulk>();
  const [problem, setProblem] = useState<Problem>();
  const clear = () => {
    setTold(undefined);
    setProblem(undefined);
  };
  const run = async (wanted: BulkFile) => {
    clear();
    setBusy(true);
    try {
      setTold(await tryBulk(wanted, key.current));
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  return { run, clear, busy, told, problem };
}

function Told({ told: { rows, would } }: { told: TriedBulk }) {
  const refused = would.rows.filter((row) => row.code !== undefined);
  return (
    <div className="space-y-3">
      <Alert tone={would.failed === 0 ? "good" : "info"}>
        {formatNumber(would.done)} of {formatNumber(rows)} rows would be carried out,{" "}
        {formatCredits(would.debited)} would be debited. Nothing has been changed.
      </Alert>
      {refused.length > 0 && (
        <Table
          caption="Rows that would be refused"
          columns={[
            { label: "Row", lead: true, cell: (row) => formatNumber(row.row) },
            { label: "Why", cell: (row) => row.message },
          ]}
          rows={refused.slice(0, 20)}
          keyOf={(row) => String(row.row)}
        />
      )}
    </div>
  );
}
