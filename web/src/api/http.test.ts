import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { authorizedFetch, endSession, send } from "./http";
import { ProblemError } from "./problem";
import { session } from "./session";

const user = {
  id: "u1",
  name: "Ada",
  email: "a@b.test",
  role: "platform_admin",
  audience: "admin",
  hasTotp: false,
};

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status });
}

const network = vi.fn<typeof fetch>();

/** What was asked for, in order: "POST /api/x". */
function asked(): string[] {
  return network.mock.calls.map(([path, init]) => `${init?.method ?? "GET"} ${path}`);
}

function headersOf(call: number): Headers {
  return new Headers(network.mock.calls[call]?.[1]?.headers);
}

beforeEach(async () => {
  vi.stubGlobal("fetch", network);
  network.mockReset();
  network.mockResolvedValueOnce(json(200, { user, csrfToken: "csrf-1", mustEnrolTotp: false }));
  await session.restore();
  network.mockReset();
});

afterEach(() => {
  endSession();
  vi.unstubAllGlobals();
});

const done = z.object({ position: z.string() });

describe("send", () => {
  it("carries the CSRF token and the idempotency key", async () => {
    network.mockResolvedValueOnce(json(200, { position: "7" }));
    const options = { body: { days: 30 }, idempotencyKey: "key-1" };
    expect(await send("/api/x", done, options)).toEqual({ position: "7" });
    expect(headersOf(0).get("x-csrf-token")).toBe("csrf-1");
    expect(headersOf(0).get("idempotency-key")).toBe("key-1");
  });

  it("sends no body with DELETE", async () => {
    network.mockResolvedValueOnce(json(200, { position: "7" }));
    await send("/api/x", done, { method: "DELETE", idempotencyKey: "key-1" });
    expect(asked()).toEqual(["DELETE /api/x"]);
    expect(network.mock.calls[0]?.[1]?.body).toBeUndefined();
    expect(headersOf(0).get("idempotency-key")).toBe("key-1");
  });

  it("tries once more with a new CSRF token and the same idempotency key", async () => {
    network.mockResolvedValueOnce(json(403, { code: "CSRF_TOKEN_INVALID", detail: "old token" }));
    network.mockResolvedValueOnce(json(200, { user, csrfToken: "csrf-2", mustEnrolTotp: false }));
    network.mockResolvedValueOnce(json(200, { position: "8" }));
    await send("/api/x", done, { idempotencyKey: "key-1" });
    expect(asked()).toEqual(["POST /api/x", "GET /api/auth/session", "POST /api/x"]);
    expect(headersOf(2).get("x-csrf-token")).toBe("csrf-2");
    expect(headersOf(2).get("idempotency-key")).toBe("key-1");
  });

  it("forgets the session when the server does not know it", async () => {
    network.mockResolvedValueOnce(json(401, { code: "UNAUTHENTICATED", detail: "sign in first" }));
    await expect(send("/api/x", done)).rejects.toBeInstanceOf(ProblemError);
    expect(session.get()).toBeNull();
  });
});

describe("authorizedFetch", () => {
  const token = (name: string) =>
    json(200, { accessToken: name, expiresAt: new Date(Date.now() + 300_000).toISOString() });

  it("renews a refused token once", async () => {
    network.mockResolvedValueOnce(token("one"));
    network.mockResolvedValueOnce(json(401, {}));
    network.mockResolvedValueOnce(token("two"));
    network.mockResolvedValueOnce(json(200, { data: {} }));
    const response = await authorizedFetch("/graphql", { method: "POST" });
    expect(response.status).toBe(200);
    expect(headersOf(1).get("authorization")).toBe("Bearer one");
    expect(headersOf(3).get("authorization")).toBe("Bearer two");
  });
});
