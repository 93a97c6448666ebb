// A workflow's form and its graph: recording → transcription → transcript, as xyflow writes it.
import { z } from "zod";
import type { SpeechTask } from "@/api/commands/work";

/** What the form asks for. */
export interface SpeechChoice {
  model: string;
  /** A language's code; empty lets the model detect it. */
  language: string;
  task: SpeechTask;
}

export const taskSchema = z.enum(["transcribe", "translate"]);

// Loose, because a graph keeps all that was drawn: positions, sizes, labels.
const graphSchema = z.looseObject({
  nodes: z.array(z.looseObject({ id: z.string(), type: z.string(), data: z.unknown() })),
  edges: z.array(z.looseObject({ id: z.string(), source: z.string(), target: z.string() })),
});

const transcriptionSchema = z.looseObject({
  model: z.string(),
  language: z.string().nullish(),
  task: taskSchema,
});

export type Graph = z.infer<typeof graphSchema>;

/** Distance between the nodes of a new graph, in xyflow's pixels. */
const STEP_PX = 240;

/** The graph of a form. A graph that was drawn before keeps everything but the form's values. */
export function drawGraph(choice: SpeechChoice, drawn?: Graph): Graph {
  const { model, language, task } = choice;
  const data = { model, task, ...(language ? { language } : {}) };
  if (drawn) {
    const nodes = drawn.nodes.map((node) =>
      node.type === "transcription" ? { ...node, data } : node,
    );
    return { ...drawn, nodes };
  }
  return {
    nodes: [
      { id: "recording", type: "recording", position: { x: 0, y: 0 }, data: {} },
      { id: "transcription", type: "transcription", position: { x: STEP_PX, y: 0 }, data },
      { id: "transcript", type: "transcript", position: { x: 2 * STEP_PX, y: 0 }, data: {} },
    ],
    edges: [
      { id: "recording-transcription", source: "recording", target: "transcription" },
      { id: "transcription-transcript", source: "transcription", target: "transcript" },
    ],
  };
}

/** The form's values in a saved graph; `undefined` when it is none that this form can show. */
export function readGraph(json: unknown): { graph: Graph; choice: SpeechChoice } | undefined {
  const graph = graphSchema.safeParse(json).data;
  const steps = graph?.nodes.filter((node) => node.type === "transcription") ?? [];
  if (!graph || steps.length !== 1) return undefined;
  const step = transcriptionSchema.safeParse(steps[0]?.data).data;
  if (!step) return undefined;
  return { graph, choice: { model: step.model, language: step.language ?? "", task: step.task } };
}
