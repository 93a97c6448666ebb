// Text typed into a search field, handed on when the typing pauses.
import { useEffect, useState } from "react";

const PAUSE_MS = 250;

/** The text as typed, and a setter; `apply` gets the trimmed text once typing pauses. */
export function useSearchBox(
  applied: string,
  apply: (text: string) => void,
): [string, (text: string) => void] {
  const [text, setText] = useState(applied);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only typing restarts the pause
  useEffect(() => {
    const trimmed = text.trim();
    if (trimmed === applied) return;
    const timer = setTimeout(() => apply(trimmed), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return [text, setText];
}
