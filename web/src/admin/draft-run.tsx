// The form that drafts a payout run. What is left empty is as the settings say.
import { z } from "zod";
import { draftPayoutRun } from "@/api/commands/finance";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { minorDigits } from "@/lib/format";
import { decimalsOf, minorUnits } from "@/lib/money";
import { useFormCommand } from "@/lib/use-form-command";

const schema = z
  .object({
    currency: z
      .string()
      .trim()
      .regex(/^[A-Z]{3}$/, "Use the three letters of the currency, for example EUR."),
    cutoff: z.string(),
    holdingDays: z.string().trim().regex(/^\d*$/, "Enter a whole number of days."),
    minimum: z
      .string()
      .trim()
      .regex(/^(\d+(\.\d+)?)?$/, "Enter an amount, for example 25.00."),
  })
  .refine((values) => decimalsOf(values.minimum) <= minorDigits(values.currency), {
    path: ["minimum"],
    message: "The currency has fewer decimals.",
  });

type Values = z.infer<typeof schema>;

function send(values: Values, key: string) {
  const { currency, cutoff, holdingDays, minimum } = values;
  return draftPayoutRun(
    {
      currency,
      ...(cutoff ? { cutoff: new Date(cutoff).toISOString() } : {}),
      ...(holdingDays ? { holdingDays: Number(holdingDays) } : {}),
      ...(minimum ? { minimumMinor: minorUnits(minimum, minorDigits(currency)) } : {}),
    },
    key,
  );
}

export function DraftRun({ onDone }: { onDone: () => void }) {
  const { form, submit, errorOf, banner, busy } = useFormCommand<Values, { position: string }>({
    schema,
    defaults: { currency: "EUR", cutoff: "", holdingDays: "", minimum: "" },
    fields: ["currency", "cutoff", "holdingDays", "minimum"],
    send,
    onDone,
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <TextField label="Currency" error={errorOf("currency")} {...form.register("currency")} />
      <TextField
        label="Cutoff (optional)"
        hint="Nothing later is in the run; now where left empty."
        type="datetime-local"
        error={errorOf("cutoff")}
        {...form.register("cutoff")}
      />
      <TextField
        label="Holding period in days (optional)"
        hint="How long a sale has to stand before its commission is paid out."
        inputMode="numeric"
        error={errorOf("holdingDays")}
        {...form.register("holdingDays")}
      />
      <TextField
        label="Minimum (optional)"
        hint="Less is carried to the next run. A contract may ask for more."
        inputMode="decimal"
        error={errorOf("minimum")}
        {...form.register("minimum")}
      />
      <Submit busy={busy}>Draft run</Submit>
    </form>
  );
}
