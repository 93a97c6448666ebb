import type { Problem } from "@/api/problem";
import { Alert } from "./ui/alert";

interface ProblemAlertProps {
  problem: Problem;
  /** Instead of the problem's own sentence, when parts of it stand beside fields. */
  message?: string;
}

/** A refusal in the server's words, with its code for whoever has to look it up. */
export function ProblemAlert({ problem, message = problem.detail }: ProblemAlertProps) {
  return (
    <Alert tone="bad">
      <p className="font-medium first-letter:uppercase">{message}</p>
      {problem.remedy && problem.remedy !== message && (
        <p className="mt-1 first-letter:uppercase">{problem.remedy}</p>
      )}
      <p className="mt-1 font-mono text-xs">
        {problem.code}
        {problem.traceId && ` · ${problem.traceId}`}
      </p>
    </Alert>
  );
}
