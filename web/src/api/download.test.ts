import { describe, expect, it } from "vitest";
import { fileName } from "./download";

describe("fileName", () => {
  it.each([
    ['attachment; filename="talk.txt"', "talk.txt"],
    ["attachment; filename=talk.srt", "talk.srt"],
    ["attachment; filename=\"x.txt\"; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt", "grüße.txt"],
    ['attachment; filename="../../etc/passwd"', "passwd"],
    ["attachment; filename*=UTF-8''%E0%A4%A.txt", undefined],
    ["attachment", undefined],
    [null, undefined],
  ])("of %j is %j", (header, name) => {
    expect(fileName(header)).toBe(name);
  });
});
