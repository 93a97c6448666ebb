// Erasing a person: for good, so the address has to be typed.
import { z } from "zod";
import { erasePerson } from "@/api/commands/people";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { Alert } from "@/components/ui/alert";
import { Dialog } from "@/components/ui/dialog";
import { useFormCommand } from "@/lib/use-form-command";
import { reason } from "@/lib/validation";

interface ErasePersonProps {
  id: string;
  name: string;
  email: string;
  onClose: () => void;
}

export function ErasePerson({ id, name, email, onClose }: ErasePersonProps) {
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Erase ${name}?`}
      description="Name and e-mail address disappear from the log, from every list and from later backups. Whatever the person did stays, without the name."
    >
      <EraseForm id={id} email={email} onDone={onClose} />
    </Dialog>
  );
}

function EraseForm({ id, email, onDone }: { id: string; email: string; onDone: () => void }) {
  const schema = z.object({
    reason,
    address: z
      .string()
      .trim()
      .refine((text) => text.toLowerCase() === email.toLowerCase(), {
        message: `Type ${email} to confirm.`,
      }),
  });
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: { reason: "", address: "" },
    fields: ["reason", "address"],
    send: (values, key) => erasePerson({ id, reason: values.reason }, key),
    onDone,
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      <Alert>Nobody can take this back.</Alert>
      {banner && <ProblemAlert {...banner} />}
      <TextField
        label="Reason"
        hint="It stands in the log for ever: do not name the person."
        error={errorOf("reason")}
        {...form.register("reason")}
      />
      <TextField
        label="The person's e-mail address"
        hint={`Type ${email} to confirm.`}
        autoComplete="off"
        error={errorOf("address")}
        {...form.register("address")}
      />
      <Submit busy={busy}>Erase for good</Submit>
    </form>
  );
}
