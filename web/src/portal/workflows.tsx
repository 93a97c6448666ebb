import { Link } from "@tanstack/react-router";
import { Pencil, Play, Plus, Trash2, Workflow } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { removeWorkflow } from "@/api/commands/work";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { ProblemAlert } from "@/components/problem-alert";
import { Empty, Loaded } from "@/components/states";
import { type Column, Table } from "@/components/table";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import { formatDateTime } from "@/lib/format";
import { useCommand } from "@/lib/use-command";
import { usePages } from "@/lib/use-pages";
import { taskWords } from "./speech-fields";
import { languageWords, taskOf, type WorkflowRow, workflowsDocument } from "./workflow-query";

export function WorkflowsPage() {
  const pages = usePages("");
  const reading = useRead(workflowsDocument, { first: 20, after: pages.after ?? null });
  const [removing, setRemoving] = useState<WorkflowRow>();
  const create = (
    <Button asChild>
      <Link to="/portal/workflows/new">
        <Plus aria-hidden /> New workflow
      </Link>
    </Button>
  );
  return (
    <Page
      title="Workflows"
      description="How a recording is worked on, saved to be used again."
      action={create}
    >
      <Card className="overflow-hidden">
        <Loaded reading={reading} label="Loading workflows">
          {({ workflows }) =>
            workflows.nodes.length === 0 && pages.page === 1 ? (
              <Empty icon={Workflow} title="No workflows yet" action={create}>
                Save a model, a language and a task once, and choose them by name from then on.
              </Empty>
            ) : (
              <>
                <Table
                  caption="Workflows"
                  columns={columns(setRemoving)}
                  rows={workflows.nodes}
                  keyOf={(row) => row.id}
                />
                <Pager pages={pages} info={workflows.pageInfo} label="workflows" />
              </>
            )
          }
        </Loaded>
      </Card>
      <Dialog
        open={removing !== undefined}
        onOpenChange={() => setRemoving(undefined)}
        title={`Remove ${removing?.name ?? "workflow"}?`}
        description="It can no longer be run. Transcriptions that it made stay as they are."
      >
        {removing && <Remove workflow={removing} onDone={() => setRemoving(undefined)} />}
      </Dialog>
    </Page>
  );
}

function columns(remove: (workflow: WorkflowRow) => void): Column<WorkflowRow>[] {
  return [
    {
      label: "Workflow",
      lead: true,
      cell: (row) => (
        <Link
          to="/portal/workflows/$id"
          params={{ id: row.id }}
          className="font-medium text-accent-text underline-offset-4 hover:underline"
        >
          {row.name}
        </Link>
      ),
    },
    { label: "Version", align: "right", cell: (row) => row.version },
    { label: "Model", cell: (row) => row.model },
    { label: "Language", cell: (row) => languageWords(row.language) },
    { label: "Task", cell: (row) => taskWords[taskOf(row)] },
    { label: "Saved", cell: (row) => formatDateTime(row.savedAt) },
    {
      label: "Actions",
      align: "right",
      cell: (row) => <Actions workflow={row} onRemove={() => remove(row)} />,
    },
  ];
}

function Actions({ workflow, onRemove }: { workflow: WorkflowRow; onRemove: () => void }) {
  const { id, name } = workflow;
  return (
    <span className="inline-flex gap-2">
      <Button asChild variant="secondary" size="icon">
        <Link to="/portal/new" search={{ workflow: id }} aria-label={`Run ${name}`} title="Run">
          <Play aria-hidden />
        </Link>
      </Button>
      <Button asChild variant="secondary" size="icon">
        <Link to="/portal/workflows/$id" params={{ id }} aria-label={`Edit ${name}`} title="Edit">
          <Pencil aria-hidden />
        </Link>
      </Button>
      <Button
        variant="danger"
        size="icon"
        aria-label={`Remove ${name}`}
        title="Remove"
        onClick={onRemove}
      >
        <Trash2 aria-hidden />
      </Button>
    </span>
  );
}

function Remove({ workflow, onDone }: { workflow: WorkflowRow; onDone: () => void }) {
  const { run, busy, problem } = useCommand(removeWorkflow);
  const confirm = async () => {
    if (await run({ id: workflow.id })) onDone();
  };
  return (
    <div className="space-y-4">
      {problem && <ProblemAlert problem={problem} />}
      <Button variant="danger" disabled={busy} onClick={confirm}>
        Remove workflow
      </Button>
    </div>
  );
}
