// Paging by cursor: the way back is the list of cursors that led here.
import { useState } from "react";

export interface Pages {
  after: string | undefined;
  /** Counts from 1. */
  page: number;
  next: (cursor: string | null | undefined) => void;
  previous: () => void;
}

/** Starts again at the first page when `filter` changes. */
export function usePages(filter: string): Pages {
  const [state, setState] = useState({ filter, cursors: [] as string[] });
  const cursors = state.filter === filter ? state.cursors : [];
  return {
    after: cursors.at(-1),
    page: cursors.length + 1,
    next: (cursor) => {
      if (cursor) setState({ filter, cursors: [...cursors, cursor] });
    },
    previous: () => setState({ filter, cursors: cursors.slice(0, -1) }),
  };
}
