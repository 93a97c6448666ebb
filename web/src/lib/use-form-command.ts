// A form whose submission is one command: validation before sending, refusals put where they belong.
import { zodResolver } from "@hookform/resolvers/zod";
import { type DefaultValues, type FieldValues, type Path, useForm } from "react-hook-form";
import type { z } from "zod";
import { formProblem, type Problem } from "@/api/problem";
import { useCommand } from "./use-command";

interface FormCommandOptions<Values extends FieldValues, Answer extends { position: string }> {
  schema: z.ZodType<Values, Values>;
  defaults: DefaultValues<Values>;
  /** Dotted paths of all fields, as the server names them. */
  fields: readonly Path<Values>[];
  send: (values: Values, key: string) => Promise<Answer>;
  onDone: (answer: Answer, values: Values) => void;
  endsSession?: boolean;
}

/** The form stays filled in when the command is refused. */
export function useFormCommand<Values extends FieldValues, Answer extends { position: string }>(
  options: FormCommandOptions<Values, Answer>,
) {
  const form = useForm<Values>({
    resolver: zodResolver(options.schema),
    defaultValues: options.defaults,
  });
  const command = useCommand(options.send, options);
  const split = command.problem ? formProblem(command.problem, options.fields) : undefined;

  const submit = form.handleSubmit(async (values) => {
    const answer = await command.run(values);
    if (answer) options.onDone(answer, values);
  });

  /** The message beside a field: ours before sending, the server's after. */
  const errorOf = (field: Path<Values>): string | undefined => {
    const own = form.getFieldState(field, form.formState).error?.message;
    return own ?? split?.fields.find((entry) => entry.field === field)?.detail;
  };

  const banner: { problem: Problem; message: string } | undefined =
    command.problem && split?.message
      ? { problem: command.problem, message: split.message }
      : undefined;

  return { form, submit, errorOf, banner, busy: command.busy };
}
