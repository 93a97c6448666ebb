// A job as it moves, from the page's point of view.
import { useEffect, useState } from "react";
import { useClient } from "urql";
import { subscribe } from "@/api/updates";
import { type Connection, followJob, type Source } from "./follow-job";
import { isFinal, type JobView } from "./job-feed";
import { type Job, jobDocument, jobUpdatesDocument, viewOf } from "./job-query";

export interface JobFeed {
  view: JobView;
  connection: Connection;
}

/**
 * Follows `job` while it runs. `onEnd` is called when the end came over the feed, so that the page
 * can read the transcript.
 */
export function useJobFeed(job: Job, onEnd: () => void): JobFeed {
  const client = useClient();
  const read = viewOf(job);
  const running = !isFinal(job.status);
  const [live, setLive] = useState<JobView>();
  const [connection, setConnection] = useState<Connection>("connecting");

  // biome-ignore lint/correctness/useExhaustiveDependencies: one feed per running job; what is read later is older than the feed
  useEffect(() => {
    if (!running) return;
    const source: Source = {
      subscribe: (afterSequence, on) =>
        subscribe(
          jobUpdatesDocument,
          { jobId: job.id, afterSequence },
          { next: (data) => on.update(data.jobUpdates), end: on.end },
        ),
      reload: async () => {
        const options = { requestPolicy: "network-only" as const };
        const { data, error } = await client.query(jobDocument, { id: job.id }, options);
        if (!data?.job) throw error ?? new Error("the job is gone");
        return viewOf(data.job);
      },
      later: (milliseconds, callback) => {
        const timer = setTimeout(callback, milliseconds);
        return () => clearTimeout(timer);
      },
    };
    // From the very first update, because a job that is still running has no segments to read.
    return followJob({ ...read, sequence: 0, segments: [] }, source, {
      onView: (view) => {
        setLive(view);
        if (isFinal(view.status)) onEnd();
      },
      onConnection: setConnection,
    });
  }, [client, job.id, running]);

  const view =
    live && live.sequence >= read.sequence
      ? live
      : { ...read, segments: live?.segments ?? read.segments };
  return { view, connection: running ? connection : "closed" };
}
