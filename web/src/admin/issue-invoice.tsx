import { z } from "zod";
import { issueInvoice } from "@/api/commands/finance";
import { Field } from "@/components/field";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { rateFromPercent } from "@/lib/format";
import { useFormCommand } from "@/lib/use-form-command";

const schema = z.object({
  currency: z
    .string()
    .trim()
    .regex(/^[A-Z]{3}$/, "Use the three letters of the currency, for example USD."),
  address: z.string().max(500, "Use at most 500 characters."),
  taxId: z.string().trim().max(120, "Use at most 120 characters."),
  taxPercent: z
    .string()
    .trim()
    .regex(/^(\d{1,2}(\.\d{1,4})?|100)?$/, "Enter a share in percent, for example 19."),
});

type Values = z.infer<typeof schema>;

interface IssueInvoiceProps {
  resellerId: string;
  onDone: () => void;
}

export function IssueInvoice({ resellerId, onDone }: IssueInvoiceProps) {
  const { form, submit, errorOf, banner, busy } = useFormCommand<Values, { position: string }>({
    schema,
    defaults: { currency: "USD", address: "", taxId: "", taxPercent: "" },
    fields: ["currency", "address", "taxId", "taxPercent"],
    send: ({ taxPercent, ...values }, key) =>
      issueInvoice(
        { resellerId, ...values, ...(taxPercent ? { taxRate: rateFromPercent(taxPercent) } : {}) },
        key,
      ),
    onDone,
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <TextField label="Currency" error={errorOf("currency")} {...form.register("currency")} />
      <Field label="Address of the reseller" error={errorOf("address")}>
        {(control) => (
          <textarea
            {...control}
            rows={3}
            className="w-full rounded-lg border border-field/60 bg-surface px-3 py-2 text-foreground aria-invalid:border-danger"
            {...form.register("address")}
          />
        )}
      </Field>
      <TextField
        label="VAT number (optional)"
        error={errorOf("taxId")}
        {...form.register("taxId")}
      />
      <TextField
        label="Tax in percent (optional)"
        hint="As the settings say where left empty."
        inputMode="decimal"
        error={errorOf("taxPercent")}
        {...form.register("taxPercent")}
      />
      <Submit busy={busy}>Issue invoice</Submit>
    </form>
  );
}
