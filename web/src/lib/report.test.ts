import { expect, test } from "vitest";
import { figureTitle, formatFigure, monthsBack, monthTitle } from "./report";

test("a figure is written in its unit", () => {
  expect(formatFigure(1_250, "EUR")).toBe("€12.50");
  expect(formatFigure(450, "basis points")).toBe("4.5 %");
  expect(formatFigure(-3_400_000, "bytes")).toBe("−3.4 MB");
  expect(formatFigure(0, "milliseconds")).toBe("0 s");
  expect(formatFigure(1_200, "credits")).toBe("1,200");
});

test("a figure is called by its words", () => {
  expect(figureTitle("payingAtStart")).toBe("Paying at start");
});

test("a month is called what it is where the reseller is", () => {
  expect(monthTitle("2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z")).toBe("Nov 2026");
});

test("the months shown end with the present one", () => {
  expect(monthsBack(new Date(2026, 0, 15), 3)).toEqual({ from: "2025-11", to: "2026-01" });
});
