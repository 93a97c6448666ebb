import { graphql } from "@/gql";

/** Every pack of the price list, retired ones included. */
export const packsDocument = graphql(`
  query Packs($minPosition: String) {
    packs(minPosition: $minPosition) {
      code
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
