import { graphql } from "@/gql";

/** Every pack of a reseller's price list, else of everybody's, retired ones included. */
export const packsDocument = graphql(`
  query Packs($resellerId: ID, $minPosition: String) {
    packs(resellerId: $resellerId, minPosition: $minPosition) {
      code
      own
      validUntil
      name
      credits
      price {
        amountMinor
        currency
      }
      pricePerCredit
      retired
    }
  }
`);

/** A pack has a price in each of its currencies. */
export function packKey(pack: { code: string; price: { currency: string } }): string {
  return `${pack.code} ${pack.price.currency}`;
}
