// Bulks: many customers by one file, tried or begun.
import { z } from "zod";
import { commandHeaders, endSession } from "./http";
import { ProblemError, parseProblem } from "./problem";

export const bulkKinds = ["create", "extend", "suspend", "resume", "move"] as const;
export type BulkKind = (typeof bulkKinds)[number];
export type BulkMode = "BEST_EFFORT" | "ALL_OR_NOTHING";

/** The columns of each kind's file, as its template has them. */
export const bulkColumns: Record<BulkKind, string[]> = {
  create: ["name", "tier", "days", "userName", "userEmail"],
  extend: ["customerId", "days"],
  suspend: ["customerId", "reason"],
  resume: ["customerId", "reason"],
  move: ["customerId", "resellerId", "reason"],
};

export interface BulkFile {
  kind: BulkKind;
  mode: BulkMode;
  file: Blob;
}

const begunSchema = z.object({ bulkId: z.string(), rows: z.number(), position: z.string() });

export function beginBulk(input: BulkFile, key: string) {
  return sendFile(input, key, {}, begunSchema);
}

const triedSchema = z.object({
  answer: z.object({
    rows: z.number(),
    would: z.object({
      done: z.number(),
      failed: z.number(),
      debited: z.number(),
      rows: z.array(
        z.object({
          row: z.number(),
          code: z.string().optional(),
          message: z.string().optional(),
          debited: z.number().nullish(),
        }),
      ),
    }),
  }),
});

export type TriedBulk = z.infer<typeof triedSchema>["answer"];

/** What would become of the rows; nothing is stored. */
export async function tryBulk(input: BulkFile, key: string): Promise<TriedBulk> {
  const tried = await sendFile(input, key, { "dry-run": "true" }, triedSchema);
  return tried.answer;
}

async function sendFile<Schema extends z.ZodType>(
  { kind, mode, file }: BulkFile,
  key: string,
  more: Record<string, string>,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const response = await fetch(`/api/reseller/bulk?kind=${kind}&mode=${mode}`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "text/csv", ...commandHeaders(key), ...more },
    body: file,
  });
  const body = await response.text();
  if (!response.ok) {
    const problem = parseProblem(response.status, body);
    if (problem.code === "UNAUTHENTICATED") endSession();
    throw new ProblemError(problem);
  }
  return schema.parse(JSON.parse(body));
}
