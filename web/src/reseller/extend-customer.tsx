import { useMemo, useState } from "react";
import { z } from "zod";
import { useRead } from "@/api/client";
import { extendCustomer } from "@/api/commands/customers";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { formatCredits, formatDate } from "@/lib/format";
import { useFormCommand } from "@/lib/use-form-command";
import { DAYS_MAX, parseDays } from "./cost";
import { CostPreview } from "./cost-preview";
import { dashboardDocument } from "./dashboard-query";
import { PeriodField } from "./period-field";

const schema = z.object({
  days: z.string().refine((text) => parseDays(text) !== undefined, {
    message: `Enter a whole number of days from 1 to ${DAYS_MAX}.`,
  }),
});

interface ExtendCustomerProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  id: string;
  name: string;
  /** What a day of the customer's tier costs; undefined while it is being read. */
  creditsPerDay: number | undefined;
  /** RFC 3339 instant at which access ends now, or has ended. */
  expiresAt: string;
}

export function ExtendCustomer({ open, onOpenChange, name, ...rest }: ExtendCustomerProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Extend ${name}`}
      description="The days are added to the present end, or start now if access has ended."
    >
      <ExtendForm {...rest} onClose={() => onOpenChange(false)} />
    </Dialog>
  );
}

interface ExtendFormProps {
  id: string;
  creditsPerDay: number | undefined;
  expiresAt: string;
  onClose: () => void;
}

function ExtendForm({ id, creditsPerDay, expiresAt, onClose }: ExtendFormProps) {
  const balance = useRead(dashboardDocument, {}).data?.dashboard.balanceDays;
  const from = useMemo(() => new Date(Math.max(Date.now(), Date.parse(expiresAt))), [expiresAt]);
  const [done, setDone] = useState<string>();
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: { days: "30" },
    fields: ["days"],
    send: (values, key) => extendCustomer({ id, days: Number(values.days) }, key),
    onDone: (answer) =>
      setDone(
        `Extended until ${formatDate(answer.expiresAt)}. ${formatCredits(answer.debited)} were debited, ${formatCredits(answer.balance)} remain.`,
      ),
  });
  if (done) {
    return (
      <div className="space-y-4">
        <Alert tone="good">{done}</Alert>
        <Button onClick={onClose}>Close</Button>
      </div>
    );
  }
  const days = form.watch("days");
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <PeriodField
        value={days}
        onChange={(value) => form.setValue("days", value, { shouldValidate: true })}
        error={errorOf("days")}
      />
      <CostPreview
        days={parseDays(days)}
        creditsPerDay={creditsPerDay}
        balance={balance}
        from={from}
      />
      <Submit busy={busy}>Extend access</Submit>
    </form>
  );
}
