import { useRead } from "@/api/client";
import { PackPrice } from "@/components/pack-price";
import { Loaded } from "@/components/states";
import { Dialog } from "@/components/ui/dialog";
import { packKey, packsDocument } from "@/lib/packs";

interface BuyCreditsProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function BuyCredits({ open, onOpenChange }: BuyCreditsProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Buy credits"
      description="The platform sells credits in packs. Tell your contact there which one you want; the credits arrive as soon as the sale is entered."
    >
      <PackList />
    </Dialog>
  );
}

function PackList() {
  const reading = useRead(packsDocument, {});
  return (
    <Loaded reading={reading} label="Loading packs">
      {({ packs }) => (
        <ul className="space-y-2">
          {packs
            .filter((pack) => !pack.retired)
            .map((pack) => (
              <li key={packKey(pack)} className="rounded-lg border border-line p-3">
                <p className="font-medium">{pack.name}</p>
                <PackPrice pack={pack} />
              </li>
            ))}
        </ul>
      )}
    </Loaded>
  );
}
