import { AudioLines } from "lucide-react";

export function Brand() {
  return (
    <span className="inline-flex items-center gap-2.5 font-semibold text-base tracking-tight">
      <span className="flex size-8 items-center justify-center rounded-lg bg-accent text-accent-foreground">
        <AudioLines aria-hidden className="size-5" />
      </span>
      Stentor
    </span>
  );
}
