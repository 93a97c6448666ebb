import { z } from "zod";
import { savePack } from "@/api/commands/credits";
import type { Pack } from "@/components/pack-price";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { minorDigits } from "@/lib/format";
import { decimalsOf, minorUnits, priceText } from "@/lib/money";
import { useFormCommand } from "@/lib/use-form-command";
import { name, wholeNumber } from "@/lib/validation";

const CREDITS_MAX = 10_000_000;

const schema = z
  .object({
    code: z
      .string()
      .trim()
      .regex(
        /^[a-z0-9-]{1,40}$/,
        "Use 1 to 40 small letters, digits or hyphens, for example starter.",
      ),
    name: name("Enter the pack's name."),
    credits: wholeNumber("Enter a whole number of credits, for example 900.", CREDITS_MAX),
    priceMinor: z
      .string()
      .trim()
      .regex(/^\d{1,9}(\.\d{1,3})?$/, "Enter a price, for example 50 or 49.90."),
    currency: z
      .string()
      .trim()
      .regex(/^[A-Z]{3}$/, "Enter a currency code of three capital letters, for example USD."),
  })
  .refine(({ priceMinor, currency }) => decimalsOf(priceMinor) <= minorDigits(currency), {
    path: ["priceMinor"],
    message: "The currency has fewer decimals than this price.",
  });

const fields = ["code", "name", "credits", "priceMinor", "currency"] as const;

interface PackFormProps {
  /** The pack to edit; none for a new one. */
  pack: Pack | undefined;
  onDone: () => void;
}

export function PackForm({ pack, onDone }: PackFormProps) {
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: {
      code: pack?.code ?? "",
      name: pack?.name ?? "",
      credits: pack ? String(pack.credits) : "",
      priceMinor: pack ? priceText(pack.price.amountMinor, minorDigits(pack.price.currency)) : "",
      currency: pack?.price.currency ?? "USD",
    },
    fields,
    send: (values, key) =>
      savePack(
        {
          ...values,
          credits: Number(values.credits),
          priceMinor: minorUnits(values.priceMinor, minorDigits(values.currency)),
        },
        key,
      ),
    onDone,
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField label="Name" error={errorOf("name")} {...form.register("name")} />
        <TextField
          label="Code"
          readOnly={pack !== undefined}
          hint={pack ? "The code of a pack stays." : "How programs name the pack."}
          error={errorOf("code")}
          {...form.register("code")}
        />
        <TextField
          label="Credits"
          inputMode="numeric"
          error={errorOf("credits")}
          {...form.register("credits")}
        />
        <div className="grid grid-cols-[1fr_5.5rem] gap-4">
          <TextField
            label="Price"
            inputMode="decimal"
            error={errorOf("priceMinor")}
            {...form.register("priceMinor")}
          />
          <TextField
            label="Currency"
            maxLength={3}
            error={errorOf("currency")}
            {...form.register("currency")}
          />
        </div>
      </div>
      <Submit busy={busy}>Save pack</Submit>
    </form>
  );
}
