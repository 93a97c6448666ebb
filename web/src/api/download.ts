// Downloads need the access token, so they are fetched and then handed to the browser as a file.
import { authorizedFetch } from "./http";
import { ProblemError, parseProblem } from "./problem";

export const transcriptFormats = ["txt", "srt", "vtt", "json"] as const;
export type TranscriptFormat = (typeof transcriptFormats)[number];

/** Saves the transcript of a job; throws `ProblemError` when the server refuses. */
export async function downloadTranscript(
  jobId: string,
  format: TranscriptFormat,
  fallbackName: string,
): Promise<void> {
  const path = `/downloads/jobs/${encodeURIComponent(jobId)}/transcript.${format}`;
  const response = await authorizedFetch(path);
  if (!response.ok) {
    throw new ProblemError(parseProblem(response.status, await response.text()));
  }
  const name = fileName(response.headers.get("content-disposition")) ?? fallbackName;
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the blob over by the next turn of the loop.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}

/** The file name in a Content-Disposition header, without any folders. */
export function fileName(header: string | null): string | undefined {
  if (!header) return undefined;
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(header)?.[1];
  if (extended) {
    try {
      return baseName(decodeURIComponent(extended));
    } catch {
      return undefined;
    }
  }
  const plain = /filename="?([^";]+)"?/i.exec(header)?.[1];
  return plain ? baseName(plain) : undefined;
}

function baseName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
