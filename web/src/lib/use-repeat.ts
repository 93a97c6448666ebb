// Something done again and again while there is reason to.
import { useEffect } from "react";

/** Calls `action` every so many milliseconds while `active`; not at once. */
export function useRepeat(active: boolean, milliseconds: number, action: () => void): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: `action` is another function at every rendering and does the same
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(action, milliseconds);
    return () => clearInterval(timer);
  }, [active, milliseconds]);
}
