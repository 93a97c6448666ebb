import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatClock,
  formatCredits,
  formatDays,
  formatLength,
  formatMoney,
  formatMonth,
  formatRate,
  formatSigned,
  formatUnitPrice,
  humanize,
  rateFromPercent,
} from "./format";
import { decimalsOf, minorUnits, priceText } from "./money";

describe("times", () => {
  it.each([
    [0, "0:00.0"],
    [1840, "0:01.8"],
    [59_960, "1:00.0"],
    [3_723_400, "1:02:03.4"],
  ])("writes the position %d ms as %s", (milliseconds, text) => {
    expect(formatClock(milliseconds)).toBe(text);
  });

  it.each([
    [120, "1 s"],
    [14_200, "14 s"],
    [185_000, "3 min 5 s"],
    [7_260_000, "2 h 1 min"],
  ])("writes the length %d ms as %s", (milliseconds, text) => {
    expect(formatLength(milliseconds)).toBe(text);
  });
});

describe("months", () => {
  it.each([
    ["2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z", "1 to 30 November 2026"],
    ["2026-02-01T08:00:00Z", "2026-03-01T08:00:00Z", "1 to 28 February 2026"],
    ["2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", "1 to 31 March 2026"],
  ])("from %s to %s is %s", (start, end, text) => {
    expect(formatMonth(start, end)).toBe(text);
  });
});

describe("numbers", () => {
  it("counts in words", () => {
    expect(formatDays(1)).toBe("1 day");
    expect(formatDays(10_800)).toBe("10,800 days");
    expect(formatCredits(-1)).toBe("-1 credit");
  });

  it("signs amounts", () => {
    expect(formatSigned(900)).toBe("+900");
    expect(formatSigned(-30)).toBe("−30");
    expect(formatSigned(0)).toBe("0");
  });

  it.each([
    [999, "999 B"],
    [440_044, "440 kB"],
    [3_450_000, "3.5 MB"],
    [1_000_000_000, "1.0 GB"],
  ])("writes %d bytes as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it("shortens codes to words", () => {
    expect(humanize("PLATFORM_ADMIN")).toBe("Platform admin");
  });
});

describe("money", () => {
  it("respects the currency's minor unit", () => {
    expect(formatMoney({ amountMinor: 5000, currency: "USD" })).toBe("$50.00");
    expect(formatMoney({ amountMinor: 5000, currency: "JPY" })).toBe("¥5,000");
  });

  it("keeps four decimals of a price per day", () => {
    expect(formatUnitPrice("0.055555555", "USD")).toBe("0.0556 USD");
  });

  it("turns typed prices into minor units and back without a float", () => {
    expect(minorUnits("49.90", 2)).toBe(4990);
    expect(minorUnits("50", 2)).toBe(5000);
    expect(minorUnits("0.1", 2)).toBe(10);
    expect(minorUnits("5000", 0)).toBe(5000);
    expect(priceText(4990, 2)).toBe("49.90");
    expect(priceText(5, 2)).toBe("0.05");
    expect(priceText(5000, 0)).toBe("5000");
    expect(decimalsOf("49.905")).toBe(3);
  });
});

describe("rates", () => {
  it.each([
    ["20", "0.20"],
    ["5", "0.05"],
    ["12.5", "0.125"],
    ["0", "0.00"],
    ["100", "1.00"],
  ])("%s %% is the exact decimal %s", (percent, rate) => {
    expect(rateFromPercent(percent)).toBe(rate);
  });

  it("writes them as percentages", () => {
    expect(formatRate("0.2000")).toBe("20 %");
    expect(formatRate("0.125")).toBe("12.5 %");
  });
});
