import { describe, expect, it } from "vitest";
import { currentEntry, safeNext } from "./areas";

describe("safeNext", () => {
  it.each([
    ["/admin/packs", "/admin/packs"],
    [undefined, "/admin/resellers"],
    ["/reseller/credits", "/admin/resellers"],
    ["//evil.test/admin", "/admin/resellers"],
    ["https://evil.test", "/admin/resellers"],
    ["/administrator", "/admin/resellers"],
    ["/admin/sign-in", "/admin/resellers"],
  ])("of %j is %j for an admin", (next, target) => {
    expect(safeNext(next, "admin")).toBe(target);
  });
});

describe("currentEntry", () => {
  it.each([
    ["/portal", "/portal"],
    ["/portal/jobs/1", "/portal"],
    ["/portal/workflows", "/portal/workflows"],
    ["/portal/workflows/1", "/portal/workflows"],
    ["/portal/workflowshop", "/portal"],
    ["/elsewhere", undefined],
  ])("of %s is %s", (pathname, entry) => {
    expect(currentEntry("portal", pathname)).toBe(entry);
  });
});
