// Commands about recordings' jobs and workflows.
import { z } from "zod";
import { newKey, send } from "../http";
import { done } from "./answers";

export type SpeechTask = "transcribe" | "translate";

export interface NewJob {
  recordingId: string;
  model: string;
  /** None lets the model detect it. */
  language?: string;
  task: SpeechTask;
}

const queued = done.extend({ jobId: z.string() });

export function startJob(input: NewJob, key: string) {
  return send("/api/jobs", queued, { body: input, idempotencyKey: key });
}

export function cancelJob({ id }: { id: string }, key: string = newKey()) {
  return send(`/api/jobs/${encodeURIComponent(id)}/cancel`, done, { idempotencyKey: key });
}

export interface WorkflowInput {
  /** None saves a new workflow. */
  id: string | undefined;
  name: string;
  /** xyflow's nodes and edges. */
  graph: unknown;
}

export function saveWorkflow({ id, ...body }: WorkflowInput, key: string) {
  const answer = done.extend({ workflowId: z.string(), version: z.number() });
  return id === undefined
    ? send("/api/workflows", answer, { body, idempotencyKey: key })
    : send(workflowPath(id), answer, { method: "PUT", body, idempotencyKey: key });
}

export function removeWorkflow({ id }: { id: string }, key: string) {
  return send(workflowPath(id), done, { method: "DELETE", idempotencyKey: key });
}

export function runWorkflow({ id, ...body }: { id: string; recordingId: string }, key: string) {
  return send(`${workflowPath(id)}/jobs`, queued, { body, idempotencyKey: key });
}

function workflowPath(id: string): string {
  return `/api/workflows/${encodeURIComponent(id)}`;
}
