// RFC 9457 problem documents: the shape in which the server refuses.
import { z } from "zod";

const problemSchema = z.object({
  title: z.string().optional(),
  status: z.number().optional(),
  code: z.string().optional(),
  detail: z.string().optional(),
  remedy: z.string().nullish(),
  errors: z.array(z.object({ field: z.string(), detail: z.string() })).nullish(),
  traceId: z.string().nullish(),
});

export interface FieldProblem {
  /** Dotted path of the field in the request body, for example `owner.email`. */
  field: string;
  detail: string;
}

/** A refusal that can be shown to a person as it is. */
export interface Problem {
  /** HTTP status; 0 when no answer arrived. */
  status: number;
  code: string;
  /** A sentence in the server's words. */
  detail: string;
  remedy: string | undefined;
  fields: FieldProblem[];
  traceId: string | undefined;
}

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = "ProblemError";
    this.problem = problem;
  }
}

/** Reads the problem in an answer's body; a body of another shape becomes a plain sentence. */
export function parseProblem(status: number, body: string): Problem {
  const parsed = problemSchema.safeParse(parseJson(body));
  const document = parsed.success ? parsed.data : {};
  return {
    status,
    code: document.code ?? "UNEXPECTED_ANSWER",
    detail:
      document.detail ??
      document.title ??
      `The server answered ${status} without an explanation. Try again in a moment.`,
    remedy: document.remedy ?? undefined,
    fields: document.errors ?? [],
    traceId: document.traceId ?? undefined,
  };
}

/** The problem of a request that got no answer at all. */
export const unreachable: Problem = {
  status: 0,
  code: "UNREACHABLE",
  detail: "The server could not be reached. Check the connection and try again.",
  remedy: undefined,
  fields: [],
  traceId: undefined,
};

/** Whatever was thrown, as something that can be shown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof TypeError) return unreachable;
  const detail = error instanceof Error ? error.message : String(error);
  return { ...unreachable, code: "UNEXPECTED", detail };
}

export interface FormProblem {
  /** Messages by form field. */
  fields: FieldProblem[];
  /** What belongs to no field of the form and is shown above it. */
  message: string | undefined;
}

/**
 * Splits a problem into messages beside fields and one message above the form.
 *
 * A field that the form does not have is not lost: it joins the message above.
 */
export function formProblem(problem: Problem, known: readonly string[]): FormProblem {
  const fields = problem.fields.filter((entry) => known.includes(entry.field));
  const others = problem.fields.filter((entry) => !known.includes(entry.field));
  if (problem.code === "EMAIL_TAKEN" && fields.length === 0) {
    const field = known.find((name) => name === "email" || name.endsWith(".email"));
    if (field) return { fields: [{ field, detail: problem.detail }], message: undefined };
  }
  if (fields.length > 0 && others.length === 0) return { fields, message: undefined };
  const extra = others.map((entry) => `${entry.field}: ${entry.detail}`);
  return { fields, message: [problem.detail, ...extra].join(" ") };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
