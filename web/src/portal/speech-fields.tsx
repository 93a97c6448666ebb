// The choices of a transcription, which the forms of a job and of a workflow share.
import type { ComponentProps } from "react";
import type { SpeechTask } from "@/api/commands/work";
import { Field } from "@/components/field";
import { Select } from "@/components/ui/input";
import { isUsable, type Model } from "./entitlement";
import { languages } from "./languages";

/** Takes what `register` of a form gives, or a value and its setter. */
interface ChoiceProps extends ComponentProps<"select"> {
  error?: string | undefined;
}

interface ModelFieldProps extends ChoiceProps {
  models: readonly Model[];
  /** A model chosen earlier, which may have left the list since. */
  chosen?: string | undefined;
}

export function ModelField({ models, chosen, error, ...select }: ModelFieldProps) {
  const gone = chosen && !models.some((model) => model.name === chosen);
  return (
    <Field label="Model" hint="Larger models hear better and take longer." error={error}>
      {(control) => (
        <Select {...select} {...control}>
          {!models.some(isUsable) && <option value="">No model can be used</option>}
          {gone && (
            <option value={chosen} disabled>
              {chosen} (no longer offered)
            </option>
          )}
          {models.map((model) => (
            <option key={model.name} value={model.name} disabled={!isUsable(model)}>
              {model.name + whyNot(model)}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

function whyNot(model: Model): string {
  if (!model.allowed) return " (not in your tier)";
  return model.installed ? "" : " (not installed here)";
}

export function LanguageField({ error, ...select }: ChoiceProps) {
  return (
    <Field label="Language" error={error}>
      {(control) => (
        <Select {...select} {...control}>
          <option value="">Detect automatically</option>
          {languages.map((entry) => (
            <option key={entry.code} value={entry.code}>
              {entry.name}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

export const taskWords: Record<SpeechTask, string> = {
  transcribe: "Write what is said",
  translate: "Translate into English",
};

export function TaskField({ error, ...select }: ChoiceProps) {
  return (
    <Field label="Task" error={error}>
      {(control) => (
        <Select {...select} {...control}>
          {Object.entries(taskWords).map(([task, words]) => (
            <option key={task} value={task}>
              {words}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}
