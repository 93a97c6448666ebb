// A list as a file: all of its rows, with the filters that the page shows.
import { Download } from "lucide-react";
import { useState } from "react";
import type { AnyVariables, TypedDocumentNode } from "urql";
import { downloadList } from "@/api/download";
import { type Problem, problemOf } from "@/api/problem";
import { ProblemAlert } from "./problem-alert";
import { Button } from "./ui/button";

interface SaveListProps<Data, Variables extends AnyVariables> {
  /** What is listed, as the file and the button are called. */
  name: string;
  /** One field with pages, and the columns as its nodes. */
  document: TypedDocumentNode<Data, Variables>;
  variables: Variables;
}

export function SaveList<Data, Variables extends AnyVariables>({
  name,
  document,
  variables,
}: SaveListProps<Data, Variables>) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await downloadList(document, variables, `${name}.zip`);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <span className="inline-flex flex-col gap-2">
      <Button
        variant="secondary"
        disabled={busy}
        aria-label={`Save ${name} as CSV`}
        title="All rows with these filters, and what they add up to, in one archive"
        onClick={save}
      >
        <Download aria-hidden /> CSV
      </Button>
      {problem && <ProblemAlert problem={problem} />}
    </span>
  );
}
