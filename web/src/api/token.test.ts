import { describe, expect, it, vi } from "vitest";
import { type AccessToken, RENEW_BEFORE_MS, TokenKeeper } from "./token";

const MINUTE = 60_000;

function keeper() {
  let now = Date.parse("2026-11-21T12:00:00Z");
  let count = 0;
  const issue = vi.fn(async (): Promise<AccessToken> => {
    count += 1;
    return {
      accessToken: `token-${count}`,
      expiresAt: new Date(now + 5 * MINUTE).toISOString(),
    };
  });
  const tokens = new TokenKeeper(issue, () => now);
  return {
    tokens,
    issue,
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

describe("TokenKeeper", () => {
  it("keeps a token until shortly before it expires", async () => {
    const { tokens, issue, pass } = keeper();
    expect(await tokens.get()).toBe("token-1");
    pass(5 * MINUTE - RENEW_BEFORE_MS - 1);
    expect(await tokens.get()).toBe("token-1");
    pass(1);
    expect(await tokens.get()).toBe("token-2");
    expect(issue).toHaveBeenCalledTimes(2);
  });

  it("asks once for callers at the same time", async () => {
    const { tokens, issue } = keeper();
    const all = await Promise.all([tokens.get(), tokens.get(), tokens.get()]);
    expect(all).toEqual(["token-1", "token-1", "token-1"]);
    expect(issue).toHaveBeenCalledTimes(1);
  });

  it("asks again after a refused token was dropped", async () => {
    const { tokens } = keeper();
    await tokens.get();
    tokens.drop();
    expect(await tokens.get()).toBe("token-2");
  });

  it("does not keep an answer that a drop overtook", async () => {
    const { tokens } = keeper();
    const early = tokens.get();
    tokens.drop();
    expect(await early).toBe("token-1");
    expect(await tokens.get()).toBe("token-2");
  });

  it("tries again after a failure", async () => {
    const { tokens, issue } = keeper();
    issue.mockRejectedValueOnce(new Error("down"));
    await expect(tokens.get()).rejects.toThrow("down");
    expect(await tokens.get()).toBe("token-1");
  });
});
