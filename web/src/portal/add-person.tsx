import { useState } from "react";
import { z } from "zod";
import { addUser } from "@/api/commands/people";
import { Field } from "@/components/field";
import { ProblemAlert } from "@/components/problem-alert";
import { SecretOnce } from "@/components/secret-once";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { Dialog } from "@/components/ui/dialog";
import { Select } from "@/components/ui/input";
import { useFormCommand } from "@/lib/use-form-command";
import { email, name } from "@/lib/validation";

const schema = z.object({
  name: name("Enter the person's name."),
  email,
  role: z.enum(["customer_user", "customer_admin"]),
});

type Values = z.infer<typeof schema>;

interface Added {
  email: string;
  secret: string | undefined;
}

interface AddPersonProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function AddPerson({ open, onOpenChange }: AddPersonProps) {
  const [added, setAdded] = useState<Added>();
  const change = (next: boolean) => {
    onOpenChange(next);
    if (!next) setAdded(undefined);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={change}
      title={added ? "Person added" : "Add a person"}
      description={added ? undefined : "The person signs in with the e-mail address given here."}
    >
      {added ? <SecretOnce kind="password" {...added} /> : <AddPersonForm onAdded={setAdded} />}
    </Dialog>
  );
}

function AddPersonForm({ onAdded }: { onAdded: (added: Added) => void }) {
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: { name: "", email: "", role: "customer_user" },
    fields: ["name", "email", "role"],
    send: (values: Values, key) => addUser(values, key),
    onDone: (answer, values) =>
      onAdded({ email: values.email, secret: answer.temporaryPassword ?? undefined }),
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <TextField label="Name" error={errorOf("name")} {...form.register("name")} />
      <TextField
        label="E-mail address"
        type="email"
        error={errorOf("email")}
        {...form.register("email")}
      />
      <Field label="Role" error={errorOf("role")}>
        {(control) => (
          <Select {...form.register("role")} {...control}>
            <option value="customer_user">Works with recordings and transcripts</option>
            <option value="customer_admin">Also adds people</option>
          </Select>
        )}
      </Field>
      <Submit busy={busy}>Add person</Submit>
    </form>
  );
}
