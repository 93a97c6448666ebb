// Above every page while somebody acts as somebody else.
import { Eye } from "lucide-react";
import { useSyncExternalStore } from "react";
import { endImpersonation } from "@/api/commands/people";
import { session } from "@/api/session";
import { areas } from "@/areas";
import { formatDateTime } from "@/lib/format";
import { useCommand } from "@/lib/use-command";
import { ProblemAlert } from "./problem-alert";
import { Button } from "./ui/button";

export function ImpersonationBanner() {
  const signedIn = useSyncExternalStore(session.subscribe, session.get);
  const { run, busy, problem } = useCommand((_: undefined, key) => endImpersonation(key), {
    endsSession: true,
  });
  const acting = signedIn?.impersonation;
  if (!acting) return null;
  const stop = async () => {
    if (!(await run(undefined))) return;
    const own = await session.restore();
    window.location.assign(own ? areas[own.user.audience].home : "/");
  };
  return (
    <div
      role="status"
      className="flex flex-wrap items-center justify-between gap-3 border-line border-b bg-accent-soft px-4 py-2 text-accent-text md:px-8"
    >
      <span className="flex items-center gap-2">
        <Eye aria-hidden className="size-4 shrink-0" />
        <span>
          {acting.byName}, you act as <strong>{signedIn.user.name}</strong> until{" "}
          {formatDateTime(acting.endsAt)}
          {acting.write ? ". Changes carry both names." : " and may only look."}
        </span>
      </span>
      <Button variant="secondary" size="small" disabled={busy} onClick={stop}>
        Stop
      </Button>
      {problem && <ProblemAlert problem={problem} />}
    </div>
  );
}
