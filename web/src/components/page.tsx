import { Link } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { type ReactNode, useEffect } from "react";

interface PageProps {
  title: string;
  description?: ReactNode;
  back?: { to: string; label: string };
  action?: ReactNode;
  children: ReactNode;
}

/** Heading, actions and content of one page; also sets the document's title. */
export function Page({ title, description, back, action, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Stentor`;
  }, [title]);
  return (
    <div className="mx-auto w-full max-w-6xl px-4 py-6 md:px-8 md:py-8">
      {back && (
        <Link
          to={back.to}
          className="mb-3 inline-flex items-center gap-1.5 rounded-md text-muted hover:text-foreground"
        >
          <ArrowLeft aria-hidden className="size-4" /> {back.label}
        </Link>
      )}
      <div className="mb-6 flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h1 className="font-semibold text-2xl tracking-tight break-words">{title}</h1>
          {description && <div className="mt-1 text-muted">{description}</div>}
        </div>
        {action && <div className="flex flex-wrap gap-2">{action}</div>}
      </div>
      {children}
    </div>
  );
}

interface StatProps {
  label: string;
  value: ReactNode;
  detail?: ReactNode;
}

/** One figure of a row of figures; belongs into a `<dl>`. */
export function Stat({ label, value, detail }: StatProps) {
  return (
    <div className="rounded-xl border border-line bg-surface p-5 shadow-xs">
      <dt className="text-muted">{label}</dt>
      <dd className="mt-1 font-semibold text-2xl tabular-nums tracking-tight">{value}</dd>
      {detail && <dd className="mt-1 text-muted text-xs">{detail}</dd>}
    </div>
  );
}
