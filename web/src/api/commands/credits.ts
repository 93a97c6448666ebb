// Commands about credits, credit accounts and packs.
import { z } from "zod";
import { send } from "../http";
import { done, moneySchema } from "./answers";

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
