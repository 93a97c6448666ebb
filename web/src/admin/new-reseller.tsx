import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { z } from "zod";
import { createReseller } from "@/api/commands/resellers";
import { Field } from "@/components/field";
import { ProblemAlert } from "@/components/problem-alert";
import { SecretOnce } from "@/components/secret-once";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Select } from "@/components/ui/input";
import { rateFromPercent } from "@/lib/format";
import { useFormCommand } from "@/lib/use-form-command";
import { email, name, percentage } from "@/lib/validation";

const schema = z.object({
  name: name("Enter the reseller's name."),
  contactEmail: email,
  commissionRate: percentage,
  timeZone: z.string().min(1),
  owner: z.object({ name: name("Enter the owner's name."), email }),
});

type Values = z.infer<typeof schema>;

const fields = [
  "name",
  "contactEmail",
  "commissionRate",
  "timeZone",
  "owner.name",
  "owner.email",
] as const;

const timeZones = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

function ownTimeZone(): string {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return timeZones.includes(zone) ? zone : "UTC";
}

interface Created {
  resellerId: string;
  email: string;
  password: string | undefined;
}

interface NewResellerProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function NewReseller({ open, onOpenChange }: NewResellerProps) {
  const [created, setCreated] = useState<Created>();
  const navigate = useNavigate();
  const change = (next: boolean) => {
    onOpenChange(next);
    if (!next) setCreated(undefined);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={change}
      title={created ? "Reseller created" : "New reseller"}
      description={created ? undefined : "The owner signs in with the e-mail address given here."}
    >
      {created ? (
        <div className="space-y-5">
          <SecretOnce kind="password" email={created.email} secret={created.password} />
          <Button
            onClick={() =>
              navigate({ to: "/admin/resellers/$id", params: { id: created.resellerId } })
            }
          >
            Open reseller
          </Button>
        </div>
      ) : (
        <NewResellerForm onCreated={setCreated} />
      )}
    </Dialog>
  );
}

function NewResellerForm({ onCreated }: { onCreated: (created: Created) => void }) {
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: {
      name: "",
      contactEmail: "",
      commissionRate: "20",
      timeZone: ownTimeZone(),
      owner: { name: "", email: "" },
    },
    fields,
    send: (values: Values, key) =>
      createReseller({ ...values, commissionRate: rateFromPercent(values.commissionRate) }, key),
    onDone: (answer, values) =>
      onCreated({
        resellerId: answer.resellerId,
        email: values.owner.email,
        password: answer.temporaryPassword ?? undefined,
      }),
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <TextField label="Name" error={errorOf("name")} {...form.register("name")} />
      <TextField
        label="Contact e-mail"
        type="email"
        error={errorOf("contactEmail")}
        {...form.register("contactEmail")}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          label="Commission rate in %"
          inputMode="decimal"
          error={errorOf("commissionRate")}
          {...form.register("commissionRate")}
        />
        <Field label="Time zone" error={errorOf("timeZone")}>
          {(control) => (
            <Select {...control} {...form.register("timeZone")}>
              {timeZones.map((zone) => (
                <option key={zone}>{zone}</option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      <fieldset className="grid gap-4 border-line border-t pt-4 sm:grid-cols-2">
        <legend className="sr-only">Owner</legend>
        <TextField
          label="Owner's name"
          error={errorOf("owner.name")}
          {...form.register("owner.name")}
        />
        <TextField
          label="Owner's e-mail"
          type="email"
          error={errorOf("owner.email")}
          {...form.register("owner.email")}
        />
      </fieldset>
      <Submit busy={busy}>Create reseller</Submit>
    </form>
  );
}
