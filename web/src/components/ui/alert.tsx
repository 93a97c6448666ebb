import { CircleAlert, CircleCheck, Info } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

const styles = {
  info: { box: "bg-raised text-foreground", icon: Info },
  good: { box: "bg-accent-soft text-accent-text", icon: CircleCheck },
  bad: { box: "bg-danger-soft text-danger", icon: CircleAlert },
} as const;

interface AlertProps {
  tone?: keyof typeof styles;
  children: ReactNode;
  className?: string;
}

/** A refusal interrupts a screen reader (`alert`); the other tones wait for a pause (`status`). */
export function Alert({ tone = "info", children, className }: AlertProps) {
  const { box, icon: Icon } = styles[tone];
  return (
    <div
      role={tone === "bad" ? "alert" : "status"}
      className={cn("flex items-start gap-3 rounded-lg px-4 py-3", box, className)}
    >
      <Icon aria-hidden className="mt-0.5 size-4 shrink-0" />
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  );
}
