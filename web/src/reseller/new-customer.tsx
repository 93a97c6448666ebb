import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { z } from "zod";
import { useRead } from "@/api/client";
import { createCustomer } from "@/api/commands/customers";
import { Page } from "@/components/page";
import { ProblemAlert } from "@/components/problem-alert";
import { SecretOnce } from "@/components/secret-once";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Card, CardBody, CardHeader } from "@/components/ui/card";
import { formatCredits, formatDate, formatDays } from "@/lib/format";
import { useFormCommand } from "@/lib/use-form-command";
import { email, name } from "@/lib/validation";
import { DAYS_MAX, parseDays } from "./cost";
import { CostPreview } from "./cost-preview";
import { dashboardDocument } from "./dashboard-query";
import { PeriodField } from "./period-field";
import { allows, useTiers } from "./tiers";

const schema = z.object({
  name: name("Enter the customer's name."),
  tier: z.string().min(1, "Choose a tier."),
  // Not looked at where the customer begins with a trial.
  days: z.string().refine((text) => parseDays(text) !== undefined, {
    message: `Enter a whole number of days from 1 to ${DAYS_MAX}.`,
  }),
  trial: z.boolean(),
  firstUser: z.object({ name: name("Enter the person's name."), email }),
});

const fields = ["name", "tier", "days", "firstUser.name", "firstUser.email"] as const;

interface Created {
  tenantId: string;
  name: string;
  email: string;
  debited: number;
  balance: number;
  expiresAt: string;
  password: string | undefined;
}

const back = { to: "/reseller/customers", label: "Customers" };

export function NewCustomerPage() {
  const [created, setCreated] = useState<Created>();
  return (
    <Page title={created ? "Customer created" : "New customer"} back={back}>
      {created ? (
        <CreatedCustomer created={created} onNext={() => setCreated(undefined)} />
      ) : (
        <NewCustomerForm onCreated={setCreated} />
      )}
    </Page>
  );
}

function NewCustomerForm({ onCreated }: { onCreated: (created: Created) => void }) {
  const balance = useRead(dashboardDocument, {}).data?.dashboard.balanceDays;
  const tiers = useTiers();
  const offered = (tiers.data?.tiers ?? []).filter((tier) => !tier.retired);
  const trialOf = (code: string) => offered.find((tier) => tier.code === code)?.trial;
  const now = useMemo(() => new Date(), []);
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: {
      name: "",
      tier: "premium",
      days: "30",
      trial: false,
      firstUser: { name: "", email: "" },
    },
    fields,
    send: ({ days, trial, ...values }, key) => {
      // A tier that was chosen afterwards may have no trial.
      const tries = trial && trialOf(values.tier) != null;
      return createCustomer({ ...values, ...(tries ? { trial } : { days: Number(days) }) }, key);
    },
    onDone: (answer, values) =>
      onCreated({
        ...answer,
        name: values.name,
        email: values.firstUser.email,
        password: answer.temporaryPassword ?? undefined,
      }),
  });
  const [days, code, wantsTrial] = form.watch(["days", "tier", "trial"]);
  const chosen = offered.find((tier) => tier.code === code);
  const trial = wantsTrial ? chosen?.trial : undefined;
  return (
    <form onSubmit={submit} noValidate className="grid items-start gap-6 lg:grid-cols-[1fr_20rem]">
      <Card>
        <CardBody className="space-y-6 pt-5">
          <TextField label="Customer name" error={errorOf("name")} {...form.register("name")} />
          <fieldset>
            <legend className="mb-2 font-medium">Tier</legend>
            <div className="grid gap-3 sm:grid-cols-3">
              {offered.map((tier) => (
                <label
                  key={tier.code}
                  className="cursor-pointer rounded-lg border border-line p-4 hover:bg-raised has-checked:border-accent has-checked:bg-accent-soft"
                >
                  <span className="flex items-center gap-2 font-medium">
                    <input
                      type="radio"
                      value={tier.code}
                      aria-label={tier.name}
                      className="accent-accent"
                      {...form.register("tier")}
                    />
                    {tier.name}
                  </span>
                  <span className="mt-2 block space-y-0.5 text-muted text-xs">
                    {allows(tier).map((line) => (
                      <span key={line} className="block">
                        {line}
                      </span>
                    ))}
                  </span>
                </label>
              ))}
            </div>
          </fieldset>
          {chosen?.trial && (
            <label className="flex items-center gap-2">
              <input type="checkbox" className="accent-accent" {...form.register("trial")} />
              Begin with a free trial: {formatDays(chosen.trial.days)},{" "}
              {chosen.trial.audioMinutesPerDay} minutes of speech a day
            </label>
          )}
          {!trial && (
            <PeriodField
              value={days}
              onChange={(value) => form.setValue("days", value, { shouldValidate: true })}
              error={errorOf("days")}
            />
          )}
          <fieldset className="grid gap-4 border-line border-t pt-5 sm:grid-cols-2">
            <legend className="sr-only">First user</legend>
            <TextField
              label="First user's name"
              hint="Signs in to the customer portal."
              error={errorOf("firstUser.name")}
              {...form.register("firstUser.name")}
            />
            <TextField
              label="First user's e-mail"
              type="email"
              error={errorOf("firstUser.email")}
              {...form.register("firstUser.email")}
            />
          </fieldset>
        </CardBody>
      </Card>
      <Card className="lg:sticky lg:top-8">
        <CardHeader title="Summary" description="What the days of the tier cost." />
        <CardBody className="space-y-4">
          {trial ? (
            <p>The trial costs nothing. Days that are paid later begin at once.</p>
          ) : (
            <CostPreview
              days={parseDays(days)}
              creditsPerDay={chosen?.creditsPerDay}
              balance={balance}
              from={now}
            />
          )}
          {banner && <ProblemAlert {...banner} />}
          <Submit busy={busy} className="w-full">
            Create customer
          </Submit>
        </CardBody>
      </Card>
    </form>
  );
}

function CreatedCustomer({ created, onNext }: { created: Created; onNext: () => void }) {
  return (
    <Card className="max-w-xl">
      <CardBody className="space-y-5 pt-5">
        <Alert tone="good">
          {created.name} has access until {formatDate(created.expiresAt)}.{" "}
          {formatCredits(created.debited)} were debited, {formatCredits(created.balance)} remain.
        </Alert>
        <SecretOnce kind="password" email={created.email} secret={created.password} />
        <div className="flex flex-wrap gap-2">
          <Button asChild>
            <Link to="/reseller/customers/$id" params={{ id: created.tenantId }}>
              Open customer
            </Link>
          </Button>
          <Button variant="secondary" onClick={onNext}>
            Create another
          </Button>
        </div>
      </CardBody>
    </Card>
  );
}
