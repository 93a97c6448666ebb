import { Download } from "lucide-react";
import { useState } from "react";
import { downloadTranscript, type TranscriptFormat, transcriptFormats } from "@/api/download";
import { type Problem, problemOf } from "@/api/problem";
import { ProblemAlert } from "@/components/problem-alert";
import { Empty } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Card, CardBody, CardHeader } from "@/components/ui/card";
import { formatClock } from "@/lib/format";
import type { Segment } from "./job-feed";
import type { Job } from "./job-query";
import { languageName } from "./languages";

interface TranscriptProps {
  job: Job;
  transcript: NonNullable<Job["transcript"]>;
}

export function Transcript({ job, transcript }: TranscriptProps) {
  return (
    <Card>
      <CardHeader
        title="Transcript"
        description={`Language: ${languageName(transcript.language)}`}
        action={<Downloads job={job} />}
      />
      {transcript.segments.length === 0 ? (
        <Empty icon={Download} title="No speech was heard">
          The recording was read to its end, but the model found no words in it.
        </Empty>
      ) : (
        <CardBody>
          <SegmentList segments={transcript.segments} />
        </CardBody>
      )}
    </Card>
  );
}

export function SegmentList({ segments }: { segments: readonly Segment[] }) {
  return (
    <ol aria-label="Segments" className="space-y-1">
      {segments.map((segment) => (
        <li
          key={segment.index}
          className="grid items-baseline gap-x-4 rounded-lg px-2 py-2 odd:bg-raised/60 sm:grid-cols-[9rem_1fr]"
        >
          <span className="font-mono text-muted text-xs tabular-nums">
            {formatClock(segment.startMs)} – {formatClock(segment.endMs)}
          </span>
          <span className="break-words text-base leading-relaxed">{segment.text.trim()}</span>
        </li>
      ))}
    </ol>
  );
}

function Downloads({ job }: { job: Job }) {
  const [busy, setBusy] = useState<TranscriptFormat>();
  const [problem, setProblem] = useState<Problem>();
  const save = async (format: TranscriptFormat) => {
    setBusy(format);
    setProblem(undefined);
    try {
      const stem = job.recording.name.replace(/\.[^.]*$/, "");
      await downloadTranscript(job.id, format, `${stem}.${format}`);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(undefined);
    }
  };
  return (
    <div className="space-y-2">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for form controls */}
      <div role="group" aria-label="Downloads" className="flex flex-wrap gap-2">
        {transcriptFormats.map((format) => (
          <Button
            key={format}
            variant="secondary"
            size="small"
            disabled={busy !== undefined}
            aria-label={`Download ${format.toUpperCase()}`}
            onClick={() => save(format)}
          >
            <Download aria-hidden /> {format.toUpperCase()}
          </Button>
        ))}
      </div>
      {problem && <ProblemAlert problem={problem} />}
    </div>
  );
}
