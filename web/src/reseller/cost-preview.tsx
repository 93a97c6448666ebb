import { formatCredits, formatDate } from "@/lib/format";
import { costOf, endAfter } from "./cost";

interface CostPreviewProps {
  /** Undefined while no valid number of days is given. */
  days: number | undefined;
  /** What the tier says; undefined while it is being read. */
  creditsPerDay: number | undefined;
  /** Undefined while the balance is being read. */
  balance: number | undefined;
  /** Where the new days are added: now, or the present end. */
  from: Date;
}

/** Cost, balance and what remains, before anything is sent. */
export function CostPreview({ days, creditsPerDay, balance, from }: CostPreviewProps) {
  if (days === undefined || creditsPerDay === undefined || balance === undefined) {
    return (
      <p role="status" className="rounded-lg bg-raised px-4 py-3 text-muted">
        {days === undefined ? "Choose a number of days to see the cost." : "Reading the balance …"}
      </p>
    );
  }
  const cost = costOf(days, creditsPerDay, balance);
  return (
    <div
      role="status"
      aria-label="Cost"
      className={`rounded-lg px-4 py-3 ${cost.covered ? "bg-raised" : "bg-warning-soft text-warning"}`}
    >
      <dl className="grid grid-cols-[1fr_auto] gap-y-1 tabular-nums">
        <dt>Cost</dt>
        <dd className="text-right font-medium">{formatCredits(cost.needed)}</dd>
        <dt>Balance</dt>
        <dd className="text-right font-medium">{formatCredits(cost.available)}</dd>
        <dt>{cost.covered ? "Remaining" : "Missing"}</dt>
        <dd className="text-right font-medium">{formatCredits(Math.abs(cost.remaining))}</dd>
        <dt>Access until</dt>
        <dd className="text-right font-medium">{formatDate(endAfter(from, days))}</dd>
      </dl>
    </div>
  );
}
