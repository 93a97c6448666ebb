// Follows one job's updates through drops: reconnects with a pause, asks only for what is missing.
import { applyUpdate, isFinal, type JobUpdate, type JobView } from "./job-feed";

export type Connection = "connecting" | "live" | "reconnecting" | "closed";

/** How one subscription ended: all told, or cut off. */
export type Ending = "complete" | "dropped";

export interface Source {
  /** Opens a subscription after `sequence`; answers the function that closes it. */
  subscribe: (
    sequence: number,
    on: { update: (update: JobUpdate) => void; end: (ending: Ending) => void },
  ) => () => void;
  /** Reads the job anew, after a gap that the subscription cannot fill. */
  reload: () => Promise<JobView>;
  /** Calls back after a pause; answers the function that cancels it. */
  later: (milliseconds: number, callback: () => void) => () => void;
}

export interface Follower {
  onView: (view: JobView) => void;
  onConnection: (connection: Connection) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** The pause before attempt `n` (from 0) to connect again: doubled each time, up to 8 s. */
export function pauseBefore(attempt: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
}

/** Starts following from `start`; answers the function that stops. */
export function followJob(start: JobView, source: Source, follower: Follower): () => void {
  let view = start;
  let attempt = 0;
  let stopped = false;
  let cancel: () => void = () => undefined;

  const stop = () => {
    stopped = true;
    cancel();
  };

  const finish = () => {
    follower.onConnection("closed");
    stop();
  };

  const retry = () => {
    if (stopped) return;
    follower.onConnection("reconnecting");
    cancel = source.later(pauseBefore(attempt), connect);
    attempt += 1;
  };

  const accept = (update: JobUpdate) => {
    if (stopped) return;
    const applied = applyUpdate(view, update);
    if (applied.kind === "duplicate") return;
    if (applied.kind === "gap") {
      cancel();
      void reload();
      return;
    }
    attempt = 0;
    view = applied.view;
    follower.onConnection("live");
    follower.onView(view);
    if (isFinal(view.status)) finish();
  };

  const reload = async () => {
    try {
      const fresh = await source.reload();
      if (stopped) return;
      view = fresh;
      follower.onView(view);
      if (isFinal(view.status)) finish();
      else retry();
    } catch {
      // Not reachable: the same remedy as for a dropped subscription.
      retry();
    }
  };

  function connect() {
    if (stopped) return;
    let open = true;
    const close = source.subscribe(view.sequence, {
      update: (update) => {
        if (open) accept(update);
      },
      end: (ending) => {
        if (!open) return;
        open = false;
        // The server told everything it knows, yet we saw no end: look at the job itself.
        if (ending === "complete") void reload();
        else retry();
      },
    });
    cancel = () => {
      open = false;
      close();
    };
  }

  follower.onConnection("connecting");
  connect();
  return stop;
}
