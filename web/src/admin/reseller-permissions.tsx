// What one reseller is permitted: its template, exceptions from it, and where each value comes from.
import { Undo2 } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { useRead } from "@/api/client";
import { assignTemplate, exceptPermission, withdrawException } from "@/api/commands/resellers";
import { Field } from "@/components/field";
import { ProblemAlert } from "@/components/problem-alert";
import { Loaded } from "@/components/states";
import { Submit } from "@/components/submit";
import { type Column, Table } from "@/components/table";
import { TextCommand } from "@/components/text-command";
import { TextField } from "@/components/text-field";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card, CardHeader } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import { Select } from "@/components/ui/input";
import {
  originText,
  type Permission,
  permissionsDocument,
  templatesDocument,
} from "@/lib/permissions";
import { useFormCommand } from "@/lib/use-form-command";
import { reason } from "@/lib/validation";

type Change = { permission: Permission; withdraw: boolean };

export function ResellerPermissions({ resellerId }: { resellerId: string }) {
  const reading = useRead(permissionsDocument, { id: resellerId });
  const [assigning, setAssigning] = useState(false);
  const [change, setChange] = useState<Change>();
  const done = () => setChange(undefined);
  return (
    <Card className="overflow-hidden">
      <CardHeader
        title="Permissions"
        action={
          <Button variant="secondary" size="small" onClick={() => setAssigning(true)}>
            Assign template
          </Button>
        }
      />
      <Loaded reading={reading} label="Loading permissions">
        {({ reseller }) => (
          <Table
            caption="Permissions"
            columns={columns(resellerId, setChange)}
            rows={reseller?.permissions ?? []}
            keyOf={({ name }) => name}
          />
        )}
      </Loaded>
      <Dialog
        open={assigning}
        onOpenChange={setAssigning}
        title="Assign a template"
        description="The reseller gets the template's present version and keeps it until another one is assigned. Exceptions stay."
      >
        <AssignForm resellerId={resellerId} onDone={() => setAssigning(false)} />
      </Dialog>
      <Dialog
        open={change !== undefined}
        onOpenChange={done}
        title={change ? title(change) : ""}
        description={
          change?.withdraw
            ? "The reseller's template counts again."
            : "It goes before the template, until it is taken back."
        }
      >
        {change && (
          <TextCommand
            label="Reason"
            submit={title(change)}
            schema={reason}
            send={(text, key) => sendChange(resellerId, change, text, key)}
            onDone={done}
          />
        )}
      </Dialog>
    </Card>
  );
}

function title({ permission, withdraw }: Change): string {
  if (withdraw) return `Take the exception for ${permission.name} back`;
  return `${permission.value ? "Deny" : "Grant"} ${permission.name}`;
}

function sendChange(id: string, { permission, withdraw }: Change, text: string, key: string) {
  const input = { id, permission: permission.name, reason: text };
  return withdraw
    ? withdrawException(input, key)
    : exceptPermission({ ...input, granted: !permission.value }, key);
}

function columns(resellerId: string, change: (change: Change) => void): Column<Permission>[] {
  return [
    {
      label: "Permission",
      lead: true,
      cell: ({ name, meaning }) => (
        <>
          {name}
          <span className="block font-normal text-muted text-xs first-letter:uppercase">
            {meaning}
          </span>
        </>
      ),
    },
    {
      label: "In effect",
      cell: ({ value }) => (
        <Badge tone={value ? "good" : "bad"}>{value ? "Granted" : "Denied"}</Badge>
      ),
    },
    { label: "Comes from", cell: (permission) => originText(permission, resellerId) },
    {
      label: "Actions",
      align: "right",
      cell: (permission) => {
        const own = permission.origin.resellerId === resellerId;
        return (
          <span className="inline-flex gap-2">
            {own && permission.origin.kind === "OVERRIDE" && (
              <Button
                variant="ghost"
                size="small"
                aria-label={`Take the exception for ${permission.name} back`}
                onClick={() => change({ permission, withdraw: true })}
              >
                <Undo2 aria-hidden /> Take back
              </Button>
            )}
            {own && (
              <Button
                variant="secondary"
                size="small"
                aria-label={`${permission.value ? "Deny" : "Grant"} ${permission.name}`}
                onClick={() => change({ permission, withdraw: false })}
              >
                {permission.value ? "Deny" : "Grant"}
              </Button>
            )}
          </span>
        );
      },
    },
  ];
}

const assignment = z.object({
  template: z.string().min(1, "Choose a template."),
  reason,
});

function AssignForm({ resellerId, onDone }: { resellerId: string; onDone: () => void }) {
  const reading = useRead(templatesDocument, {});
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema: assignment,
    defaults: { template: "", reason: "" },
    fields: ["template", "reason"],
    send: (values, key) => assignTemplate({ id: resellerId, ...values }, key),
    onDone,
  });
  return (
    <Loaded reading={reading} label="Loading templates">
      {({ permissionTemplates }) => (
        <form onSubmit={submit} noValidate className="space-y-4">
          {banner && <ProblemAlert {...banner} />}
          <Field label="Template" error={errorOf("template")}>
            {(control) => (
              <Select {...control} {...form.register("template")}>
                <option value="">Choose one</option>
                {permissionTemplates
                  .filter(({ current }) => current)
                  .map(({ code, name, version }) => (
                    <option key={code} value={code}>
                      {name}, version {version}
                    </option>
                  ))}
              </Select>
            )}
          </Field>
          <TextField label="Reason" error={errorOf("reason")} {...form.register("reason")} />
          <Submit busy={busy}>Assign template</Submit>
        </form>
      )}
    </Loaded>
  );
}
