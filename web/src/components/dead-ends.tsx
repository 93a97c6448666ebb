// The two pages that nobody wants to see, with a way out of each.
import { type ErrorComponentProps, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Brand } from "./brand";
import { Button } from "./ui/button";

function DeadEnd({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-4 p-6 text-center">
      <Brand />
      <h1 className="font-semibold text-2xl tracking-tight">{title}</h1>
      {children}
    </main>
  );
}

export function NotFound() {
  return (
    <DeadEnd title="There is no such page">
      <p className="max-w-md text-muted">
        The address may be mistyped, or the page has moved. Nothing is broken.
      </p>
      <Button asChild>
        <Link to="/">Go to the start page</Link>
      </Button>
    </DeadEnd>
  );
}

export function Crash({ error, reset }: ErrorComponentProps) {
  return (
    <DeadEnd title="The panel stumbled">
      <p className="max-w-md text-muted">
        This page could not be shown. What you did before has been kept.
      </p>
      <p className="max-w-md font-mono text-muted text-xs break-words">
        {error instanceof Error ? error.message : String(error)}
      </p>
      <div className="flex flex-wrap justify-center gap-2">
        <Button onClick={reset}>Try again</Button>
        <Button variant="secondary" asChild>
          <a href="/">Go to the start page</a>
        </Button>
      </div>
    </DeadEnd>
  );
}
