// Credits that reservations hold, and giving them free again.
import { useState } from "react";
import { releaseCredits } from "@/api/commands/credits";
import { type Column, Table } from "@/components/table";
import { TextCommand } from "@/components/text-command";
import { Button } from "@/components/ui/button";
import { Card, CardHeader } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import type { CreditAccountQuery } from "@/gql/graphql";
import { formatCredits, formatDateTime, formatNumber } from "@/lib/format";
import { reason } from "@/lib/validation";

type Reservation = NonNullable<CreditAccountQuery["creditAccount"]>["reservations"][number];

export function Reservations({ rows }: { rows: readonly Reservation[] }) {
  const [releasing, setReleasing] = useState<Reservation>();
  const columns: Column<Reservation>[] = [
    { label: "For", lead: true, cell: (row) => row.note },
    { label: "Since", cell: (row) => formatDateTime(row.reservedAt) },
    { label: "Ends", cell: (row) => formatDateTime(row.expiresAt) },
    { label: "Spent", align: "right", cell: (row) => formatNumber(row.captured) },
    { label: "Held", align: "right", cell: (row) => formatNumber(row.held) },
    {
      label: "Action",
      align: "right",
      cell: (row) => (
        <Button variant="ghost" size="small" onClick={() => setReleasing(row)}>
          Release
        </Button>
      ),
    },
  ];
  if (rows.length === 0) return null;
  return (
    <Card className="mb-6 overflow-hidden">
      <CardHeader
        title="Reservations"
        description="What they hold cannot be spent otherwise, until they end or are released."
      />
      <Table
        caption="Reservations that hold credits"
        columns={columns}
        rows={rows}
        keyOf={(row) => row.id}
      />
      <Dialog
        open={releasing !== undefined}
        onOpenChange={() => setReleasing(undefined)}
        title="Release the reservation"
        description={releasing && `${formatCredits(releasing.held)} go back to the balance.`}
      >
        {releasing && (
          <TextCommand
            label="Comment"
            hint="It stands in the log."
            submit="Release credits"
            schema={reason}
            send={(comment, key) => releaseCredits({ id: releasing.id, comment }, key)}
            onDone={() => setReleasing(undefined)}
          />
        )}
      </Dialog>
    </Card>
  );
}
