import type { ComponentProps, ReactNode } from "react";
import { Field } from "./field";
import { Input } from "./ui/input";

interface TextFieldProps extends ComponentProps<"input"> {
  label: string;
  hint?: ReactNode;
  error: string | undefined;
}

/** The common case of a field: one line of text. Takes what `register` of a form gives. */
export function TextField({ label, hint, error, ...input }: TextFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => <Input {...input} {...control} />}
    </Field>
  );
}
