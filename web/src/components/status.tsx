// Every status, tier and transaction kind with the words and the tone it has everywhere.
import type {
  BulkState,
  CustomerStatus,
  JobStatus,
  PayoutRunStatus,
  ResellerStatus,
} from "@/gql/graphql";
import { humanize } from "@/lib/format";
import { Badge, type Tone } from "./ui/badge";

const customerTones: Record<CustomerStatus, Tone> = {
  ACTIVE: "good",
  EXPIRED: "warning",
  PAUSED: "neutral",
  SUSPENDED: "bad",
  CLOSED: "neutral",
};

export function CustomerBadge({ status }: { status: CustomerStatus }) {
  return <Badge tone={customerTones[status]}>{humanize(status)}</Badge>;
}

const resellerTones: Record<ResellerStatus, Tone> = {
  PENDING: "warning",
  DECLINED: "neutral",
  ACTIVE: "good",
  SUSPENDED: "bad",
  CLOSED: "neutral",
};

export function ResellerBadge({ status }: { status: ResellerStatus }) {
  return <Badge tone={resellerTones[status]}>{humanize(status)}</Badge>;
}

const jobTones: Record<JobStatus, Tone> = {
  QUEUED: "neutral",
  DISPATCHED: "neutral",
  RUNNING: "warning",
  SUCCEEDED: "good",
  FAILED: "bad",
  CANCELLED: "neutral",
};

const jobStatusWords: Record<JobStatus, string> = {
  QUEUED: "Waiting",
  DISPATCHED: "Starting",
  RUNNING: "Running",
  SUCCEEDED: "Done",
  FAILED: "Failed",
  CANCELLED: "Cancelled",
};

export function JobBadge({ status }: { status: JobStatus }) {
  return <Badge tone={jobTones[status]}>{jobStatusWords[status]}</Badge>;
}

const payoutRunTones: Record<PayoutRunStatus, Tone> = {
  DRAFT: "warning",
  APPROVED: "neutral",
  PAID: "good",
  CANCELLED: "neutral",
};

export function PayoutRunBadge({ status }: { status: PayoutRunStatus }) {
  return <Badge tone={payoutRunTones[status]}>{humanize(status)}</Badge>;
}

/** A tier by its code, where its name is not at hand. */
export function tierName(tier: string): string {
  return humanize(tier);
}

const bulkTones: Record<BulkState, Tone> = {
  RUNNING: "warning",
  CANCELLING: "warning",
  COMPLETED: "good",
  NOTHING_DONE: "bad",
  CANCELLED: "neutral",
};

export function BulkBadge({ state }: { state: BulkState }) {
  return <Badge tone={bulkTones[state]}>{humanize(state)}</Badge>;
}
