import { describe, expect, it } from "vitest";
import { type Connection, type Ending, followJob, pauseBefore, type Source } from "./follow-job";
import type { JobUpdate, JobView } from "./job-feed";

const start: JobView = {
  sequence: 0,
  status: "QUEUED",
  stage: null,
  percent: 0,
  segments: [],
  failure: null,
};

function update(sequence: number, status: JobUpdate["status"] = "RUNNING"): JobUpdate {
  return {
    jobId: "j1",
    sequence,
    kind: "PROGRESS",
    status,
    stage: null,
    percent: sequence,
    segments: [],
    failure: null,
    at: "2026-11-21T12:00:00Z",
  };
}

/** A server by hand: the test says when something arrives, breaks, or time passes. */
function scene(reload: () => Promise<JobView> = async () => start) {
  const asked: number[] = [];
  const pauses: number[] = [];
  const views: number[] = [];
  const connections: Connection[] = [];
  let on: { update: (update: JobUpdate) => void; end: (ending: Ending) => void } | undefined;
  let wake: (() => void) | undefined;
  let closed = 0;
  const source: Source = {
    subscribe: (sequence, sink) => {
      asked.push(sequence);
      on = sink;
      return () => {
        closed += 1;
      };
    },
    reload,
    later: (milliseconds, callback) => {
      pauses.push(milliseconds);
      wake = callback;
      return () => {
        wake = undefined;
      };
    },
  };
  const stop = followJob(start, source, {
    onView: (view) => views.push(view.sequence),
    onConnection: (connection) => {
      if (connection !== connections.at(-1)) connections.push(connection);
    },
  });
  return {
    asked,
    pauses,
    views,
    connections,
    stop,
    closed: () => closed,
    arrive: (...updates: JobUpdate[]) => {
      for (const next of updates) on?.update(next);
    },
    end: (ending: Ending) => on?.end(ending),
    wake: () => wake?.(),
    waiting: () => wake !== undefined,
  };
}

/** Lets promises that are settled already run their callbacks. */
const settle = () => new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));

describe("followJob", () => {
  it("asks after a drop only for what is missing", () => {
    const play = scene();
    play.arrive(update(1), update(2));
    play.end("dropped");
    expect(play.connections).toEqual(["connecting", "live", "reconnecting"]);
    play.wake();
    play.arrive(update(3));
    expect(play.asked).toEqual([0, 2]);
    expect(play.views).toEqual([1, 2, 3]);
    expect(play.connections.at(-1)).toBe("live");
  });

  it("pauses longer with every failed attempt, and short again after success", () => {
    const play = scene();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      play.end("dropped");
      play.wake();
    }
    play.arrive(update(1));
    play.end("dropped");
    expect(play.pauses).toEqual([500, 1000, 2000, 500]);
  });

  it("closes at the end of the job and connects no more", () => {
    const play = scene();
    play.arrive(update(1), update(2, "SUCCEEDED"));
    play.end("dropped");
    expect(play.connections.at(-1)).toBe("closed");
    expect(play.closed()).toBe(1);
    expect(play.waiting()).toBe(false);
  });

  it("ignores repeats", () => {
    const play = scene();
    play.arrive(update(1), update(1), update(2), update(1));
    expect(play.views).toEqual([1, 2]);
  });

  it("reads the job anew at a gap and goes on from there", async () => {
    const play = scene(async () => ({ ...start, sequence: 5, status: "RUNNING" }));
    play.arrive(update(1), update(4));
    await settle();
    play.wake();
    play.arrive(update(6));
    expect(play.asked).toEqual([0, 5]);
    expect(play.views).toEqual([1, 5, 6]);
  });

  it("looks at the job when the server says there is no more", async () => {
    const play = scene(async () => ({ ...start, sequence: 9, status: "SUCCEEDED" }));
    play.end("complete");
    await settle();
    expect(play.views).toEqual([9]);
    expect(play.connections.at(-1)).toBe("closed");
  });

  it("keeps trying when the job cannot be read", async () => {
    const play = scene(async () => {
      throw new Error("down");
    });
    play.end("complete");
    await settle();
    expect(play.connections.at(-1)).toBe("reconnecting");
    expect(play.waiting()).toBe(true);
  });

  it("does nothing after it was stopped", () => {
    const play = scene();
    play.stop();
    play.arrive(update(1));
    play.end("dropped");
    expect(play.views).toEqual([]);
    expect(play.waiting()).toBe(false);
  });
});

describe("pauseBefore", () => {
  it("is never longer than 8 s", () => {
    expect(pauseBefore(30)).toBe(8000);
  });
});
