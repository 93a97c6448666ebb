// Upload of a recording. XMLHttpRequest, because fetch reports no upload progress.
import { z } from "zod";
import { commandHeaders, endSession } from "./http";
import { ProblemError, parseProblem, unreachable } from "./problem";

const recordingSchema = z.object({
  recordingId: z.string(),
  name: z.string(),
  bytes: z.number(),
  format: z.string(),
  durationMs: z.number(),
  position: z.string(),
});

export type UploadedRecording = z.infer<typeof recordingSchema>;

export interface UploadInput {
  body: Blob;
  name: string;
  /** Called with the share sent so far, from 0 to 1. */
  onProgress: (share: number) => void;
  signal: AbortSignal;
}

/** Streams a file to the server; rejects with `ProblemError`, also when it was stopped. */
export function uploadRecording(input: UploadInput, key: string): Promise<UploadedRecording> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/tenant/recordings?name=${encodeURIComponent(input.name)}`);
    const type = input.body.type.startsWith("audio/") ? input.body.type : undefined;
    request.setRequestHeader("content-type", type ?? "application/octet-stream");
    for (const [name, value] of Object.entries(commandHeaders(key))) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) input.onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        resolve(recordingSchema.parse(JSON.parse(request.responseText)));
        return;
      }
      const problem = parseProblem(request.status, request.responseText);
      if (problem.code === "UNAUTHENTICATED") endSession();
      reject(new ProblemError(problem));
    };
    request.onerror = () => reject(new ProblemError(unreachable));
    request.onabort = () =>
      reject(new ProblemError({ ...unreachable, code: "STOPPED", detail: "Upload stopped." }));
    input.signal.addEventListener("abort", () => request.abort());
    request.send(input.body);
  });
}
