// biome-ignore-all lint/a11y/noRedundantRoles: `display: block` takes the roles away on a phone
// A list that is a table on a wide screen and a stack of cards on a phone.
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

export interface Column<Row> {
  label: string;
  cell: (row: Row) => ReactNode;
  /** Figures are set flush right. */
  align?: "right";
  /** The first thing one looks for: heads the card on a phone. */
  lead?: boolean;
}

interface TableProps<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
}

export function Table<Row>({ caption, columns, rows, keyOf }: TableProps<Row>) {
  return (
    <table role="table" className="w-full max-md:block">
      <caption className="sr-only">{caption}</caption>
      <thead role="rowgroup" className="max-md:sr-only">
        <tr role="row" className="border-line border-y bg-raised/60 text-muted text-xs">
          {columns.map((column) => (
            <th
              key={column.label}
              role="columnheader"
              scope="col"
              className={cn(
                "h-10 px-5 text-left font-medium",
                column.align === "right" && "text-right",
              )}
            >
              {column.label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody
        role="rowgroup"
        className="divide-y divide-line max-md:block max-md:border-line max-md:border-t"
      >
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row" className="max-md:block max-md:px-5 max-md:py-4">
            {columns.map((column) => (
              <Cell key={column.label} column={column} row={row} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  return (
    <td
      role="cell"
      className={cn(
        "px-5 py-3 align-middle max-md:flex max-md:items-start max-md:justify-between max-md:gap-4 max-md:px-0 max-md:py-1",
        column.align === "right" && "text-right tabular-nums",
        column.lead && "max-md:pb-2",
      )}
    >
      {!column.lead && (
        <span aria-hidden className="shrink-0 text-muted md:hidden">
          {column.label}
        </span>
      )}
      <span className={cn("min-w-0 break-words", column.lead && "font-medium")}>
        {column.cell(row)}
      </span>
    </td>
  );
}
