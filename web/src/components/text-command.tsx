// A dialog whose command wants one line of text: why, or the reference of a payment.
import { z } from "zod";
import { useFormCommand } from "@/lib/use-form-command";
import { ProblemAlert } from "./problem-alert";
import { Submit } from "./submit";
import { TextField } from "./text-field";

interface TextCommandProps {
  label: string;
  hint?: string;
  submit: string;
  schema: z.ZodType<string, string>;
  send: (text: string, key: string) => Promise<{ position: string }>;
  onDone: () => void;
}

export function TextCommand({ label, hint, submit, schema, send, onDone }: TextCommandProps) {
  const command = useFormCommand({
    schema: z.object({ text: schema }),
    defaults: { text: "" },
    fields: ["text"],
    send: ({ text }, key) => send(text, key),
    onDone,
  });
  return (
    <form onSubmit={command.submit} noValidate className="space-y-4">
      {command.banner && <ProblemAlert {...command.banner} />}
      <TextField
        label={label}
        hint={hint}
        error={command.errorOf("text")}
        {...command.form.register("text")}
      />
      <Submit busy={command.busy}>{submit}</Submit>
    </form>
  );
}
