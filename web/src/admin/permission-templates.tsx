import { KeySquare, Pencil, Plus } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { retireTemplate } from "@/api/commands/resellers";
import { Page } from "@/components/page";
import { ProblemAlert } from "@/components/problem-alert";
import { Empty, Loaded } from "@/components/states";
import { type Column, Table } from "@/components/table";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import type { PermissionTemplatesQuery } from "@/gql/graphql";
import { formatDate } from "@/lib/format";
import { templatesDocument } from "@/lib/permissions";
import { useCommand } from "@/lib/use-command";
import { TemplateForm } from "./template-form";

export type Template = PermissionTemplatesQuery["permissionTemplates"][number];

export function PermissionTemplatesPage() {
  const reading = useRead(templatesDocument, {});
  const [editing, setEditing] = useState<Template | "new">();
  const [retiring, setRetiring] = useState<Template>();
  const add = (
    <Button onClick={() => setEditing("new")}>
      <Plus aria-hidden /> New template
    </Button>
  );
  return (
    <Page
      title="Permission templates"
      description="What resellers may do, as it is assigned to them. Who has a version keeps it."
      action={add}
    >
      <Card className="overflow-hidden">
        <Loaded reading={reading} label="Loading templates">
          {({ permissionTemplates }) =>
            permissionTemplates.length === 0 ? (
              <Empty icon={KeySquare} title="No templates yet" action={add}>
                Resellers without a template have every permission.
              </Empty>
            ) : (
              <Table
                caption="Permission templates"
                columns={columns(setEditing, setRetiring)}
                rows={permissionTemplates}
                keyOf={({ code, version }) => `${code} ${version}`}
              />
            )
          }
        </Loaded>
      </Card>
      <Dialog
        open={editing !== undefined}
        onOpenChange={() => setEditing(undefined)}
        title={editing === "new" ? "New template" : "New version"}
        description="It changes nobody until it is assigned."
      >
        <TemplateForm
          template={editing === "new" ? undefined : editing}
          onDone={() => setEditing(undefined)}
        />
      </Dialog>
      <Dialog
        open={retiring !== undefined}
        onOpenChange={() => setRetiring(undefined)}
        title={`Retire ${retiring?.name ?? "template"}?`}
        description="It can no longer be assigned. Who has it keeps it."
      >
        {retiring && <Retire template={retiring} onDone={() => setRetiring(undefined)} />}
      </Dialog>
    </Page>
  );
}

function columns(
  edit: (template: Template) => void,
  retire: (template: Template) => void,
): Column<Template>[] {
  return [
    {
      label: "Template",
      lead: true,
      cell: ({ code, name }) => (
        <>
          {name}
          <span className="block font-mono font-normal text-muted text-xs">{code}</span>
        </>
      ),
    },
    {
      label: "Version",
      cell: ({ version, publishedAt }) => `${version}, of ${formatDate(publishedAt)}`,
    },
    {
      label: "Grants",
      cell: ({ permissions }) => permissions.join(", ") || "Nothing",
    },
    {
      label: "Status",
      cell: ({ current }) =>
        current ? <Badge tone="good">Assigned now</Badge> : <Badge>Not assigned any more</Badge>,
    },
    {
      label: "Actions",
      align: "right",
      cell: (template) =>
        template.current && (
          <span className="inline-flex gap-2">
            <Button
              variant="secondary"
              size="small"
              aria-label={`New version of ${template.name}`}
              onClick={() => edit(template)}
            >
              <Pencil aria-hidden /> Edit
            </Button>
            <Button
              variant="danger"
              size="small"
              aria-label={`Retire ${template.name}`}
              onClick={() => retire(template)}
            >
              Retire
            </Button>
          </span>
        ),
    },
  ];
}

function Retire({ template, onDone }: { template: Template; onDone: () => void }) {
  const { run, busy, problem } = useCommand(retireTemplate);
  const confirm = async () => {
    if (await run({ code: template.code })) onDone();
  };
  return (
    <div className="space-y-4">
      {problem && <ProblemAlert problem={problem} />}
      <Button variant="danger" disabled={busy} onClick={confirm}>
        Retire template
      </Button>
    </div>
  );
}
