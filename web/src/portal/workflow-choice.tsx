// The choice of a saved workflow for a transcription, or of none.
import { useState } from "react";
import { type Reading, useRead } from "@/api/client";
import { Field } from "@/components/field";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import type { WorkflowsQuery } from "@/gql/graphql";
import { taskWords } from "./speech-fields";
import { languageWords, taskOf, type WorkflowRow, workflowsDocument } from "./workflow-query";

/** Workflows to choose from; the longest page that the server gives. */
const CHOICES_MAX = 100;

interface WorkflowChoice {
  /** Empty for none. */
  id: string;
  setId: (id: string) => void;
  chosen: WorkflowRow | undefined;
  reading: Reading<WorkflowsQuery>;
}

export function useWorkflowChoice(initial: string | undefined): WorkflowChoice {
  const [id, setId] = useState(initial ?? "");
  const reading = useRead(workflowsDocument, { first: CHOICES_MAX, after: null });
  const chosen = reading.data?.workflows.nodes.find((workflow) => workflow.id === id);
  return { id, setId, chosen, reading };
}

export function WorkflowField({ choice }: { choice: WorkflowChoice }) {
  const { id, setId, chosen, reading } = choice;
  const { nodes = [], pageInfo } = reading.data?.workflows ?? {};
  const hint = pageInfo?.hasNextPage ? `The list has the first ${CHOICES_MAX}.` : undefined;
  return (
    <>
      <Field label="Workflow" hint={chosen ? summary(chosen) : hint}>
        {(control) => (
          <Select {...control} value={id} onChange={(event) => setId(event.target.value)}>
            <option value="">None</option>
            {id !== "" && !chosen && (
              <option value={id} disabled>
                {reading.loading ? "Loading …" : "Not found"}
              </option>
            )}
            {nodes.map((workflow) => (
              <option key={workflow.id} value={workflow.id}>
                {workflow.name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {reading.error && (
        <Alert tone="bad">
          <p>Your workflows could not be loaded. {reading.error}</p>
          <Button variant="secondary" size="small" className="mt-2" onClick={reading.retry}>
            Try again
          </Button>
        </Alert>
      )}
    </>
  );
}

function summary(workflow: WorkflowRow): string {
  const language = workflow.language ? languageWords(workflow.language) : "language detected";
  const task = taskWords[taskOf(workflow)].toLowerCase();
  return `Version ${workflow.version}: model ${workflow.model}, ${language}, ${task}.`;
}
