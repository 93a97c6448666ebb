// Who is signed in. The session itself is an HttpOnly cookie; this holds what the server says of it.
import { z } from "zod";
import { forgetPosition } from "./position";
import { ProblemError, parseProblem } from "./problem";

export const audiences = ["admin", "reseller", "portal"] as const;
export type Audience = (typeof audiences)[number];

const sessionSchema = z.object({
  user: z.object({
    id: z.string(),
    name: z.string(),
    email: z.string(),
    role: z.string(),
    audience: z.enum(audiences),
    resellerId: z.string().nullish(),
    tenantId: z.string().nullish(),
    hasTotp: z.boolean(),
  }),
  csrfToken: z.string(),
  mustEnrolTotp: z.boolean(),
  /** Where the user is not who is signed in. */
  impersonation: z.object({ byName: z.string(), write: z.boolean(), endsAt: z.string() }).nullish(),
});

export type Session = z.infer<typeof sessionSchema>;

let current: Session | null = null;
let restored: Promise<Session | null> | undefined;
const listeners = new Set<() => void>();

function set(next: Session | null): Session | null {
  current = next;
  restored = Promise.resolve(next);
  for (const listener of listeners) listener();
  return next;
}

export const session = {
  get: () => current,

  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  },

  /** The session of the cookie, asked for once per page load. */
  ready(): Promise<Session | null> {
    restored ??= session.restore();
    return restored;
  },

  /** Asks the server again, for example after its CSRF token was refused. */
  async restore(): Promise<Session | null> {
    const response = await fetch("/api/auth/session", { credentials: "same-origin" });
    if (response.status === 401) return set(null);
    return set(await read(response));
  },

  async signIn(input: {
    email: string;
    password: string;
    code?: string;
    audience: Audience | undefined;
  }) {
    const response = await fetch("/api/auth/sign-in", {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(input),
    });
    forgetPosition();
    return set(await read(response));
  },

  async signOut() {
    await fetch("/api/auth/sign-out", {
      method: "POST",
      credentials: "same-origin",
      headers: { "x-csrf-token": current?.csrfToken ?? "" },
    });
    session.forget();
  },

  /** The server no longer knows the session: every page goes back to the sign-in. */
  forget() {
    forgetPosition();
    if (current) set(null);
  },
};

async function read(response: Response): Promise<Session> {
  const body = await response.text();
  if (!response.ok) throw new ProblemError(parseProblem(response.status, body));
  return sessionSchema.parse(JSON.parse(body));
}
