// Recordings that a demo installation offers to try; everywhere else the list is empty.
import { useEffect, useState } from "react";
import { z } from "zod";

const listSchema = z.array(z.object({ file: z.string(), text: z.string(), seconds: z.number() }));

export type DemoRecording = z.infer<typeof listSchema>[number];

/** An optional extra: when it cannot be read, the page works without it. */
export function useDemoRecordings(): DemoRecording[] {
  const [recordings, setRecordings] = useState<DemoRecording[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    fetch("/demo/recordings", { signal: abort.signal })
      .then(async (response) => (response.ok ? listSchema.parse(await response.json()) : []))
      .then(setRecordings)
      .catch(() => undefined);
    return () => abort.abort();
  }, []);
  return recordings;
}

/** The bytes of one of them. */
export async function fetchDemoRecording(file: string): Promise<Blob> {
  const response = await fetch(`/demo/recordings/${encodeURIComponent(file)}`);
  if (!response.ok) throw new Error(`The recording ${file} could not be fetched. Try again.`);
  return response.blob();
}
