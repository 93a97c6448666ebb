// Prices as typed and as stored: text and whole minor units, with no float in between.

/** Digits after the point: 2 of "49.90". */
export function decimalsOf(price: string): number {
  return price.trim().split(".")[1]?.length ?? 0;
}

/** "49.90" with 2 digits as 4990; the price must not have more decimals than that. */
export function minorUnits(price: string, digits: number): number {
  const [whole = "0", fraction = ""] = price.trim().split(".");
  return Number(whole + fraction.padEnd(digits, "0"));
}

/** 4990 with 2 digits as "49.90". */
export function priceText(minor: number, digits: number): string {
  if (digits === 0) return String(minor);
  const text = String(minor).padStart(digits + 1, "0");
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
