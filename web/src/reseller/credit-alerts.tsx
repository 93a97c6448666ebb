// Balances at which a reseller wants to be told, and when that happened.
import { Bell } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { setCreditAlerts } from "@/api/commands/credits";
import { Empty } from "@/components/states";
import { type Column, Table } from "@/components/table";
import { TextCommand } from "@/components/text-command";
import { Button } from "@/components/ui/button";
import { Card, CardHeader } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import type { CreditAccountQuery } from "@/gql/graphql";
import { formatDateTime, formatNumber } from "@/lib/format";

type Account = NonNullable<CreditAccountQuery["creditAccount"]>;
type Raised = Account["alerts"][number];

const columns: Column<Raised>[] = [
  { label: "At", lead: true, cell: (row) => formatDateTime(row.at) },
  { label: "Threshold", align: "right", cell: (row) => formatNumber(row.threshold) },
  { label: "Balance", align: "right", cell: (row) => formatNumber(row.balance) },
];

const thresholds = z
  .string()
  .trim()
  .regex(/^(-?\d{1,15}([,;\s]+-?\d{1,15})*)?$/, "Enter whole numbers, for example 500, 100.");

/** The numbers of a list that a person typed. */
export function parseThresholds(text: string): number[] {
  return text
    .split(/[,;\s]+/)
    .filter((part) => part !== "")
    .map(Number);
}

export function CreditAlerts({ account }: { account: Account }) {
  const [editing, setEditing] = useState(false);
  const known = account.alertThresholds;
  return (
    <Card className="mb-6 overflow-hidden">
      <CardHeader
        title="Alerts"
        description={
          known.length > 0
            ? `Raised when the balance comes down to ${known.map(formatNumber).join(" or ")}.`
            : "No balance raises one."
        }
        action={
          <Button variant="secondary" size="small" onClick={() => setEditing(true)}>
            <Bell aria-hidden /> Set alerts
          </Button>
        }
      />
      {account.alerts.length === 0 ? (
        <Empty icon={Bell} title="No alert was raised">
          Each one stands here with the balance at which it was raised.
        </Empty>
      ) : (
        <Table
          caption="Alerts that were raised, the newest first"
          columns={columns}
          rows={account.alerts}
          keyOf={(row) => row.position}
        />
      )}
      <Dialog
        open={editing}
        onOpenChange={setEditing}
        title="Set alerts"
        description="An alert is raised once each time the balance comes down to a threshold."
      >
        <TextCommand
          label="Thresholds in credits"
          hint="Several are separated by commas. Left empty, no alert is raised."
          submit="Save alerts"
          schema={thresholds}
          send={(text, key) => setCreditAlerts({ thresholds: parseThresholds(text) }, key)}
          onDone={() => setEditing(false)}
        />
      </Dialog>
    </Card>
  );
}
