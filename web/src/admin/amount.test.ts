import { describe, expect, it } from "vitest";
import { formatAmount } from "./amount";

describe("formatAmount", () => {
  it.each([
    [900, "credits", false, "900"],
    [900, "credits", true, "+900"],
    [-30, "credits", false, "−30"],
    [0, "credits", true, "0"],
  ])("of %d %s is %s", (amount, unit, signed, text) => {
    expect(formatAmount(amount, unit, signed)).toBe(text);
  });

  it("writes minor units as money", () => {
    expect(formatAmount(-5_000, "USD")).toMatch(/^−.*50\.00/);
  });
});
