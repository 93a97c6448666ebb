// Amounts of the ledger: whole credits, or minor units of a currency.
import { formatMoney, formatNumber } from "@/lib/format";

/** With `signed`, what was received carries a plus. */
export function formatAmount(amount: number, unit: string, signed = false): string {
  const text =
    unit === "credits"
      ? formatNumber(Math.abs(amount))
      : formatMoney({ amountMinor: Math.abs(amount), currency: unit });
  if (amount < 0) return `−${text}`;
  return signed && amount > 0 ? `+${text}` : text;
}
