// One workflow: a new one, or the next version of a saved one.
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Workflow } from "lucide-react";
import { z } from "zod";
import { useRead } from "@/api/client";
import { saveWorkflow } from "@/api/commands/work";
import { Page } from "@/components/page";
import { ProblemAlert } from "@/components/problem-alert";
import { Empty, Loaded } from "@/components/states";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { Alert } from "@/components/ui/alert";
import { Card, CardBody } from "@/components/ui/card";
import { useFormCommand } from "@/lib/use-form-command";
import { name } from "@/lib/validation";
import { type Entitlement, firstUsable, viewerDocument } from "./entitlement";
import { LanguageField, ModelField, TaskField } from "./speech-fields";
import { drawGraph, readGraph } from "./workflow-graph";
import { type DrawnWorkflow, useWorkflow } from "./workflow-query";

const back = { to: "/portal/workflows", label: "Workflows" };
const route = getRouteApi("/portal-area/portal/workflows/$id");

const schema = z.object({
  name: name("Enter a name, for example Interviews."),
  model: z.string().min(1, "Your tier has no model that is installed here."),
  language: z.string(),
  task: z.enum(["transcribe", "translate"]),
});

const fields = ["name", "model", "language", "task"] as const;

export function NewWorkflowPage() {
  return (
    <Page title="New workflow" back={back}>
      <Editor workflow={undefined} />
    </Page>
  );
}

export function EditWorkflowPage() {
  const { id } = route.useParams();
  const reading = useWorkflow(id);
  if (!reading.data) {
    return (
      <Page title="Workflow" back={back}>
        <Card>
          <Loaded
            reading={{ ...reading, data: reading.data === null ? {} : undefined }}
            label="Loading the workflow"
          >
            {() => (
              <Empty icon={Workflow} title="No such workflow">
                It was removed, or the address is mistyped. The list of workflows shows all there
                are.
              </Empty>
            )}
          </Loaded>
        </Card>
      </Page>
    );
  }
  const { name, version } = reading.data;
  return (
    <Page
      title={name}
      back={back}
      description={`Version ${version}. What you save becomes version ${version + 1}.`}
    >
      <Editor key={`${id} ${version}`} workflow={reading.data} />
    </Page>
  );
}

function Editor({ workflow }: { workflow: DrawnWorkflow | undefined }) {
  const reading = useRead(viewerDocument, {});
  return (
    <Card className="max-w-xl">
      <Loaded reading={reading} label="Loading what your tier allows">
        {({ viewer }) => (
          <CardBody className="pt-5">
            {viewer.entitlement ? (
              <WorkflowForm workflow={workflow} entitlement={viewer.entitlement} />
            ) : (
              <Alert>Your account has no access yet. Your reseller can grant it.</Alert>
            )}
          </CardBody>
        )}
      </Loaded>
    </Card>
  );
}

interface WorkflowFormProps {
  workflow: DrawnWorkflow | undefined;
  entitlement: Entitlement;
}

function WorkflowForm({ workflow, entitlement }: WorkflowFormProps) {
  const navigate = useNavigate();
  const drawn = readGraph(workflow?.graph);
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: {
      name: workflow?.name ?? "",
      model: drawn?.choice.model ?? firstUsable(entitlement),
      language: drawn?.choice.language ?? "",
      task: drawn?.choice.task ?? "transcribe",
    },
    fields,
    send: ({ name, ...choice }, key) =>
      saveWorkflow({ id: workflow?.id, name, graph: drawGraph(choice, drawn?.graph) }, key),
    onDone: () => navigate({ to: "/portal/workflows" }),
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <TextField label="Name" error={errorOf("name")} {...form.register("name")} />
      <ModelField
        models={entitlement.models}
        chosen={drawn?.choice.model}
        error={errorOf("model")}
        {...form.register("model")}
      />
      <LanguageField error={errorOf("language")} {...form.register("language")} />
      <TaskField error={errorOf("task")} {...form.register("task")} />
      <Submit busy={busy}>Save workflow</Submit>
    </form>
  );
}
