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
    credit_lines: HashMap<String, i64>,
    faults: Vec<String>,
}

impl CreditSums {
    pub(super) fn add(&mut self, recorded: &Recorded) {
        let moved = match &recorded.event {
            AnyEvent::CreditAccount(event) => {
                if let CreditAccountEvent::CreditLineSet { limit, .. } = event {
                    self.credit_lines.insert(recorded.aggregate_id.clone(), limit.0);
                }
                event.movement()
            }
            AnyEvent::Reseller(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Tenant(_)
            | AnyEvent::User(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_)
            | AnyEvent::Subscription(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Usage(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_)
            | AnyEvent::RecordedSale(_)
            | AnyEvent::TierList(_)
            | AnyEvent::StoreAccount(_)
            | AnyEvent::StoreCatalogue(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::Contracts(_)
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_) => return,
        };
        let Some(movement) = moved else {
            return;
        };
        let stated = movement.balance_after.0;
        let credit_line = self.credit_lines.get(&recorded.aggregate_id).copied();
        let floor = credit_line.unwrap_or_default().saturating_neg();
        let before = self
            .balances
            .get(&recorded.aggregate_id)
            .copied()
            .unwrap_or_default();
        let sum = before.saturating_add(movement.amount.0);
        if (sum != stated || stated < floor) && self.faults.len() < DIFFERENCES_NAMED_MAX {
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
