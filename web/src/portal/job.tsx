import { getRouteApi } from "@tanstack/react-router";
import { AudioLines, CircleStop, LoaderCircle, WifiOff } from "lucide-react";
import { useRead } from "@/api/client";
import { cancelJob } from "@/api/commands/work";
import { Page } from "@/components/page";
import { ProblemAlert } from "@/components/problem-alert";
import { Empty, Loaded } from "@/components/states";
import { JobBadge } from "@/components/status";
import { Alert } from "@/components/ui/alert";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card, CardBody, CardHeader } from "@/components/ui/card";
import { Progress } from "@/components/ui/progress";
import { formatBytes, formatDateTime, formatLength } from "@/lib/format";
import { useCommand } from "@/lib/use-command";
import { useLast } from "@/lib/use-last";
import { useRepeat } from "@/lib/use-repeat";
import type { Connection } from "./follow-job";
import { isFinal, type JobView, stepWords } from "./job-feed";
import { type Job, jobDocument } from "./job-query";
import { languageName } from "./languages";
import { SegmentList, Transcript } from "./transcript";
import { useJobFeed } from "./use-job-feed";

const CATCH_UP_MS = 1_000;

const back = { to: "/portal", label: "Transcriptions" };
const route = getRouteApi("/portal-area/portal/jobs/$id");

export function JobPage() {
  const { id } = route.useParams();
  const reading = useRead(jobDocument, { id });
  // While the server is away, what was read before stays, and the feed says that it reconnects.
  const last = useLast(reading.data?.job);
  const job = reading.data?.job ?? (reading.error && last?.id === id ? last : undefined);
  if (job) return <JobDetail key={job.id} job={job} reload={reading.retry} />;
  return (
    <Page title="Transcription" back={back}>
      <Card>
        <Loaded reading={reading} label="Loading the transcription">
          {() => (
            <Empty icon={AudioLines} title="No such transcription">
              The address may be mistyped. The list of transcriptions shows all there are.
            </Empty>
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

function JobDetail({ job, reload }: { job: Job; reload: () => void }) {
  const { view, connection } = useJobFeed(job, reload);
  const { recording } = job;
  const ended = isFinal(view.status);
  const complete = isFinal(job.status) && (job.status !== "SUCCEEDED" || job.transcript != null);
  // The feed can be ahead of the read model: look again until that has the transcript, too.
  useRepeat(ended && !complete, CATCH_UP_MS, reload);
  return (
    <Page
      title={recording.name}
      back={back}
      description={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <JobBadge status={view.status} />
          <span>
            {formatLength(recording.durationMs)} · {formatBytes(recording.bytes)}
          </span>
          <span>
            Model {job.model} ·{" "}
            {job.language ? languageName(job.language) : "language detected by the model"}
          </span>
        </span>
      }
    >
      <div className="space-y-6">
        {ended ? (
          <Outcome job={job} view={view} />
        ) : (
          <Running job={job} view={view} connection={connection} />
        )}
        {job.transcript && <Transcript job={job} transcript={job.transcript} />}
        {!job.transcript && view.segments.length > 0 && (
          <Card>
            <CardHeader title="Heard so far" />
            <CardBody>
              <SegmentList segments={view.segments} />
            </CardBody>
          </Card>
        )}
      </div>
    </Page>
  );
}

interface RunningProps {
  job: Job;
  view: JobView;
  connection: Connection;
}

function Running({ job, view, connection }: RunningProps) {
  const { run, busy, problem } = useCommand(cancelJob);
  const step = stepWords(view);
  return (
    <Card>
      <CardHeader
        title={
          <span className="flex items-center gap-2">
            <LoaderCircle aria-hidden className="size-4 animate-spin text-accent-text" />
            {step}
          </span>
        }
        description={`Started ${formatDateTime(job.startedAt ?? job.createdAt)}${
          job.attempts > 1 ? `, attempt ${job.attempts}` : ""
        }. You can leave this page; the work goes on.`}
        action={
          <Button variant="danger" disabled={busy} onClick={() => run({ id: job.id })}>
            <CircleStop aria-hidden /> Cancel
          </Button>
        }
      />
      <CardBody className="space-y-3">
        {problem && <ProblemAlert problem={problem} />}
        <Progress value={view.percent} label="Progress of the transcription" />
        <div className="flex flex-wrap items-center justify-between gap-2">
          <p aria-live="polite" className="text-muted">
            {step}, {view.percent} %
          </p>
          <p aria-live="polite">
            {connection === "reconnecting" && (
              <Badge tone="warning">
                <WifiOff aria-hidden /> Reconnecting …
              </Badge>
            )}
          </p>
        </div>
      </CardBody>
    </Card>
  );
}

function Outcome({ job, view }: { job: Job; view: JobView }) {
  if (view.status === "FAILED") {
    const failure = view.failure ?? job.failure;
    return (
      <Alert tone="bad">
        <p className="font-medium first-letter:uppercase">
          {failure?.message ?? "The transcription failed."}
        </p>
        {failure && <p className="mt-1 font-mono text-xs">{failure.code}</p>}
        <p className="mt-1">Nothing was lost: start it again from “New transcription”.</p>
      </Alert>
    );
  }
  if (view.status === "CANCELLED") {
    return <Alert>This transcription was cancelled. The recording is still there.</Alert>;
  }
  if (job.transcript) return null;
  return <Alert>The work is done; the transcript is on its way.</Alert>;
}
