// Every status, tier and transaction kind with the words and the tone it has everywhere.
import type { CustomerStatus, JobStatus, ResellerStatus, Tier } from "@/gql/graphql";
import { humanize } from "@/lib/format";
import { Badge, type Tone } from "./ui/badge";

const customerTones: Record<CustomerStatus, Tone> = {
  ACTIVE: "good",
  EXPIRED: "warning",
  SUSPENDED: "bad",
};

export function CustomerBadge({ status }: { status: CustomerStatus }) {
  return <Badge tone={customerTones[status]}>{humanize(status)}</Badge>;
}

export function ResellerBadge({ status }: { status: ResellerStatus }) {
  return <Badge tone={status === "ACTIVE" ? "good" : "bad"}>{humanize(status)}</Badge>;
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

export function tierName(tier: Tier): string {
  return humanize(tier);
}
