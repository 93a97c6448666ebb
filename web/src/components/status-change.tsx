// Suspend or resume a reseller or a customer; both ask for the reason that goes into the log.
import { Pause, Play } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import type { StatusChange as Change } from "@/api/commands/answers";
import { useFormCommand } from "@/lib/use-form-command";
import { reason } from "@/lib/validation";
import { ProblemAlert } from "./problem-alert";
import { Submit } from "./submit";
import { TextField } from "./text-field";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";

const schema = z.object({ reason });

interface StatusChangeProps {
  id: string;
  what: "reseller" | "customer";
  suspended: boolean;
  send: (change: Change, key: string) => Promise<{ position: string }>;
}

export function StatusChange({ id, what, suspended, send }: StatusChangeProps) {
  const [open, setOpen] = useState(false);
  const to = suspended ? "resume" : "suspend";
  const word = suspended ? "Resume" : "Suspend";
  return (
    <>
      <Button variant={suspended ? "secondary" : "danger"} onClick={() => setOpen(true)}>
        {suspended ? <Play aria-hidden /> : <Pause aria-hidden />} {word}
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title={`${word} this ${what}?`}
        description={
          suspended
            ? "Access works again from the next request on."
            : "Access stops at the next request; nothing is deleted, and you can resume at any time."
        }
      >
        <ReasonForm
          label={`${word} ${what}`}
          send={(values, key) => send({ id, to, reason: values.reason }, key)}
          onDone={() => setOpen(false)}
        />
      </Dialog>
    </>
  );
}

interface ReasonFormProps {
  label: string;
  send: (values: { reason: string }, key: string) => Promise<{ position: string }>;
  onDone: () => void;
}

function ReasonForm({ label, send, onDone }: ReasonFormProps) {
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: { reason: "" },
    fields: ["reason"],
    send,
    onDone,
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <TextField label="Reason" error={errorOf("reason")} {...form.register("reason")} />
      <Submit busy={busy}>{label}</Submit>
    </form>
  );
}
