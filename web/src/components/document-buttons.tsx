// A document of the server: opened as a page that prints well, or saved as a file.
import { Download, Printer } from "lucide-react";
import { useState } from "react";
import { downloadFile, openPage } from "@/api/download";
import { type Problem, problemOf } from "@/api/problem";
import { ProblemAlert } from "./problem-alert";
import { Button } from "./ui/button";

interface DocumentButtonsProps {
  /** As the server gives it: an ending makes it a file. */
  path: string;
  /** What the document is called, for the accessible names and for files without a name. */
  name: string;
  formats: readonly ("csv" | "json")[];
  /** Whether it comes as a page too. */
  page?: boolean;
}

export function DocumentButtons({ path, name, formats, page = true }: DocumentButtonsProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const get = async (load: () => Promise<void>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await load();
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <span className="inline-flex flex-col gap-2">
      <span className="inline-flex flex-wrap gap-2">
        {page && (
          <Button
            variant="secondary"
            size="small"
            disabled={busy}
            aria-label={`Open ${name} to read or print it`}
            onClick={() => get(() => openPage(`${path}.html`, `${name}.html`))}
          >
            <Printer aria-hidden /> Open
          </Button>
        )}
        {formats.map((format) => (
          <Button
            key={format}
            variant="ghost"
            size="small"
            disabled={busy}
            aria-label={`Download ${name} as ${format.toUpperCase()}`}
            onClick={() => get(() => downloadFile(`${path}.${format}`, `${name}.${format}`))}
          >
            <Download aria-hidden /> {format.toUpperCase()}
          </Button>
        ))}
      </span>
      {problem && <ProblemAlert problem={problem} />}
    </span>
  );
}
