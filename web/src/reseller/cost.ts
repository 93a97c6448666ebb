// What a period costs, known before it is asked for.

export const PERIODS = [30, 90, 365] as const;
/** The longest period that one command may ask for, in days. */
export const DAYS_MAX = 3650;

export interface Cost {
  needed: number;
  available: number;
  /** Negative when the balance does not cover it. */
  remaining: number;
  covered: boolean;
}

export function costOf(days: number, creditsPerDay: number, available: number): Cost {
  const needed = days * creditsPerDay;
  const remaining = available - needed;
  return { needed, available, remaining, covered: remaining >= 0 };
}

/** Days as typed; `undefined` for anything that is not a whole number in the allowed range. */
export function parseDays(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^\d{1,5}$/.test(trimmed)) return undefined;
  const days = Number(trimmed);
  return days >= 1 && days <= DAYS_MAX ? days : undefined;
}

/** The end of a period that starts, or continues, at `from`; RFC 3339. */
export function endAfter(from: Date, days: number): string {
  return new Date(from.getTime() + days * 86_400_000).toISOString();
}
