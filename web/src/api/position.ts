// The log position of this tab's last command. Reads wait for it, so one sees one's own writes.
let last: string | undefined;
const listeners = new Set<() => void>();

export function lastPosition(): string | undefined {
  return last;
}

/** Remembers the position that a command answered with. */
export function notePosition(position: string): void {
  last = position;
  for (const listener of listeners) listener();
}

export function forgetPosition(): void {
  last = undefined;
  for (const listener of listeners) listener();
}

export function onPosition(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
