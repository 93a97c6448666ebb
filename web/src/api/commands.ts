// Every command that the panel sends, with what goes in and what comes back.
import { z } from "zod";
import { newKey, send } from "./http";

const done = z.object({ position: z.string() });
const moneySchema = z.object({ amountMinor: z.number(), currency: z.string() });

export type Tier = "basic" | "premium" | "enterprise";

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
  { resellerId, ...body }: { resellerId: string; packCode: string; note?: string },
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

export function erasePerson({ id, reason }: { id: string; reason: string }, key: string) {
  const path = `/api/admin/users/${encodeURIComponent(id)}/erase`;
  return send(path, done, { body: { reason }, idempotencyKey: key });
}

/** Closes a month of the books, for example 2026-11. */
export function closePeriod({ period }: { period: string }, key: string) {
  const path = `/api/admin/periods/${encodeURIComponent(period)}/close`;
  return send(path, done, { idempotencyKey: key });
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

export function retirePack({ code }: { code: string }, key: string) {
  const path = `/api/admin/packs/${encodeURIComponent(code)}/retire`;
  return send(path, done, { idempotencyKey: key });
}

export interface NewCustomer {
  name: string;
  tier: Tier;
  /** One credit each. */
  days: number;
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
  const path = `/api/reseller/customers/${encodeURIComponent(id)}/extensions`;
  return send(path, answer, { body: { days }, idempotencyKey: key });
}

export function changeCustomer({ id, to, reason }: StatusChange, key: string) {
  const path = `/api/reseller/customers/${encodeURIComponent(id)}/${to}`;
  return send(path, done, { body: { reason }, idempotencyKey: key });
}

export function changePassword(
  input: { currentPassword: string; newPassword: string },
  key: string,
) {
  return send("/api/user/password", done, { body: input, idempotencyKey: key });
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
