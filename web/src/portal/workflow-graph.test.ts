import { describe, expect, it } from "vitest";
import { drawGraph, readGraph, type SpeechChoice } from "./workflow-graph";

const german: SpeechChoice = { model: "small", language: "de", task: "translate" };
const detected: SpeechChoice = { model: "tiny", language: "", task: "transcribe" };

describe("drawGraph", () => {
  it("draws three nodes in a row and two edges", () => {
    const { nodes, edges } = drawGraph(german);
    expect(nodes.map((node) => [node.type, node.data])).toEqual([
      ["recording", {}],
      ["transcription", { model: "small", language: "de", task: "translate" }],
      ["transcript", {}],
    ]);
    expect(nodes.map((node) => node.position)).toEqual([
      { x: 0, y: 0 },
      { x: 240, y: 0 },
      { x: 480, y: 0 },
    ]);
    expect(edges.map(({ source, target }) => [source, target])).toEqual([
      ["recording", "transcription"],
      ["transcription", "transcript"],
    ]);
  });

  it("leaves a language to detect out", () => {
    expect(drawGraph(detected).nodes[1]?.data).toEqual({ model: "tiny", task: "transcribe" });
  });

  it("changes nothing but the transcription of a graph that was drawn before", () => {
    const drawn = {
      nodes: [
        { id: "b", type: "transcript", position: { x: 9, y: 3 }, data: {} },
        { id: "t", type: "transcription", position: { x: 7, y: 5 }, width: 180, data: german },
        { id: "a", type: "recording", position: { x: -1, y: 2 }, data: {} },
      ],
      edges: [
        { id: "1", source: "a", target: "t", animated: true },
        { id: "2", source: "t", target: "b" },
      ],
      viewport: { x: 1, y: 2, zoom: 0.5 },
    };
    const before = structuredClone(drawn);
    const [last, step, first] = drawn.nodes;
    expect(drawGraph(detected, drawn)).toEqual({
      ...drawn,
      nodes: [last, { ...step, data: { model: "tiny", task: "transcribe" } }, first],
    });
    expect(drawn).toEqual(before);
  });
});

describe("readGraph", () => {
  it.each([german, detected])("reads back %j", (choice) => {
    const graph = drawGraph(choice);
    const stored = JSON.parse(JSON.stringify(graph));
    expect(readGraph(stored)).toEqual({ graph, choice });
  });

  it("reads a language of null as one to detect", () => {
    const graph = drawGraph(detected);
    const nodes = graph.nodes.map((node) =>
      node.type === "transcription"
        ? { ...node, data: { model: "tiny", language: null, task: "transcribe" } }
        : node,
    );
    expect(readGraph({ ...graph, nodes })?.choice).toEqual(detected);
  });

  it.each([
    ["nothing", null],
    ["text", "{}"],
    ["no nodes", { edges: [] }],
    ["no transcription", { nodes: [], edges: [] }],
    ["two transcriptions", twice()],
    [
      "an unknown task",
      {
        nodes: [{ id: "t", type: "transcription", data: { model: "x", task: "sing" } }],
        edges: [],
      },
    ],
  ])("of %s reads nothing", (_what, json) => {
    expect(readGraph(json)).toBeUndefined();
  });
});

function twice() {
  const graph = drawGraph(german);
  return { ...graph, nodes: [...graph.nodes, ...graph.nodes] };
}
