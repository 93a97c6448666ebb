// What is known of a running job, folded from its updates. Pure: no network, no clock.
import type { JobStage, JobStatus, JobUpdatesSubscription } from "@/gql/graphql";

export type JobUpdate = JobUpdatesSubscription["jobUpdates"];
export type Segment = JobUpdate["segments"][number];

export interface JobView {
  /** Sequence of the last update that was applied; updates count from 1 without gaps. */
  sequence: number;
  status: JobStatus;
  stage: JobStage | null;
  /** From 0 to 100. */
  percent: number;
  segments: Segment[];
  failure: { code: string; message: string } | null;
}

export type Applied =
  | { kind: "applied"; view: JobView }
  | { kind: "duplicate" }
  | { kind: "gap"; expected: number };

/** Applies the next update; a repeat changes nothing, and a gap is reported, not papered over. */
export function applyUpdate(view: JobView, update: JobUpdate): Applied {
  const expected = view.sequence + 1;
  if (update.sequence < expected) return { kind: "duplicate" };
  if (update.sequence > expected) return { kind: "gap", expected };
  return {
    kind: "applied",
    view: {
      sequence: update.sequence,
      status: update.status,
      stage: update.stage ?? null,
      percent: update.percent,
      segments: mergeSegments(view.segments, update.segments),
      failure: update.failure ?? null,
    },
  };
}

/** Segments in order of their index; a later version of one replaces the earlier. */
export function mergeSegments(known: Segment[], more: readonly Segment[]): Segment[] {
  if (more.length === 0) return known;
  const byIndex = new Map(known.map((segment) => [segment.index, segment]));
  for (const segment of more) byIndex.set(segment.index, segment);
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}

export function isFinal(status: JobStatus): boolean {
  return status === "SUCCEEDED" || status === "FAILED" || status === "CANCELLED";
}

const stageWords: Record<JobStage, string> = {
  FETCH: "Fetching the recording",
  DECODE: "Decoding the audio",
  TRANSCRIBE: "Transcribing",
  STORE: "Storing the transcript",
};

const statusWords: Record<JobStatus, string> = {
  QUEUED: "Waiting for a free worker",
  DISPATCHED: "Handed to a worker",
  RUNNING: "Running",
  SUCCEEDED: "Done",
  FAILED: "Failed",
  CANCELLED: "Cancelled",
};

/** The present step in words: the stage while one is known, else the status. */
export function stepWords(view: { status: JobStatus; stage: JobStage | null }): string {
  const running = view.status === "RUNNING" || view.status === "DISPATCHED";
  return running && view.stage ? stageWords[view.stage] : statusWords[view.status];
}
