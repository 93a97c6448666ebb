import { describe, expect, it } from "vitest";
import { applyUpdate, type JobUpdate, type JobView, mergeSegments, stepWords } from "./job-feed";

const start: JobView = {
  sequence: 0,
  status: "QUEUED",
  stage: null,
  percent: 0,
  segments: [],
  failure: null,
};

function update(sequence: number, more: Partial<JobUpdate> = {}): JobUpdate {
  return {
    jobId: "j1",
    sequence,
    kind: "PROGRESS",
    status: "RUNNING",
    stage: "TRANSCRIBE",
    percent: sequence * 10,
    segments: [],
    failure: null,
    at: "2026-11-21T12:00:00Z",
    ...more,
  };
}

const segment = (index: number, text: string) => ({
  index,
  startMs: index * 1000,
  endMs: index * 1000 + 900,
  text,
});

function fold(view: JobView, updates: JobUpdate[]): JobView {
  return updates.reduce((before, next) => {
    const applied = applyUpdate(before, next);
    return applied.kind === "applied" ? applied.view : before;
  }, view);
}

describe("applyUpdate", () => {
  it("moves forward and collects segments", () => {
    const view = fold(start, [
      update(1, { stage: "FETCH" }),
      update(2, { segments: [segment(0, " eleven turn")] }),
      update(3, { segments: [segment(1, " today play")] }),
    ]);
    expect(view).toMatchObject({ sequence: 3, percent: 30, stage: "TRANSCRIBE" });
    expect(view.segments.map((entry) => entry.text)).toEqual([" eleven turn", " today play"]);
  });

  it("leaves the view alone at a repeat", () => {
    const view = fold(start, [update(1), update(2)]);
    expect(applyUpdate(view, update(2, { percent: 5 }))).toEqual({ kind: "duplicate" });
    expect(applyUpdate(view, update(1))).toEqual({ kind: "duplicate" });
  });

  it("reports a gap instead of skipping over it", () => {
    const view = fold(start, [update(1)]);
    expect(applyUpdate(view, update(3))).toEqual({ kind: "gap", expected: 2 });
  });

  it("takes the end with its failure", () => {
    const failure = { code: "WORKER_LOST", message: "the worker was lost three times" };
    const view = fold(start, [update(1), update(2, { kind: "STATUS", status: "FAILED", failure })]);
    expect(view).toMatchObject({ status: "FAILED", failure });
  });
});

describe("mergeSegments", () => {
  it("orders by index and lets the later version win", () => {
    const known = [segment(0, "a"), segment(2, "c")];
    const merged = mergeSegments(known, [segment(1, "b"), segment(2, "C")]);
    expect(merged.map((entry) => entry.text)).toEqual(["a", "b", "C"]);
  });
});

describe("stepWords", () => {
  it("names the stage while it runs and the status otherwise", () => {
    expect(stepWords({ status: "RUNNING", stage: "DECODE" })).toBe("Decoding the audio");
    expect(stepWords({ status: "QUEUED", stage: null })).toBe("Waiting for a free worker");
    expect(stepWords({ status: "CANCELLED", stage: "TRANSCRIBE" })).toBe("Cancelled");
  });
});
