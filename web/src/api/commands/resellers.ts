// Commands about resellers and what they may do.
import { z } from "zod";
import { send } from "../http";
import { done, type NewPerson, type StatusChange } from "./answers";

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
