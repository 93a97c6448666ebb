import { type ReactNode, useState } from "react";
import { Input } from "@/components/ui/input";
import { formatDays } from "@/lib/format";
import { PERIODS } from "./cost";

interface PeriodFieldProps {
  /** The number of days as text. */
  value: string;
  onChange: (days: string) => void;
  error: string | undefined;
}

/** 30, 90, 365 days or a number of one's own. */
export function PeriodField({ value, onChange, error }: PeriodFieldProps) {
  const [own, setOwn] = useState(false);
  return (
    <fieldset className="space-y-2">
      <legend className="mb-1.5 font-medium">Period</legend>
      <div className="grid grid-cols-2 gap-2 sm:grid-cols-4">
        {PERIODS.map((days) => (
          <PeriodChoice
            key={days}
            checked={!own && value === String(days)}
            onCheck={() => {
              setOwn(false);
              onChange(String(days));
            }}
          >
            {formatDays(days)}
          </PeriodChoice>
        ))}
        <PeriodChoice checked={own} onCheck={() => setOwn(true)}>
          Other
        </PeriodChoice>
      </div>
      {own && (
        <Input
          aria-label="Number of days"
          inputMode="numeric"
          autoFocus
          value={value}
          aria-invalid={error !== undefined}
          onChange={(event) => onChange(event.target.value)}
          className="max-w-40"
        />
      )}
      {error && <p className="text-danger text-xs">{error}</p>}
    </fieldset>
  );
}

interface PeriodChoiceProps {
  checked: boolean;
  onCheck: () => void;
  children: ReactNode;
}

function PeriodChoice({ checked, onCheck, children }: PeriodChoiceProps) {
  return (
    <label className="flex h-10 cursor-pointer items-center gap-2 rounded-lg border border-line px-3 hover:bg-raised has-checked:border-accent has-checked:bg-accent-soft">
      <input
        type="radio"
        name="period"
        className="accent-accent"
        checked={checked}
        onChange={onCheck}
      />
      {children}
    </label>
  );
}
