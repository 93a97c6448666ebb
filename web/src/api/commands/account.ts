// Commands about the own account, signed in or not.
import { z } from "zod";
import { fetchJson, send } from "../http";
import { audiences } from "../session";
import { done } from "./answers";

export function changePassword(
  input: { currentPassword: string; newPassword: string },
  key: string,
) {
  return send("/api/user/password", done, { body: input, idempotencyKey: key });
}

const sessionList = z.object({
  sessions: z.array(
    z.object({
      id: z.string(),
      lastSeenAt: z.string(),
      address: z.string().nullish(),
      userAgent: z.string().nullish(),
      current: z.boolean(),
    }),
  ),
});

export type Device = z.infer<typeof sessionList>["sessions"][number];

export async function listDevices(): Promise<Device[]> {
  return (await fetchJson("/api/user/sessions", sessionList)).sessions;
}

/** Ends one of the own sessions, or all but the present one. */
export function endDevices({ id }: { id: string | undefined }, key: string) {
  const which = id === undefined ? "end-others" : `${encodeURIComponent(id)}/end`;
  return send(`/api/user/sessions/${which}`, done, { idempotencyKey: key });
}

const enrolment = z.object({ secret: z.string(), uri: z.string(), qrSvg: z.string() });

export type Enrolment = z.infer<typeof enrolment>;

export function enrolTotp(): Promise<Enrolment> {
  return send("/api/user/totp", enrolment);
}

export function confirmTotp(input: { code: string }, key: string) {
  const answer = done.extend({ recoveryCodes: z.array(z.string()).default([]) });
  return send("/api/user/totp/confirm", answer, { body: input, idempotencyKey: key });
}

export function disableTotp(input: { password: string; code: string }, key: string) {
  return send("/api/user/totp/disable", done, { body: input, idempotencyKey: key });
}

const opened = done.extend({ audience: z.enum(audiences) });

export function acceptInvitation(input: { token: string; name: string; password: string }) {
  return send("/api/auth/invitation/accept", opened, { body: input });
}

export function completeReset(input: { token: string; password: string }) {
  return send("/api/auth/password-reset/complete", opened, { body: input });
}

export function requestReset(input: { email: string }) {
  return send("/api/auth/password-reset", z.object({}), { body: input });
}
