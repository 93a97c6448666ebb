import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

const control =
  "h-10 w-full rounded-lg border border-field/60 bg-surface px-3 text-foreground placeholder:text-muted disabled:opacity-55 aria-invalid:border-danger";

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={cn(control, className)} {...rest} />;
}

/** Drawn as a background, because the browsers' own arrows differ in place and colour. */
const chevron =
  "appearance-none bg-[length:1rem] bg-[position:right_0.75rem_center] bg-[url('data:image/svg+xml,%3Csvg%20xmlns=%22http://www.w3.org/2000/svg%22%20viewBox=%220%200%2016%2016%22%3E%3Cpath%20d=%22m4%206%204%204%204-4%22%20fill=%22none%22%20stroke=%22%237b8a88%22%20stroke-width=%221.6%22/%3E%3C/svg%3E')] bg-no-repeat pr-9";

/** The browser's own select: best on a phone, and complete for keyboards and screen readers. */
export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select className={cn(control, chevron, className)} {...rest} />;
}
