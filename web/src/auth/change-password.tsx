import { useState } from "react";
import { z } from "zod";
import { changePassword } from "@/api/commands/account";
import { endSession } from "@/api/http";
import { Field } from "@/components/field";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Input } from "@/components/ui/input";
import { useFormCommand } from "@/lib/use-form-command";

const schema = z.object({
  currentPassword: z.string().min(1, "Enter the password that you have now."),
  newPassword: z
    .string()
    .min(10, "Use at least 10 characters; a sentence is easy to keep in mind."),
});

interface ChangePasswordProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function ChangePassword({ open, onOpenChange }: ChangePasswordProps) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Change password">
      <ChangePasswordForm />
    </Dialog>
  );
}

function ChangePasswordForm() {
  const [done, setDone] = useState(false);
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: { currentPassword: "", newPassword: "" },
    fields: ["currentPassword", "newPassword"],
    send: changePassword,
    onDone: () => setDone(true),
    endsSession: true,
  });
  if (done) {
    return (
      <div className="space-y-4">
        <Alert tone="good">
          The new password holds from now on. It ended every session, this one too.
        </Alert>
        <Button onClick={endSession}>Sign in again</Button>
      </div>
    );
  }
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <Field label="Current password" error={errorOf("currentPassword")}>
        {(control) => (
          <Input
            {...control}
            {...form.register("currentPassword")}
            type="password"
            autoComplete="current-password"
          />
        )}
      </Field>
      <Field label="New password" error={errorOf("newPassword")}>
        {(control) => (
          <Input
            {...control}
            {...form.register("newPassword")}
            type="password"
            autoComplete="new-password"
          />
        )}
      </Field>
      <Submit busy={busy}>Change password</Submit>
    </form>
  );
}
