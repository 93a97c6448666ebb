import { describe, expect, it } from "vitest";
import { costOf, DAYS_MAX, endAfter, parseDays } from "./cost";

describe("costOf", () => {
  it("tells what remains", () => {
    expect(costOf(30, 1, 900)).toEqual({
      needed: 30,
      available: 900,
      remaining: 870,
      covered: true,
    });
  });

  it("covers a period that takes the last credit", () => {
    expect(costOf(15, 2, 30)).toMatchObject({ remaining: 0, covered: true });
  });

  it("tells what is missing", () => {
    expect(costOf(30, 1, 15)).toMatchObject({ remaining: -15, covered: false });
  });
});

describe("parseDays", () => {
  it.each([
    ["1", 1],
    [" 45 ", 45],
    [String(DAYS_MAX), DAYS_MAX],
  ])("reads %j", (text, days) => {
    expect(parseDays(text)).toBe(days);
  });

  it.each(["", "0", "-1", "1.5", "1e3", "thirty", String(DAYS_MAX + 1), "999999"])(
    "refuses %j",
    (text) => {
      expect(parseDays(text)).toBeUndefined();
    },
  );
});

describe("endAfter", () => {
  it("adds whole days of 24 hours", () => {
    expect(endAfter(new Date("2026-11-21T12:00:00Z"), 30)).toBe("2026-12-21T12:00:00.000Z");
  });
});
