import type { PacksQuery } from "@/gql/graphql";
import { formatDate, formatMoney, formatNumber, formatUnitPrice } from "@/lib/format";

export type Pack = PacksQuery["packs"][number];

/** "900 days · $50.00 · 0.0556 USD per day". */
export function PackPrice({ pack }: { pack: Pack }) {
  return (
    <span className="block text-muted">
      {formatNumber(pack.credits)} days · {formatMoney(pack.price)} ·{" "}
      {formatUnitPrice(pack.pricePerCredit, pack.price.currency)} per day
      {pack.own && " · own price"}
      {pack.validUntil && ` · until ${formatDate(pack.validUntil)}`}
    </span>
  );
}
