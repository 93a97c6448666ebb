import { FileAudio, LoaderCircle, Upload } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";
import { useRead } from "@/api/client";
import { newKey } from "@/api/http";
import { notePosition } from "@/api/position";
import { type Problem, problemOf } from "@/api/problem";
import { uploadRecording } from "@/api/upload";
import { ProblemAlert } from "@/components/problem-alert";
import { Button } from "@/components/ui/button";
import { Progress } from "@/components/ui/progress";
import { graphql } from "@/gql";
import { cn } from "@/lib/cn";
import { formatBytes, formatDateTime, formatLength } from "@/lib/format";
import { type DemoRecording, fetchDemoRecording } from "./demo-recordings";

const recordingsDocument = graphql(`
  query Recordings($minPosition: String) {
    recordings(first: 8, minPosition: $minPosition) {
      nodes {
        id
        name
        bytes
        durationMs
        uploadedAt
      }
    }
  }
`);

const accepted = ".wav,.mp3,.flac,.ogg,.oga,.opus,.m4a,.mp4,audio/*";

export interface ChosenRecording {
  id: string;
  name: string;
  bytes: number;
  durationMs: number;
}

interface Sending {
  name: string;
  bytes: number;
  /** From 0 to 1. */
  share: number;
  stop: () => void;
}

/** Sends one recording at a time and tells how far it is. */
function useUpload(onChosen: (recording: ChosenRecording) => void) {
  const [sending, setSending] = useState<Sending>();
  const [problem, setProblem] = useState<Problem>();

  const send = async (name: string, load: () => Promise<Blob>) => {
    const abort = new AbortController();
    setProblem(undefined);
    setSending({ name, bytes: 0, share: 0, stop: () => abort.abort() });
    try {
      const body = await load();
      setSending((now) => now && { ...now, bytes: body.size });
      const onProgress = (share: number) => setSending((now) => now && { ...now, share });
      const input = { body, name, onProgress, signal: abort.signal };
      const answer = await uploadRecording(input, newKey());
      notePosition(answer.position);
      onChosen({ ...answer, id: answer.recordingId });
    } catch (error) {
      const refusal = problemOf(error);
      if (refusal.code !== "STOPPED") setProblem(refusal);
    } finally {
      setSending(undefined);
    }
  };
  return { send, sending, problem };
}

interface RecordingChoiceProps {
  demo: DemoRecording[];
  onChosen: (recording: ChosenRecording) => void;
}

export function RecordingChoice({ demo, onChosen }: RecordingChoiceProps) {
  const { send, sending, problem } = useUpload(onChosen);
  if (sending) return <UploadProgress sending={sending} />;
  return (
    <div className="space-y-6">
      {problem && <ProblemAlert problem={problem} />}
      <DropZone onFile={(file) => send(file.name, async () => file)} />
      {demo.length > 0 && (
        <DemoList demo={demo} onTry={(file) => send(file, () => fetchDemoRecording(file))} />
      )}
      <EarlierRecordings onChosen={onChosen} />
    </div>
  );
}

function UploadProgress({ sending }: { sending: Sending }) {
  const percent = Math.round(sending.share * 100);
  return (
    <div className="space-y-3 rounded-lg border border-line p-5">
      <div className="flex items-center justify-between gap-3">
        <p className="flex min-w-0 items-center gap-2 font-medium">
          <LoaderCircle aria-hidden className="size-4 shrink-0 animate-spin text-accent-text" />
          <span className="truncate">{sending.name}</span>
        </p>
        <Button variant="secondary" size="small" onClick={sending.stop}>
          Stop upload
        </Button>
      </div>
      <Progress value={percent} label="Upload progress" />
      <p aria-live="polite" className="text-muted text-xs">
        {percent < 100
          ? `${percent} % of ${formatBytes(sending.bytes)} sent`
          : "Sent; the server is checking the audio."}
      </p>
    </div>
  );
}

function DropZone({ onFile }: { onFile: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer.files[0];
    if (file) onFile(file);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dragging is an extra; the input below does the same by keyboard
    <div
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      className={cn(
        "flex flex-col items-center gap-3 rounded-xl border-2 border-line border-dashed px-4 py-8 text-center",
        over && "border-accent bg-accent-soft",
      )}
    >
      <Upload aria-hidden className="size-7 text-muted" />
      <p className="text-muted">Drag a recording here, or</p>
      <Button variant="secondary" onClick={() => input.current?.click()}>
        Choose a file
      </Button>
      <input
        ref={input}
        type="file"
        accept={accepted}
        aria-label="Recording file"
        tabIndex={-1}
        className="sr-only"
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          if (file) onFile(file);
        }}
      />
    </div>
  );
}

function DemoList({ demo, onTry }: { demo: DemoRecording[]; onTry: (file: string) => void }) {
  return (
    <section aria-labelledby="demo-recordings">
      <h3 id="demo-recordings" className="mb-2 font-medium">
        Try one of these recordings
      </h3>
      <ul className="divide-y divide-line rounded-lg border border-line">
        {demo.map((recording) => (
          <li key={recording.file} className="flex items-center justify-between gap-3 px-4 py-2.5">
            <span className="flex min-w-0 items-center gap-3">
              <FileAudio aria-hidden className="size-4 shrink-0 text-muted" />
              <span className="min-w-0">
                <span className="block truncate font-medium">{recording.file}</span>
                <span className="block truncate text-muted text-xs">
                  {formatLength(recording.seconds * 1000)} · “{recording.text}”
                </span>
              </span>
            </span>
            <Button
              variant="secondary"
              size="small"
              aria-label={`Try ${recording.file}`}
              onClick={() => onTry(recording.file)}
            >
              Try
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** An extra that keeps quiet while it loads, or when there is nothing yet. */
function EarlierRecordings({ onChosen }: { onChosen: (recording: ChosenRecording) => void }) {
  const rows = useRead(recordingsDocument, {}).data?.recordings.nodes ?? [];
  if (rows.length === 0) return null;
  return (
    <section aria-labelledby="earlier-recordings">
      <h3 id="earlier-recordings" className="mb-2 font-medium">
        Use an earlier recording
      </h3>
      <ul className="divide-y divide-line rounded-lg border border-line">
        {rows.map((recording) => (
          <li key={recording.id} className="flex items-center justify-between gap-3 px-4 py-2.5">
            <span className="min-w-0">
              <span className="block truncate font-medium">{recording.name}</span>
              <span className="block text-muted text-xs">
                {formatLength(recording.durationMs)} · {formatBytes(recording.bytes)} ·{" "}
                {formatDateTime(recording.uploadedAt)}
              </span>
            </span>
            <Button
              variant="secondary"
              size="small"
              aria-label={`Use ${recording.name} of ${formatDateTime(recording.uploadedAt)}`}
              onClick={() => onChosen(recording)}
            >
              Use
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
