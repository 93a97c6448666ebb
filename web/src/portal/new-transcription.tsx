import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { CircleCheck } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { runWorkflow, startJob } from "@/api/commands/work";
import { Page } from "@/components/page";
import { ProblemAlert } from "@/components/problem-alert";
import { Loaded } from "@/components/states";
import { Submit } from "@/components/submit";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Card, CardBody, CardHeader } from "@/components/ui/card";
import { formatBytes, formatLength } from "@/lib/format";
import { useCommand } from "@/lib/use-command";
import { useDemoRecordings } from "./demo-recordings";
import {
  type Entitlement,
  firstUsable,
  type Model,
  tierSentence,
  viewerDocument,
} from "./entitlement";
import { type ChosenRecording, RecordingChoice } from "./recording-choice";
import { LanguageField, ModelField, TaskField } from "./speech-fields";
import { useWorkflowChoice, WorkflowField } from "./workflow-choice";
import { type SpeechChoice, taskSchema } from "./workflow-graph";

const route = getRouteApi("/portal-area/portal/new");
const back = { to: "/portal", label: "Transcriptions" };

export function NewTranscriptionPage() {
  const reading = useRead(viewerDocument, {});
  const entitlement = reading.data?.viewer.entitlement;
  return (
    <Page title="New transcription" back={back}>
      {entitlement ? (
        <Steps entitlement={entitlement} />
      ) : (
        <Card>
          <Loaded reading={reading} label="Loading what your tier allows">
            {() => (
              <CardBody className="pt-5">
                <Alert>Your account has no access yet. Your reseller can grant it.</Alert>
              </CardBody>
            )}
          </Loaded>
        </Card>
      )}
    </Page>
  );
}

function Steps({ entitlement }: { entitlement: Entitlement }) {
  const [recording, setRecording] = useState<ChosenRecording>();
  const demo = useDemoRecordings();
  return (
    <div className="grid items-start gap-6 lg:grid-cols-[1fr_20rem]">
      <Card className="min-w-0">
        <CardHeader
          title="1. Recording"
          description={`WAV, MP3, FLAC, OGG/Opus or M4A, up to ${formatBytes(entitlement.uploadBytesMax)}.`}
        />
        <CardBody>
          {recording ? (
            <div className="flex flex-wrap items-center justify-between gap-3 rounded-lg bg-accent-soft px-4 py-3">
              <p role="status" className="flex min-w-0 items-center gap-3 text-accent-text">
                <CircleCheck aria-hidden className="size-5 shrink-0" />
                <span className="min-w-0">
                  <span className="block truncate font-medium">{recording.name}</span>
                  <span className="block text-xs">
                    {formatLength(recording.durationMs)} · {formatBytes(recording.bytes)} · ready
                  </span>
                </span>
              </p>
              <Button variant="secondary" size="small" onClick={() => setRecording(undefined)}>
                Choose another
              </Button>
            </div>
          ) : (
            <RecordingChoice demo={demo} onChosen={setRecording} />
          )}
        </CardBody>
      </Card>
      <StartCard entitlement={entitlement} recording={recording} isDemo={demo.length > 0} />
    </div>
  );
}

interface StartCardProps {
  entitlement: Entitlement;
  recording: ChosenRecording | undefined;
  isDemo: boolean;
}

function StartCard({ entitlement, recording, isDemo }: StartCardProps) {
  const navigate = useNavigate();
  const workflow = useWorkflowChoice(route.useSearch().workflow);
  const [choice, setChoice] = useState<SpeechChoice>({
    model: firstUsable(entitlement),
    language: "",
    task: "transcribe",
  });
  const { run, busy, problem } = useCommand(start);
  const ready = workflow.id === "" ? choice.model !== "" : workflow.chosen !== undefined;

  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    if (!recording) return;
    const answer = await run({ recordingId: recording.id, workflowId: workflow.id, choice });
    if (answer) navigate({ to: "/portal/jobs/$id", params: { id: answer.jobId } });
  };
  return (
    <Card>
      <CardHeader title="2. What to do" description={tierSentence(entitlement)} />
      <CardBody>
        <form onSubmit={submit} className="space-y-4">
          <WorkflowField choice={workflow} />
          {workflow.id === "" && (
            <SpeechFields models={entitlement.models} choice={choice} onChange={setChoice} />
          )}
          {isDemo && (
            <Alert>
              The small model of this demo hears synthetic voices only, and knows 82 words. For
              human speech, install a larger model.
            </Alert>
          )}
          {problem && <ProblemAlert problem={problem} />}
          <Submit busy={busy} disabled={!recording || !ready} className="w-full">
            Start transcription
          </Submit>
          {!recording && <p className="text-muted text-xs">Choose a recording first.</p>}
        </form>
      </CardBody>
    </Card>
  );
}

interface StartInput {
  recordingId: string;
  /** Empty for none; a workflow brings its own choice. */
  workflowId: string;
  choice: SpeechChoice;
}

function start({ recordingId, workflowId, choice }: StartInput, key: string) {
  if (workflowId) return runWorkflow({ id: workflowId, recordingId }, key);
  const { model, language, task } = choice;
  return startJob({ recordingId, model, task, ...(language ? { language } : {}) }, key);
}

interface SpeechFieldsProps {
  models: readonly Model[];
  choice: SpeechChoice;
  onChange: (choice: SpeechChoice) => void;
}

function SpeechFields({ models, choice, onChange }: SpeechFieldsProps) {
  return (
    <>
      <ModelField
        models={models}
        value={choice.model}
        onChange={(event) => onChange({ ...choice, model: event.target.value })}
      />
      <LanguageField
        value={choice.language}
        onChange={(event) => onChange({ ...choice, language: event.target.value })}
      />
      <TaskField
        value={choice.task}
        onChange={(event) => onChange({ ...choice, task: taskSchema.parse(event.target.value) })}
      />
    </>
  );
}
