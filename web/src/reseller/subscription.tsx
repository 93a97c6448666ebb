// A customer's subscription: what holds until when, and what its reseller can do with it.
import { CalendarX, Pause, Play, RefreshCw, Shuffle } from "lucide-react";
import { type ReactNode, useState } from "react";
import { z } from "zod";
import { useRead } from "@/api/client";
import { changeSubscription, setAutoRenewal } from "@/api/commands/customers";
import { Empty, Loaded } from "@/components/states";
import { tierName } from "@/components/status";
import { type Column, Table } from "@/components/table";
import { TextCommand } from "@/components/text-command";
import { Button } from "@/components/ui/button";
import { Card, CardHeader } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import { graphql } from "@/gql";
import type { CustomerSubscriptionQuery } from "@/gql/graphql";
import { formatDate, formatDateTime, formatDays, formatNumber, humanize } from "@/lib/format";
import { reason } from "@/lib/validation";
import { CancelSubscription } from "./cancel-subscription";
import { ChangePlan } from "./change-plan";
import { DAYS_MAX, parseDays } from "./cost";

const document = graphql(`
  query CustomerSubscription($id: ID!, $minPosition: String) {
    subscription(customerId: $id, minPosition: $minPosition) {
      pausedAt
      cancelledAt
      renewalDays
      failedRenewal {
        attempts
        code
        retryAt
      }
      grants {
        id
        tier
        source
        startsAt
        endsAt
        creditsPerDay
        reason
      }
    }
  }
`);

type Subscription = NonNullable<CustomerSubscriptionQuery["subscription"]>;
type Grant = Subscription["grants"][number];

const columns: Column<Grant>[] = [
  {
    label: "Tier",
    lead: true,
    cell: (grant) => (
      <>
        {tierName(grant.tier)}
        {grant.reason && (
          <span className="block font-normal text-muted text-xs">{grant.reason}</span>
        )}
      </>
    ),
  },
  { label: "By", cell: (grant) => humanize(grant.source) },
  { label: "From", cell: (grant) => formatDate(grant.startsAt) },
  { label: "Until", cell: (grant) => formatDateTime(grant.endsAt) },
  {
    label: "Credits a day",
    align: "right",
    cell: (grant) => formatNumber(grant.creditsPerDay),
  },
];

type Doing = "plan" | "pause" | "resume" | "renewal" | "cancel";

interface SubscriptionCardProps {
  id: string;
  name: string;
  /** Code of the present tier. */
  tier: string;
}

export function SubscriptionCard({ id, name, tier }: SubscriptionCardProps) {
  const reading = useRead(document, { id });
  return (
    <Card className="mb-6 overflow-hidden">
      <Loaded reading={reading} label="Loading the subscription">
        {({ subscription }) =>
          subscription ? (
            <Known subscription={subscription} id={id} name={name} tier={tier} />
          ) : (
            <Empty icon={CalendarX} title="No access yet">
              Extend the customer to begin its first days.
            </Empty>
          )
        }
      </Loaded>
    </Card>
  );
}

function Known({
  subscription,
  id,
  name,
  tier,
}: SubscriptionCardProps & { subscription: Subscription }) {
  const [doing, setDoing] = useState<Doing>();
  const close = () => setDoing(undefined);
  const paused = subscription.pausedAt != null && subscription.cancelledAt == null;
  return (
    <>
      <CardHeader
        title="Subscription"
        description={state(subscription)}
        action={<Actions paused={paused} onChoose={setDoing} />}
      />
      <Table
        caption="What gives access, the one that ends last first"
        columns={columns}
        rows={subscription.grants}
        keyOf={(grant) => grant.id}
      />
      <ChangePlan open={doing === "plan"} onClose={close} id={id} name={name} tier={tier} />
      <CancelSubscription open={doing === "cancel"} onClose={close} id={id} name={name} />
      <StepDialog
        open={doing === "pause" || doing === "resume"}
        onClose={close}
        id={id}
        to={paused ? "resume" : "pause"}
      />
      <RenewalDialog
        open={doing === "renewal"}
        onClose={close}
        id={id}
        days={subscription.renewalDays ?? undefined}
      />
    </>
  );
}

/** What is to know of it, in a sentence or two. */
function state({ pausedAt, cancelledAt, renewalDays, failedRenewal }: Subscription): string {
  if (cancelledAt) return `Cancelled on ${formatDate(cancelledAt)}: it is not renewed.`;
  const pause = pausedAt && `Paused since ${formatDate(pausedAt)}: its time stands still. `;
  const renews = renewalDays
    ? `It renews itself by ${formatDays(renewalDays)}.`
    : "It does not renew itself.";
  const failed =
    failedRenewal &&
    ` The last renewal failed (${failedRenewal.code})${failedRenewal.retryAt ? `; it is tried again on ${formatDateTime(failedRenewal.retryAt)}` : ""}.`;
  return `${pause ?? ""}${renews}${failed ?? ""}`;
}

function Actions({ paused, onChoose }: { paused: boolean; onChoose: (doing: Doing) => void }) {
  const action = (doing: Doing, icon: ReactNode, text: string) => (
    <Button variant="secondary" size="small" onClick={() => onChoose(doing)}>
      {icon} {text}
    </Button>
  );
  return (
    <div className="flex flex-wrap gap-2">
      {paused ? (
        action("resume", <Play aria-hidden />, "Resume subscription")
      ) : (
        <>
          {action("plan", <Shuffle aria-hidden />, "Change plan")}
          {action("pause", <Pause aria-hidden />, "Pause")}
          {action("renewal", <RefreshCw aria-hidden />, "Renewal")}
        </>
      )}
      {action("cancel", <CalendarX aria-hidden />, "Cancel")}
    </div>
  );
}

interface StepDialogProps {
  open: boolean;
  onClose: () => void;
  id: string;
  to: "pause" | "resume";
}

function StepDialog({ open, onClose, id, to }: StepDialogProps) {
  const word = to === "pause" ? "Pause" : "Resume";
  return (
    <Dialog
      open={open}
      onOpenChange={onClose}
      title={`${word} the subscription`}
      description={
        to === "pause"
          ? "Access stops, and the days that are left wait. A store's days go on."
          : "The days that were left go on from now."
      }
    >
      <TextCommand
        label="Reason"
        submit={`${word} subscription`}
        schema={reason}
        send={(text, key) => changeSubscription({ id, to, reason: text }, key)}
        onDone={onClose}
      />
    </Dialog>
  );
}

interface RenewalDialogProps {
  open: boolean;
  onClose: () => void;
  id: string;
  days: number | undefined;
}

const renewalDays = z
  .string()
  .trim()
  .refine((text) => text === "" || parseDays(text) !== undefined, {
    message: `Enter a whole number of days from 1 to ${DAYS_MAX}, or nothing.`,
  });

function RenewalDialog({ open, onClose, id, days }: RenewalDialogProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onClose}
      title="Renewal"
      description={
        days
          ? `It renews itself by ${formatDays(days)} now. Credits are debited when a renewal is due.`
          : "It does not renew itself now. Credits are debited when a renewal is due."
      }
    >
      <TextCommand
        label="Days of each renewal"
        hint="Left empty, it does not renew itself."
        submit="Save renewal"
        schema={renewalDays}
        send={(text, key) => setAutoRenewal({ id, days: text ? Number(text) : undefined }, key)}
        onDone={onClose}
      />
    </Dialog>
  );
}
