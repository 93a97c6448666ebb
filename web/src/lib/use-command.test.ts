import { act, renderHook } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { lastPosition } from "@/api/position";
import { ProblemError, parseProblem } from "@/api/problem";
import { useCommand } from "./use-command";

function refusal(code: string) {
  return new ProblemError(parseProblem(409, JSON.stringify({ code, detail: `because ${code}` })));
}

describe("useCommand", () => {
  it("keeps the key while it is tried again, and takes a new one after success", async () => {
    const send = vi.fn(async (_input: string, _key: string) => ({ position: "42" }));
    send.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    const { result } = renderHook(() => useCommand(send));
    for (const input of ["a", "a", "b"]) await act(() => result.current.run(input));
    const [first, second, third] = send.mock.calls.map(([, key]) => key);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  it("shows why it was refused, and notes the position of what was done", async () => {
    const send = vi.fn(async (_input: string, _key: string) => ({ position: "77" }));
    send.mockRejectedValueOnce(refusal("INSUFFICIENT_CREDITS"));
    const { result } = renderHook(() => useCommand(send));
    await act(() => result.current.run("a"));
    expect(result.current.problem?.code).toBe("INSUFFICIENT_CREDITS");
    expect(result.current.busy).toBe(false);
    await act(() => result.current.run("a"));
    expect(result.current.problem).toBeUndefined();
    expect(lastPosition()).toBe("77");
  });

  it("gives up a key that the server has seen with another payload", async () => {
    const send = vi.fn(async (_input: string, _key: string) => ({ position: "1" }));
    send.mockRejectedValueOnce(refusal("IDEMPOTENCY_KEY_REUSED"));
    const { result } = renderHook(() => useCommand(send));
    await act(() => result.current.run("a"));
    await act(() => result.current.run("b"));
    const [first, second] = send.mock.calls.map(([, key]) => key);
    expect(second).not.toBe(first);
  });
});
