// How the figures of reports are written, and which months are shown.
import { formatBytes, formatLength, formatMoney, formatNumber } from "./format";

const monthOf = new Intl.DateTimeFormat("en-GB", {
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});

/** "Nov 2026", for a month given by its first instant and the one after it, wherever it begins. */
export function monthTitle(start: string, end: string): string {
  return monthOf.format(new Date((Date.parse(start) + Date.parse(end)) / 2));
}

/** The last months up to the present one, as "2026-09" and "2026-11". */
export function monthsBack(now: Date, months: number): { from: string; to: string } {
  const month = (back: number) =>
    new Date(Date.UTC(now.getFullYear(), now.getMonth() - back, 1)).toISOString().slice(0, 7);
  return { from: month(months - 1), to: month(0) };
}

/** "movedIn" as "Moved in". */
export function figureTitle(figure: string): string {
  const words = figure.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A value in its unit: "€12.00", "3.4 MB", "4.5 %", "30 credits". */
export function formatFigure(value: number, unit: string): string {
  if (/^[A-Z]{3}$/.test(unit)) return formatMoney({ amountMinor: value, currency: unit });
  switch (unit) {
    case "basis points":
      return `${formatNumber(value / 100)} %`;
    case "bytes":
      return value < 0 ? `−${formatBytes(-value)}` : formatBytes(value);
    case "milliseconds":
      return value === 0 ? "0 s" : formatLength(value);
    default:
      return formatNumber(value);
  }
}
