// Commands to the write side: JSON, CSRF token, idempotency key, problem documents.
import { z } from "zod";
import { ProblemError, parseProblem } from "./problem";
import { session } from "./session";
import { TokenKeeper } from "./token";

export interface CommandOptions {
  method?: "POST" | "PUT" | "DELETE";
  /** Never sent with DELETE. */
  body?: unknown;
  /** Kept while one submission is tried again, so that a repeat does no harm. */
  idempotencyKey?: string;
}

/** A random UUID, also on plain http where `crypto.randomUUID` is missing. */
export function newKey(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function commandHeaders(idempotencyKey: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { "x-csrf-token": session.get()?.csrfToken ?? "" };
  if (idempotencyKey) headers["idempotency-key"] = idempotencyKey;
  return headers;
}

/** Sends a command and reads its answer by `schema`; throws `ProblemError` when it is refused. */
export async function send<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  options: CommandOptions = {},
): Promise<z.infer<Schema>> {
  let response = await post(path, options);
  let body = await response.text();
  if (isCsrfRefusal(response.status, body) && (await session.restore())) {
    // Another tab signed in again: the session is good, only its CSRF token is a new one.
    response = await post(path, options);
    body = await response.text();
  }
  if (!response.ok) {
    const problem = parseProblem(response.status, body);
    if (problem.code === "UNAUTHENTICATED") endSession();
    throw new ProblemError(problem);
  }
  return schema.parse(body === "" ? {} : JSON.parse(body));
}

/** Reads what the write side alone knows, such as where one is signed in. */
export async function fetchJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const response = await fetch(path, { credentials: "same-origin" });
  const body = await response.text();
  if (!response.ok) throw new ProblemError(parseProblem(response.status, body));
  return schema.parse(JSON.parse(body));
}

function post(path: string, options: CommandOptions): Promise<Response> {
  const method = options.method ?? "POST";
  const headers = commandHeaders(options.idempotencyKey);
  if (method === "DELETE") return fetch(path, { method, credentials: "same-origin", headers });
  return fetch(path, {
    method,
    credentials: "same-origin",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(options.body ?? {}),
  });
}

function isCsrfRefusal(status: number, body: string): boolean {
  return status === 403 && parseProblem(status, body).code === "CSRF_TOKEN_INVALID";
}

const tokenSchema = z.object({ accessToken: z.string(), expiresAt: z.string() });

export const tokens = new TokenKeeper(() => send("/api/auth/token", tokenSchema));

/** The session is over: nothing of it stays in memory. */
export function endSession(): void {
  tokens.drop();
  session.forget();
}

/** `fetch` with the access token; a token that was refused is renewed once. */
export async function authorizedFetch(
  input: RequestInfo | URL,
  init?: RequestInit,
): Promise<Response> {
  const attempt = async () => {
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${await tokens.get()}`);
    return fetch(input, { ...init, headers });
  };
  const response = await attempt();
  if (response.status !== 401) return response;
  tokens.drop();
  return attempt();
}
