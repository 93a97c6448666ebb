// How numbers, money and times are written in the panel.

const dateTime = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const date = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const month = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric" });
const number = new Intl.NumberFormat("en");

/** "21 Nov 2026, 14:05", in the viewer's own time zone. */
export function formatDateTime(instant: string): string {
  return dateTime.format(new Date(instant));
}

/** "21 Nov 2026", in the viewer's own time zone. */
export function formatDate(instant: string): string {
  return date.format(new Date(instant));
}

/**
 * "1 to 30 November 2026", for a calendar month that is given by its first instant and the first
 * one after it. Those are midnights in the reseller's time zone, so the name of the month is taken
 * from its middle, which lies in that month wherever the viewer is.
 */
export function formatMonth(start: string, end: string): string {
  const [from, to] = [Date.parse(start), Date.parse(end)];
  const days = Math.round((to - from) / 86_400_000);
  return `1 to ${days} ${month.format(new Date((from + to) / 2))}`;
}

export function formatNumber(value: number): string {
  return number.format(value);
}

/** "30 days", "1 day". */
export function formatDays(days: number): string {
  return `${formatNumber(days)} ${Math.abs(days) === 1 ? "day" : "days"}`;
}

/** "1 credit", "900 credits". */
export function formatCredits(credits: number): string {
  return `${formatNumber(credits)} ${Math.abs(credits) === 1 ? "credit" : "credits"}`;
}

/** A signed amount: "+900", "−30". */
export function formatSigned(amount: number): string {
  if (amount === 0) return "0";
  return amount > 0 ? `+${formatNumber(amount)}` : `−${formatNumber(-amount)}`;
}

/** Decimals that a currency's minor unit has; 2 for a code the browser does not know. */
export function minorDigits(currency: string): number {
  try {
    const options = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions();
    return options.maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

export function formatMoney(money: { amountMinor: number; currency: string }): string {
  const digits = minorDigits(money.currency);
  const amount = money.amountMinor / 10 ** digits;
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency: money.currency }).format(
      amount,
    );
  } catch {
    return `${amount.toFixed(digits)} ${money.currency}`;
  }
}

/** A price per day keeps four decimals, because packs differ in the third. */
export function formatUnitPrice(price: string, currency: string): string {
  const value = Number(price);
  if (!Number.isFinite(value)) return price;
  return `${value.toFixed(4)} ${currency}`;
}

/** "20 %" from "0.20", without trailing zeros. */
export function formatRate(rate: string): string {
  const percent = Math.round(Number(rate) * 1_000_000) / 10_000;
  return Number.isFinite(percent) ? `${percent} %` : rate;
}

/** "12.5" percent as the exact decimal "0.125", by moving the point in the text. */
export function rateFromPercent(percent: string): string {
  const [whole = "0", fraction = ""] = percent.trim().split(".");
  const padded = whole.padStart(3, "0");
  const decimals = `${padded.slice(-2)}${fraction}`;
  return `${Number(padded.slice(0, -2))}.${decimals}`;
}

/** "3.4 MB", in steps of 1,000. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const text = unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1);
  return `${text} ${units[unit]}`;
}

/** A position in a recording: "0:01.8", "1:02:03.0". */
export function formatClock(milliseconds: number): string {
  const tenths = Math.max(0, Math.round(milliseconds / 100));
  const seconds = Math.floor(tenths / 10) % 60;
  const minutes = Math.floor(tenths / 600) % 60;
  const hours = Math.floor(tenths / 36_000);
  const tail = `${String(seconds).padStart(2, "0")}.${tenths % 10}`;
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** A length for people: "2 s", "14 s", "3 min 5 s". */
export function formatLength(milliseconds: number): string {
  const total = Math.max(1, Math.round(milliseconds / 1000));
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const seconds = total % 60;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds} s` : `${seconds} s`;
}

/** "PLATFORM_ADMIN" or "subscription-expired" as "Platform admin", "Subscription expired". */
export function humanize(word: string): string {
  const text = word.replaceAll(/[_-]/g, " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
