import { z } from "zod";
import { useRead } from "@/api/client";
import { publishTemplate } from "@/api/commands/resellers";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { templatesDocument } from "@/lib/permissions";
import { useFormCommand } from "@/lib/use-form-command";
import { name } from "@/lib/validation";
import type { Template } from "./permission-templates";

const schema = z.object({
  code: z
    .string()
    .trim()
    .regex(/^[a-z0-9-]{1,24}$/, "Use 1 to 24 small letters, digits or hyphens, for example basic."),
  name: name("Enter the template's name."),
  permissions: z.array(z.string()),
});

interface TemplateFormProps {
  /** The one that gets a version; none for a new one. */
  template: Template | undefined;
  onDone: () => void;
}

export function TemplateForm({ template, onDone }: TemplateFormProps) {
  const known = useRead(templatesDocument, {}).data?.permissionTemplates ?? [];
  const names = [...new Set(known.flatMap(({ permissions }) => permissions))];
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: {
      code: template?.code ?? "",
      name: template?.name ?? "",
      permissions: template?.permissions ?? [],
    },
    fields: ["code", "name", "permissions"],
    send: publishTemplate,
    onDone,
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField label="Name" error={errorOf("name")} {...form.register("name")} />
        <TextField
          label="Code"
          readOnly={template !== undefined}
          error={errorOf("code")}
          {...form.register("code")}
        />
      </div>
      <fieldset>
        <legend className="font-medium">Grants</legend>
        <div className="mt-2 grid gap-2 sm:grid-cols-2">
          {names.map((permission) => (
            <label key={permission} className="flex items-center gap-2">
              <input type="checkbox" value={permission} {...form.register("permissions")} />
              {permission}
            </label>
          ))}
        </div>
      </fieldset>
      <Submit busy={busy}>Publish version</Submit>
    </form>
  );
}
