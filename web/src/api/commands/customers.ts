// Commands about a reseller's customers.
import { z } from "zod";
import { send } from "../http";
import { done, type NewPerson, type StatusChange } from "./answers";

export interface NewCustomer {
  name: string;
  /** Code of a tier on offer. */
  tier: string;
  /** Days that credits pay for; left out for a trial. */
  days?: number;
  trial?: boolean;
  firstUser: NewPerson;
}

export function createCustomer(input: NewCustomer, key: string) {
  const answer = done.extend({
    tenantId: z.string(),
    userId: z.string(),
    debited: z.number(),
    balance: z.number(),
    expiresAt: z.string(),
    temporaryPassword: z.string().nullish(),
  });
  return send("/api/reseller/customers", answer, { body: input, idempotencyKey: key });
}

export function extendCustomer({ id, days }: { id: string; days: number }, key: string) {
  const answer = done.extend({
    debited: z.number(),
    balance: z.number(),
    expiresAt: z.string(),
  });
  return send(customerPath(id, "extensions"), answer, { body: { days }, idempotencyKey: key });
}

export function changeCustomer({ id, to, reason }: StatusChange, key: string) {
  return send(customerPath(id, to), done, { body: { reason }, idempotencyKey: key });
}

const planChange = z.object({
  from: z.string(),
  to: z.string(),
  /** Instant for which it was computed. */
  at: z.string(),
  /** When access would have ended. */
  endedAt: z.string(),
  endsAt: z.string(),
  creditsPerDayBefore: z.number(),
  creditsPerDay: z.number(),
});

export type PlanChange = z.infer<typeof planChange>;

function customerPath(id: string, rest: string): string {
  return `/api/reseller/customers/${encodeURIComponent(id)}/${rest}`;
}

/** What another tier would do to a customer's access; changes nothing. */
export function previewPlan({ id, tier }: { id: string; tier: string }): Promise<PlanChange> {
  return send(customerPath(id, "plan-changes/preview"), planChange, { body: { tier } });
}

/** Changes the tier as it was previewed. */
export function changePlan(
  { id, ...body }: { id: string; tier: string; previewedAt: string },
  key: string,
) {
  const answer = planChange.extend(done.shape);
  return send(customerPath(id, "plan-changes"), answer, { body, idempotencyKey: key });
}

export interface SubscriptionStep {
  id: string;
  to: "pause" | "resume";
  reason: string;
}

export function changeSubscription({ id, to, reason }: SubscriptionStep, key: string) {
  const path = customerPath(id, `subscription/${to}`);
  return send(path, done, { body: { reason }, idempotencyKey: key });
}

export interface Cancellation {
  id: string;
  when: "now" | "at_end";
  reason: string;
}

export function cancelSubscription({ id, ...body }: Cancellation, key: string) {
  const answer = done.extend({ returned: z.number(), balance: z.number().nullish() });
  return send(customerPath(id, "subscription/cancel"), answer, { body, idempotencyKey: key });
}

/** Renews by so many days, or no more. */
export function setAutoRenewal(
  { id, days }: { id: string; days: number | undefined },
  key: string,
) {
  const path = customerPath(id, "subscription/auto-renewal");
  const body = { days: days ?? null };
  return send(path, done, { method: "PUT", body, idempotencyKey: key });
}

/** Leaves the rows of a bulk that have not been carried out yet. */
export function cancelBulk({ id, reason }: { id: string; reason: string }, key: string) {
  const path = `/api/reseller/bulk/${encodeURIComponent(id)}/cancel`;
  return send(path, done, { body: { reason }, idempotencyKey: key });
}
