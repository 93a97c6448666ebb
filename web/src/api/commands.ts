// Every command that the panel sends, with what goes in and what comes back.
import { z } from "zod";
import { fetchJson, newKey, send } from "./http";
import { audiences } from "./session";

const done = z.object({ position: z.string() });
const moneySchema = z.object({ amountMinor: z.number(), currency: z.string() });

export interface NewPerson {
  name: string;
  email: string;
}

export interface NewReseller {
  name: string;
  contactEmail: string;
  /** Exact decimal share, "0.20" for 20 %. */
  commissionRate: string;
  timeZone: string;
  owner: NewPerson;
}

export function createReseller(input: NewReseller, key: string) {
  const answer = done.extend({
    resellerId: z.string(),
    ownerUserId: z.string(),
    temporaryPassword: z.string().nullish(),
  });
  return send("/api/admin/resellers", answer, { body: input, idempotencyKey: key });
}

export function sellPack(
  {
    resellerId,
    ...body
  }: { resellerId: string; packCode: string; currency: string; note?: string },
  key: string,
) {
  const answer = done.extend({ credits: z.number(), balance: z.number(), price: moneySchema });
  const path = `/api/admin/resellers/${encodeURIComponent(resellerId)}/credits/purchases`;
  return send(path, answer, { body, idempotencyKey: key });
}

export interface StatusChange {
  id: string;
  to: "suspend" | "resume";
  reason: string;
}

export function changeReseller({ id, to, reason }: StatusChange, key: string) {
  const path = `/api/admin/resellers/${encodeURIComponent(id)}/${to}`;
  return send(path, done, { body: { reason }, idempotencyKey: key });
}

/** Accepts a business that asked to become a reseller. */
export function approveReseller(
  { id, ...body }: { id: string; commissionRate: string; reason: string },
  key: string,
) {
  const path = `/api/admin/resellers/${encodeURIComponent(id)}/approve`;
  return send(path, done, { body, idempotencyKey: key });
}

export function declineReseller({ id, reason }: { id: string; reason: string }, key: string) {
  const path = `/api/admin/resellers/${encodeURIComponent(id)}/decline`;
  return send(path, done, { body: { reason }, idempotencyKey: key });
}

/** How far below zero a reseller's balance may go. */
export function setCreditLine(
  { id, ...body }: { id: string; limit: number; reason: string },
  key: string,
) {
  const path = `/api/admin/resellers/${encodeURIComponent(id)}/credits/line`;
  return send(path, done, { method: "PUT", body, idempotencyKey: key });
}

export interface CreditTransfer {
  id: string;
  toResellerId: string;
  credits: number;
  note: string;
}

export function transferCredits({ id, ...body }: CreditTransfer, key: string) {
  const path = `/api/admin/resellers/${encodeURIComponent(id)}/credits/transfers`;
  return send(path, done, { body, idempotencyKey: key });
}

/** Balances at which the own account raises an alert; none raise none. */
export function setCreditAlerts(body: { thresholds: number[] }, key: string) {
  return send("/api/reseller/credits/alerts", done, { method: "PUT", body, idempotencyKey: key });
}

/** Gives what a reservation still holds back to the balance. */
export function releaseCredits({ id, comment }: { id: string; comment: string }, key: string) {
  const path = `/api/reseller/credits/reservations/${encodeURIComponent(id)}/release`;
  return send(path, done, { body: { comment }, idempotencyKey: key });
}

function permissionsPath(id: string): string {
  return `/api/admin/resellers/${encodeURIComponent(id)}/permissions`;
}

export function assignTemplate(
  { id, ...body }: { id: string; template: string; reason: string },
  key: string,
) {
  const answer = done.extend({ version: z.number() });
  return send(permissionsPath(id), answer, { method: "PUT", body, idempotencyKey: key });
}

interface PermissionChange {
  id: string;
  permission: string;
  reason: string;
}

/** Grants or denies one permission, whatever the template says. */
export function exceptPermission(
  { id, permission, ...body }: PermissionChange & { granted: boolean },
  key: string,
) {
  const path = `${permissionsPath(id)}/${encodeURIComponent(permission)}`;
  return send(path, done, { method: "PUT", body, idempotencyKey: key });
}

export function withdrawException({ id, permission, ...body }: PermissionChange, key: string) {
  const path = `${permissionsPath(id)}/${encodeURIComponent(permission)}/withdraw`;
  return send(path, done, { body, idempotencyKey: key });
}

export interface NewTemplate {
  code: string;
  name: string;
  permissions: string[];
}

export function publishTemplate({ code, ...body }: NewTemplate, key: string) {
  const path = `/api/admin/permission-templates/${encodeURIComponent(code)}`;
  const answer = done.extend({ version: z.number() });
  return send(path, answer, { method: "PUT", body, idempotencyKey: key });
}

export function retireTemplate({ code }: { code: string }, key: string) {
  const path = `/api/admin/permission-templates/${encodeURIComponent(code)}/retire`;
  return send(path, done, { body: {}, idempotencyKey: key });
}

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

/** Closes a month of the books, for example 2026-11. */
export function closePeriod({ period }: { period: string }, key: string) {
  const path = `/api/admin/periods/${encodeURIComponent(period)}/close`;
  return send(path, done, { idempotencyKey: key });
}

/** What is left out is as the server's settings say. */
export interface NewPayoutRun {
  currency: string;
  cutoff?: string;
  holdingDays?: number;
  minimumMinor?: number;
}

export function draftPayoutRun({ currency, ...body }: NewPayoutRun, key: string) {
  const answer = done.extend({
    runId: z.string(),
    statements: z.number(),
    payoutMinor: z.number(),
  });
  return send(payoutRunsPath(currency), answer, { body, idempotencyKey: key });
}

export interface PayoutRunStep {
  currency: string;
  id: string;
  /** What the step says of itself; nothing for an approval. */
  body: { reference: string } | { reason: string } | Record<string, never>;
  to: "approve" | "pay" | "cancel";
}

export function changePayoutRun({ currency, id, to, body }: PayoutRunStep, key: string) {
  const path = `${payoutRunsPath(currency)}/${encodeURIComponent(id)}/${to}`;
  return send(path, done, { body, idempotencyKey: key });
}

function payoutRunsPath(currency: string): string {
  return `/api/admin/payouts/${encodeURIComponent(currency)}/runs`;
}

export interface NewInvoice {
  resellerId: string;
  currency: string;
  address: string;
  taxId: string;
  /** Exact decimal, "0.19" for 19 %. */
  taxRate?: string;
}

const issued = done.extend({ invoiceId: z.string(), number: z.number() });

export function issueInvoice({ resellerId, ...body }: NewInvoice, key: string) {
  return send(invoicesPath(resellerId), issued, { body, idempotencyKey: key });
}

interface KnownInvoice {
  resellerId: string;
  number: number;
}

export function creditInvoice(
  { resellerId, number, reason }: KnownInvoice & { reason: string },
  key: string,
) {
  const path = `${invoicesPath(resellerId)}/${number}/credit`;
  return send(path, issued, { body: { reason }, idempotencyKey: key });
}

export function recordInvoicePayment(
  { resellerId, number, reference }: KnownInvoice & { reference: string },
  key: string,
) {
  const path = `${invoicesPath(resellerId)}/${number}/payment`;
  return send(path, done, { body: { reference }, idempotencyKey: key });
}

function invoicesPath(resellerId: string): string {
  return `/api/admin/resellers/${encodeURIComponent(resellerId)}/invoices`;
}

export interface NewUser extends NewPerson {
  role: "customer_admin" | "customer_user";
}

export function addUser(input: NewUser, key: string) {
  const answer = done.extend({ userId: z.string(), temporaryPassword: z.string().nullish() });
  return send("/api/tenant/users", answer, { body: input, idempotencyKey: key });
}

export interface PackInput {
  code: string;
  name: string;
  credits: number;
  /** Price in minor units of the currency. */
  priceMinor: number;
  currency: string;
}

export function savePack({ code, ...body }: PackInput, key: string) {
  const path = `/api/admin/packs/${encodeURIComponent(code)}`;
  return send(path, done, { method: "PUT", body, idempotencyKey: key });
}

export function retirePack({ code, ...body }: { code: string; currency: string }, key: string) {
  const path = `/api/admin/packs/${encodeURIComponent(code)}/retire`;
  return send(path, done, { body, idempotencyKey: key });
}

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

/** Asks somebody to join one's own organisation. */
export function invitePerson(input: { email: string; role: string }, key: string) {
  const answer = done.extend({ link: z.string().nullish() });
  return send("/api/users/invitations", answer, { body: input, idempotencyKey: key });
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

export type SpeechTask = "transcribe" | "translate";

export interface NewJob {
  recordingId: string;
  model: string;
  /** None lets the model detect it. */
  language?: string;
  task: SpeechTask;
}

const queued = done.extend({ jobId: z.string() });

export function startJob(input: NewJob, key: string) {
  return send("/api/jobs", queued, { body: input, idempotencyKey: key });
}

export function cancelJob({ id }: { id: string }, key: string = newKey()) {
  return send(`/api/jobs/${encodeURIComponent(id)}/cancel`, done, { idempotencyKey: key });
}

export interface WorkflowInput {
  /** None saves a new workflow. */
  id: string | undefined;
  name: string;
  /** xyflow's nodes and edges. */
  graph: unknown;
}

export function saveWorkflow({ id, ...body }: WorkflowInput, key: string) {
  const answer = done.extend({ workflowId: z.string(), version: z.number() });
  return id === undefined
    ? send("/api/workflows", answer, { body, idempotencyKey: key })
    : send(workflowPath(id), answer, { method: "PUT", body, idempotencyKey: key });
}

export function removeWorkflow({ id }: { id: string }, key: string) {
  return send(workflowPath(id), done, { method: "DELETE", idempotencyKey: key });
}

export function runWorkflow({ id, ...body }: { id: string; recordingId: string }, key: string) {
  return send(`${workflowPath(id)}/jobs`, queued, { body, idempotencyKey: key });
}

function workflowPath(id: string): string {
  return `/api/workflows/${encodeURIComponent(id)}`;
}

/** Leaves the rows of a bulk that have not been carried out yet. */
export function cancelBulk({ id, reason }: { id: string; reason: string }, key: string) {
  const path = `/api/reseller/bulk/${encodeURIComponent(id)}/cancel`;
  return send(path, done, { body: { reason }, idempotencyKey: key });
}
