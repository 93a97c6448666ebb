// Asks somebody to join: the link is shown once, and mailed where the installation sends mail.
import { useState } from "react";
import { z } from "zod";
import { invitePerson } from "@/api/commands/people";
import type { Audience } from "@/api/session";
import { useFormCommand } from "@/lib/use-form-command";
import { email } from "@/lib/validation";
import { Field } from "./field";
import { ProblemAlert } from "./problem-alert";
import { SecretOnce } from "./secret-once";
import { Submit } from "./submit";
import { TextField } from "./text-field";
import { Dialog } from "./ui/dialog";
import { Select } from "./ui/input";

/** The roles of each area, the one with the least rights first, with what people of that role do. */
const roles: Record<Audience, Record<string, string>> = {
  admin: {
    platform_support: "Helps resellers and customers",
    platform_finance: "Keeps the books",
    platform_admin: "Does everything",
  },
  reseller: {
    reseller_staff: "Looks after customers",
    reseller_owner: "Also looks after people, keys and resellers below",
  },
  portal: {
    customer_user: "Works with recordings and transcripts",
    customer_admin: "Also looks after people",
  },
};

interface Invited {
  email: string;
  secret: string | undefined;
}

interface InvitePersonProps {
  audience: Audience;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function InvitePerson({ audience, open, onOpenChange }: InvitePersonProps) {
  const [invited, setInvited] = useState<Invited>();
  const change = (next: boolean) => {
    onOpenChange(next);
    if (!next) setInvited(undefined);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={change}
      title={invited ? "Person invited" : "Invite a person"}
      description={invited ? undefined : "Who opens the link chooses a name and a password."}
    >
      {invited ? (
        <SecretOnce kind="link" {...invited} />
      ) : (
        <InviteForm audience={audience} onInvited={setInvited} />
      )}
    </Dialog>
  );
}

function InviteForm({
  audience,
  onInvited,
}: {
  audience: Audience;
  onInvited: (invited: Invited) => void;
}) {
  const choices = Object.entries(roles[audience]);
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema: z.object({ email, role: z.string() }),
    defaults: { email: "", role: choices[0]?.[0] ?? "" },
    fields: ["email", "role"],
    send: invitePerson,
    onDone: (answer, values) =>
      onInvited({ email: values.email, secret: answer.link ?? undefined }),
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <TextField
        label="E-mail address"
        type="email"
        error={errorOf("email")}
        {...form.register("email")}
      />
      <Field label="Role" error={errorOf("role")}>
        {(control) => (
          <Select {...form.register("role")} {...control}>
            {choices.map(([role, does]) => (
              <option key={role} value={role}>
                {does}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Submit busy={busy}>Invite</Submit>
    </form>
  );
}
