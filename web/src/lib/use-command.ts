// One submission of a form: its idempotency key, whether it is under way, and why it was refused.
import { useRef, useState } from "react";
import { newKey } from "@/api/http";
import { notePosition } from "@/api/position";
import { type Problem, problemOf } from "@/api/problem";

export interface Command<Input, Answer> {
  /** Sends; answers `undefined` when refused (see `problem`). */
  run: (input: Input) => Promise<Answer | undefined>;
  busy: boolean;
  problem: Problem | undefined;
  clear: () => void;
}

interface CommandEffects {
  /** The session is over with it: reading the page again would only lead to the sign-in. */
  endsSession?: boolean;
}

/**
 * The key stays while a refused or lost submission is tried again, and is a new one after success.
 *
 * A key that the server has seen with another payload is given up too: the earlier submission did
 * arrive, the message says so, and what the person sends next is a new wish.
 */
export function useCommand<Input, Answer extends { position: string }>(
  send: (input: Input, key: string) => Promise<Answer>,
  { endsSession = false }: CommandEffects = {},
): Command<Input, Answer> {
  const key = useRef(newKey());
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();

  const run = async (input: Input) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const answer = await send(input, key.current);
      key.current = newKey();
      if (!endsSession) notePosition(answer.position);
      return answer;
    } catch (error) {
      const refusal = problemOf(error);
      if (refusal.code === "IDEMPOTENCY_KEY_REUSED") key.current = newKey();
      setProblem(refusal);
      return undefined;
    } finally {
      setBusy(false);
    }
  };
  return { run, busy, problem, clear: () => setProblem(undefined) };
}
