import { LoaderCircle } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "./ui/button";

interface SubmitProps {
  busy: boolean;
  disabled?: boolean;
  children: ReactNode;
  className?: string;
}

/** The button that sends a form; it cannot be pressed twice. */
export function Submit({ busy, disabled = false, children, className }: SubmitProps) {
  return (
    <Button type="submit" disabled={busy || disabled} aria-busy={busy} className={className}>
      {busy && <LoaderCircle aria-hidden className="animate-spin" />}
      {children}
    </Button>
  );
}
