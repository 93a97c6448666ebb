import { ArrowDownLeft, ArrowUpRight, Receipt } from "lucide-react";
import type { CreditsQuery } from "@/gql/graphql";
import { cn } from "@/lib/cn";
import { formatDateTime, formatNumber, formatSigned, humanize } from "@/lib/format";
import { Empty } from "./states";
import { type Column, Table } from "./table";

export type TransactionRow = CreditsQuery["creditTransactions"]["nodes"][number];

const amount: Column<TransactionRow> = {
  label: "Credits",
  align: "right",
  cell: (row) => formatSigned(row.amount),
};
const balance: Column<TransactionRow> = {
  label: "Balance",
  align: "right",
  cell: (row) => formatNumber(row.balanceAfter),
};
const purpose: Column<TransactionRow> = {
  label: "For",
  cell: (row) => row.customerName ?? row.note ?? (row.kind === "PURCHASE" ? "Credit pack" : "–"),
};

const columns: Column<TransactionRow>[] = [
  { label: "What", lead: true, cell: (row) => <Kind row={row} /> },
  purpose,
  { label: "By", cell: (row) => row.actorName ?? "–" },
  { label: "When", cell: (row) => formatDateTime(row.at) },
  amount,
  balance,
];

const compactColumns: Column<TransactionRow>[] = [
  {
    label: "What",
    lead: true,
    cell: (row) => (
      <>
        <Kind row={row} />
        <span className="block pl-6 font-normal text-muted text-xs">{formatDateTime(row.at)}</span>
      </>
    ),
  },
  purpose,
  amount,
  balance,
];

function Kind({ row }: { row: TransactionRow }) {
  const Icon = row.amount < 0 ? ArrowUpRight : ArrowDownLeft;
  return (
    <span className="flex items-center gap-2">
      <Icon
        aria-hidden
        className={cn("size-4", row.amount < 0 ? "text-muted" : "text-accent-text")}
      />
      {humanize(row.kind)}
    </span>
  );
}

interface TransactionsProps {
  rows: readonly TransactionRow[];
  /** Fewer columns, for half the width of a page. */
  compact?: boolean;
}

export function Transactions({ rows, compact = false }: TransactionsProps) {
  if (rows.length === 0) {
    return (
      <Empty icon={Receipt} title="No transactions yet">
        Every purchase and every debit of credits will stand here.
      </Empty>
    );
  }
  return (
    <Table
      caption="Credit transactions"
      columns={compact ? compactColumns : columns}
      rows={rows}
      keyOf={(row) => row.id}
    />
  );
}
