import { useState } from "react";
import { useRead } from "@/api/client";
import { sellPack } from "@/api/commands/credits";
import { type Pack, PackPrice } from "@/components/pack-price";
import { ProblemAlert } from "@/components/problem-alert";
import { Loaded } from "@/components/states";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { formatCredits, formatDays, formatMoney } from "@/lib/format";
import { packKey, packsDocument } from "@/lib/packs";
import { useCommand } from "@/lib/use-command";

interface SellPackProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  resellerId: string;
  resellerName: string;
}

export function SellPack({ open, onOpenChange, resellerId, resellerName }: SellPackProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Sell credit pack"
      description={`${resellerName} gets the credits at once.`}
    >
      <PackChoice resellerId={resellerId} onClose={() => onOpenChange(false)} />
    </Dialog>
  );
}

function PackChoice({ resellerId, onClose }: { resellerId: string; onClose: () => void }) {
  const reading = useRead(packsDocument, { resellerId });
  return (
    <Loaded reading={reading} label="Loading packs">
      {({ packs }) => (
        <SellForm
          resellerId={resellerId}
          packs={packs.filter((pack) => !pack.retired)}
          onClose={onClose}
        />
      )}
    </Loaded>
  );
}

interface SellFormProps {
  resellerId: string;
  packs: Pack[];
  onClose: () => void;
}

function SellForm({ resellerId, packs, onClose }: SellFormProps) {
  const [chosen, setChosen] = useState(packs[0]);
  const [note, setNote] = useState("");
  const [sold, setSold] = useState<{ text: string }>();
  const { run, busy, problem } = useCommand(sellPack);

  if (packs.length === 0) {
    return <Alert>There is no pack on sale. Add one under “Credit packs” first.</Alert>;
  }
  if (sold) {
    return (
      <div className="space-y-4">
        <Alert tone="good">{sold.text}</Alert>
        <Button onClick={onClose}>Close</Button>
      </div>
    );
  }
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    if (chosen === undefined) return;
    const text = note.trim();
    const answer = await run({
      resellerId,
      packCode: chosen.code,
      currency: chosen.price.currency,
      ...(text ? { note: text } : {}),
    });
    if (!answer) return;
    setSold({
      text: `Sold ${formatCredits(answer.credits)} for ${formatMoney(answer.price)}. The balance is now ${formatDays(answer.balance)}.`,
    });
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      {problem && <ProblemAlert problem={problem} />}
      <fieldset className="space-y-2">
        <legend className="mb-1.5 font-medium">Pack</legend>
        {packs.map((pack) => (
          <label
            key={packKey(pack)}
            className="flex cursor-pointer items-start gap-3 rounded-lg border border-line p-3 hover:bg-raised has-checked:border-accent has-checked:bg-accent-soft"
          >
            <input
              type="radio"
              name="pack"
              className="mt-1 accent-accent"
              checked={chosen !== undefined && packKey(pack) === packKey(chosen)}
              onChange={() => setChosen(pack)}
            />
            <span>
              <span className="block font-medium">{pack.name}</span>
              <PackPrice pack={pack} />
            </span>
          </label>
        ))}
      </fieldset>
      <TextField
        label="Note (optional)"
        hint="For example the number of the invoice."
        error={undefined}
        maxLength={500}
        value={note}
        onChange={(event) => setNote(event.target.value)}
      />
      <Submit busy={busy}>Sell pack</Submit>
    </form>
  );
}
