import { describe, expect, it } from "vitest";
import { parseThresholds } from "./credit-alerts";

describe("parseThresholds", () => {
  it.each([
    ["", []],
    ["500", [500]],
    ["500, 100", [500, 100]],
    ["500;100  -20", [500, 100, -20]],
  ])("reads %j", (text, thresholds) => {
    expect(parseThresholds(text)).toEqual(thresholds);
  });
});
