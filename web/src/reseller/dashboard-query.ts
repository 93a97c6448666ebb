import { graphql } from "@/gql";

/** The figures of the signed-in reseller; also the source of its balance elsewhere. */
export const dashboardDocument = graphql(`
  query Dashboard($minPosition: String) {
    dashboard(minPosition: $minPosition) {
      resellerName
      balanceDays
      customersTotal
      customersActive
      customersExpired
      customersPaused
      customersSuspended
      usedThisMonth
      newThisMonth
      periodStart
      periodEnd
      lastTransactions {
        id
        kind
        amount
        balanceAfter
        customerName
        note
        actorName
        at
      }
      recentActivity {
        position
        kind
        text
        actorName
        at
      }
    }
    creditForecast(minPosition: $minPosition) {
      text
    }
  }
`);
