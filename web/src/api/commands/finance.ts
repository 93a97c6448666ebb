// Commands of the platform's finance: periods, payouts, invoices.
import { z } from "zod";
import { send } from "../http";
import { done } from "./answers";

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
