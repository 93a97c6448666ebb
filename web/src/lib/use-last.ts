import { useState } from "react";

/** The latest value that was one; `undefined` only before the first. */
export function useLast<Value>(value: Value | null | undefined): Value | undefined {
  const [last, setLast] = useState<Value>();
  if (value != null && value !== last) setLast(value);
  return value ?? last;
}
