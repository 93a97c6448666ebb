// Ends a subscription: as it would have ended, or now, with what was paid coming back.
import { useState } from "react";
import { z } from "zod";
import { cancelSubscription } from "@/api/commands/customers";
import { Field } from "@/components/field";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Select } from "@/components/ui/input";
import { formatCredits } from "@/lib/format";
import { useFormCommand } from "@/lib/use-form-command";
import { reason } from "@/lib/validation";

const schema = z.object({ when: z.enum(["at_end", "now"]), reason });

type Values = z.infer<typeof schema>;
type Answer = Awaited<ReturnType<typeof cancelSubscription>>;

interface CancelSubscriptionProps {
  open: boolean;
  onClose: () => void;
  id: string;
  name: string;
}

export function CancelSubscription({ open, onClose, id, name }: CancelSubscriptionProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onClose}
      title={`Cancel the subscription of ${name}`}
      description="It is not renewed any more. The customer and its data stay."
    >
      <CancelForm id={id} onClose={onClose} />
    </Dialog>
  );
}

function CancelForm({ id, onClose }: { id: string; onClose: () => void }) {
  const [done, setDone] = useState<string>();
  const { form, submit, errorOf, banner, busy } = useFormCommand<Values, Answer>({
    schema,
    defaults: { when: "at_end", reason: "" },
    fields: ["when", "reason"],
    send: (values, key) => cancelSubscription({ id, ...values }, key),
    onDone: ({ returned }) =>
      setDone(
        returned > 0
          ? `Cancelled. ${formatCredits(returned)} came back for days that were not used.`
          : "Cancelled.",
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
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <Field label="When" error={errorOf("when")}>
        {(control) => (
          <Select {...control} {...form.register("when")}>
            <option value="at_end">At its end: nothing comes back</option>
            <option value="now">Now: whole days that were paid come back as credits</option>
          </Select>
        )}
      </Field>
      <TextField label="Reason" error={errorOf("reason")} {...form.register("reason")} />
      <Submit busy={busy}>Cancel subscription</Submit>
    </form>
  );
}
