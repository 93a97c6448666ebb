// Downloads need the access token, so they are fetched and then handed to the browser as a file.
import { type AnyVariables, stringifyDocument, type TypedDocumentNode } from "urql";
import { authorizedFetch } from "./http";
import { lastPosition } from "./position";
import { ProblemError, parseProblem } from "./problem";

export const transcriptFormats = ["txt", "srt", "vtt", "json"] as const;
export type TranscriptFormat = (typeof transcriptFormats)[number];

/** Saves the transcript of a job; throws `ProblemError` when the server refuses. */
export async function downloadTranscript(
  jobId: string,
  format: TranscriptFormat,
  fallbackName: string,
): Promise<void> {
  await downloadFile(
    `/downloads/jobs/${encodeURIComponent(jobId)}/transcript.${format}`,
    fallbackName,
  );
}

/** Saves a file of the server; throws `ProblemError` when it refuses. */
export async function downloadFile(path: string, fallbackName: string): Promise<void> {
  await keep(await fetched(path), fallbackName);
}

async function keep(response: Response, fallbackName: string): Promise<void> {
  const name = fileName(response.headers.get("content-disposition")) ?? fallbackName;
  saveAs(URL.createObjectURL(await response.blob()), name);
}

/** Saves all rows of a list, by its query; throws `ProblemError` when the server refuses. */
export async function downloadList<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  fallbackName: string,
): Promise<void> {
  const minPosition = lastPosition();
  const body = {
    query: stringifyDocument(document),
    variables: minPosition === undefined ? variables : { ...variables, minPosition },
  };
  const response = await fetched("/downloads/list.zip", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await keep(response, fallbackName);
}

/** How long a new tab has to load what it is shown. */
const LOADING_MS = 60_000;

/** Shows a page of the server in a tab of its own, to be read and printed. Throws as `downloadFile` does. */
export async function openPage(path: string, fallbackName: string): Promise<void> {
  // Browsers let a click open a tab, and not what comes after an answer of the server.
  const tab = window.open("", "_blank");
  try {
    const response = await fetched(path);
    const url = URL.createObjectURL(await response.blob());
    if (tab === null) {
      saveAs(url, fallbackName);
      return;
    }
    tab.opener = null;
    tab.location.replace(url);
    setTimeout(() => URL.revokeObjectURL(url), LOADING_MS);
  } catch (error) {
    tab?.close();
    throw error;
  }
}

async function fetched(path: string, init?: RequestInit): Promise<Response> {
  const response = await authorizedFetch(path, init);
  if (!response.ok) {
    throw new ProblemError(parseProblem(response.status, await response.text()));
  }
  return response;
}

function saveAs(url: string, name: string): void {
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
