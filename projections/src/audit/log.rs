//! Checks on the log itself: streams without holes, and credits that add up.

use std::collections::HashMap;

use domain::AnyEvent;
use domain::credit_account::CreditAccountEvent;
use sqlx::{PgConnection, Row};
use store::Recorded;

use super::DIFFERENCES_NAMED_MAX;

/// Names the streams whose sequence does not count from 1 without holes.
///
/// Of the whole log, committed but not yet readable events included: a stream has no holes at any time, and its key
/// alone is read.
pub(super) async fn contiguity(snapshot: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT e.aggregate_type, e.aggregate_id, count(*) AS events, min(e.sequence) AS first, max(e.sequence) AS last
         FROM es.events e
         GROUP BY e.aggregate_type, e.aggregate_id
         HAVING min(e.sequence) <> 1 OR max(e.sequence) <> count(*)
         ORDER BY 1, 2 LIMIT $1",
    )
    .bind(i64::try_from(DIFFERENCES_NAMED_MAX).unwrap_or(i64::MAX))
    .fetch_all(snapshot)
    .await?;
    rows.iter()
        .map(|row| {
            let (kind, id): (String, String) = (row.try_get("aggregate_type")?, row.try_get("aggregate_id")?);
            let (events, first, last): (i64, i64, i64) = (
                row.try_get("events")?,
                row.try_get("first")?,
                row.try_get("last")?,
            );
            Ok(format!(
                "the stream {kind}/{id} has {events} events, numbered {first} to {last}: some are missing"
            ))
        })
        .collect()
}

/// Follows every account's balance through its movements.
#[derive(Default)]
pub(super) struct CreditSums {
    balances: HashMap<String, i64>,
    faults: Vec<String>,
}

impl CreditSums {
    pub(super) fn add(&mut self, recorded: &Recorded) {
        let (movement, stated) = match &recorded.event {
            AnyEvent::CreditAccount(event) => match event {
                CreditAccountEvent::CreditAccountOpened => (0, 0),
                CreditAccountEvent::CreditsPurchased {
                    credits,
                    balance_after,
                    ..
                }
                | CreditAccountEvent::CreditsAdjusted {
                    credits,
                    balance_after,
                    ..
                } => (credits.0, balance_after.0),
                CreditAccountEvent::CreditsDebited {
                    credits,
                    balance_after,
                    ..
                } => (-credits.0, balance_after.0),
            },
            AnyEvent::Reseller(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Tenant(_)
            | AnyEvent::User(_)
            | AnyEvent::Subscription(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_) => return,
        };
        let before = self
            .balances
            .get(&recorded.aggregate_id)
            .copied()
            .unwrap_or_default();
        let sum = before.saturating_add(movement);
        if (sum != stated || stated < 0) && self.faults.len() < DIFFERENCES_NAMED_MAX {
            self.faults.push(format!(
                "credit account {}: the event at {} states a balance of {stated}, its movements add up to {sum}",
                recorded.aggregate_id, recorded.position,
            ));
        }
        self.balances.insert(recorded.aggregate_id.clone(), stated);
    }

    pub(super) fn into_faults(self) -> Vec<String> {
        self.faults
    }
}
