import { Package, Pencil, Plus } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { retirePack } from "@/api/commands/credits";
import type { Pack } from "@/components/pack-price";
import { Page } from "@/components/page";
import { ProblemAlert } from "@/components/problem-alert";
import { Empty, Loaded } from "@/components/states";
import { type Column, Table } from "@/components/table";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import { formatMoney, formatNumber, formatUnitPrice } from "@/lib/format";
import { packKey, packsDocument } from "@/lib/packs";
import { useCommand } from "@/lib/use-command";
import { PackForm } from "./pack-form";

export function PacksPage() {
  const reading = useRead(packsDocument, {});
  const [editing, setEditing] = useState<Pack | "new">();
  const [retiring, setRetiring] = useState<Pack>();
  const add = (
    <Button onClick={() => setEditing("new")}>
      <Plus aria-hidden /> New pack
    </Button>
  );
  return (
    <Page
      title="Credit packs"
      description="What resellers can buy. One credit is one day of a customer's access."
      action={add}
    >
      <Card className="overflow-hidden">
        <Loaded reading={reading} label="Loading packs">
          {({ packs }) =>
            packs.length === 0 ? (
              <Empty icon={Package} title="No packs yet" action={add}>
                Without a pack on sale, resellers cannot get credits.
              </Empty>
            ) : (
              <Table
                caption="Credit packs"
                columns={columns(setEditing, setRetiring)}
                rows={packs}
                keyOf={packKey}
              />
            )
          }
        </Loaded>
      </Card>
      <Dialog
        open={editing !== undefined}
        onOpenChange={() => setEditing(undefined)}
        title={editing === "new" ? "New pack" : "Edit pack"}
        description="A change of price holds for later sales; those already made keep theirs. Another currency is a price beside the present one."
      >
        <PackForm
          pack={editing === "new" ? undefined : editing}
          onDone={() => setEditing(undefined)}
        />
      </Dialog>
      <Dialog
        open={retiring !== undefined}
        onOpenChange={() => setRetiring(undefined)}
        title={`Retire ${retiring?.name ?? "pack"}?`}
        description="It can no longer be sold. Credits already bought stay as they are."
      >
        {retiring && <Retire pack={retiring} onDone={() => setRetiring(undefined)} />}
      </Dialog>
    </Page>
  );
}

function columns(edit: (pack: Pack) => void, retire: (pack: Pack) => void): Column<Pack>[] {
  return [
    {
      label: "Pack",
      lead: true,
      cell: (pack) => (
        <>
          {pack.name}
          <span className="block font-mono font-normal text-muted text-xs">{pack.code}</span>
        </>
      ),
    },
    { label: "Credits", align: "right", cell: (pack) => formatNumber(pack.credits) },
    { label: "Price", align: "right", cell: (pack) => formatMoney(pack.price) },
    {
      label: "Per day",
      align: "right",
      cell: (pack) => formatUnitPrice(pack.pricePerCredit, pack.price.currency),
    },
    {
      label: "Status",
      cell: (pack) => (pack.retired ? <Badge>Retired</Badge> : <Badge tone="good">On sale</Badge>),
    },
    {
      label: "Actions",
      align: "right",
      cell: (pack) => (
        <span className="inline-flex gap-2">
          <Button
            variant="secondary"
            size="small"
            aria-label={`Edit ${pack.name}`}
            onClick={() => edit(pack)}
          >
            <Pencil aria-hidden /> Edit
          </Button>
          {!pack.retired && (
            <Button
              variant="danger"
              size="small"
              aria-label={`Retire ${pack.name}`}
              onClick={() => retire(pack)}
            >
              Retire
            </Button>
          )}
        </span>
      ),
    },
  ];
}

function Retire({ pack, onDone }: { pack: Pack; onDone: () => void }) {
  const { run, busy, problem } = useCommand(retirePack);
  const confirm = async () => {
    if (await run({ code: pack.code, currency: pack.price.currency })) onDone();
  };
  return (
    <div className="space-y-4">
      {problem && <ProblemAlert problem={problem} />}
      <Button variant="danger" disabled={busy} onClick={confirm}>
        Retire pack
      </Button>
    </div>
  );
}
