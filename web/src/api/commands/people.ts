// Commands about other people.
import { z } from "zod";
import { send } from "../http";
import { done, type NewPerson } from "./answers";

export function erasePerson({ id, reason }: { id: string; reason: string }, key: string) {
  const path = `/api/admin/users/${encodeURIComponent(id)}/erase`;
  return send(path, done, { body: { reason }, idempotencyKey: key });
}

/** The cookie of the answer opens a session as the person. */
export function beginImpersonation(
  { id, ...body }: { id: string; reason: string; write: boolean; minutes: number },
  key: string,
) {
  const answer = done.extend({ impersonationId: z.string(), endsAt: z.string() });
  const path = `/api/users/${encodeURIComponent(id)}/impersonation`;
  return send(path, answer, { body, idempotencyKey: key });
}

/** The cookie of the answer opens the own session again. */
export function endImpersonation(key: string) {
  return send("/api/user/impersonation/end", done, { idempotencyKey: key });
}

export interface NewUser extends NewPerson {
  role: "customer_admin" | "customer_user";
}

export function addUser(input: NewUser, key: string) {
  const answer = done.extend({ userId: z.string(), temporaryPassword: z.string().nullish() });
  return send("/api/tenant/users", answer, { body: input, idempotencyKey: key });
}

/** Asks somebody to join one's own organisation. */
export function invitePerson(input: { email: string; role: string }, key: string) {
  const answer = done.extend({ link: z.string().nullish() });
  return send("/api/users/invitations", answer, { body: input, idempotencyKey: key });
}
