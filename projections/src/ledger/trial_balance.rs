//! Trial balances and balances: at any place in the log, and on both axes of time.

use chrono::{DateTime, Utc};
use domain::ids::{PLATFORM, ResellerId};
use domain::ledger::{Account, CreditIdentity, Line, Overflow, Total, TrialBalance};
use domain::period::Period;
use platform::Scope;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use store::Position;
use uuid::Uuid;

use crate::page::parsed;
use crate::scope::among;

/// Up to where the ledger is looked at. What is left out does not limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cutoff {
    /// What had happened by then.
    pub as_of: Option<DateTime<Utc>>,
    /// What was known by then.
    pub known_at: Option<DateTime<Utc>>,
    /// What the log held there.
    pub position: Option<Position>,
    /// What is booked up to the end of this month.
    pub period: Option<Period>,
}

impl Cutoff {
    /// Narrows a query over `read.journal j`.
    pub(super) fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>) {
        if let Some(as_of) = self.as_of {
            query.push(" AND j.happened_at <= ").push_bind(as_of);
        }
        if let Some(known_at) = self.known_at {
            query.push(" AND j.known_at <= ").push_bind(known_at);
        }
        if let Some(position) = self.position {
            query
                .push(" AND (j.log_xid, j.log_position) <= (")
                .push_bind(position.xid);
            query.push(", ").push_bind(position.position).push(")");
        }
        if let Some(period) = self.period {
            query.push(" AND j.period <= ").push_bind(period.first_day());
        }
    }
}

/// The turnover of each account and unit, over all resellers of the scope or over one of them.
///
/// # Errors
/// The database fails.
pub async fn totals(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Option<Uuid>,
    cutoff: Cutoff,
) -> sqlx::Result<Vec<Total>> {
    let mut query = QueryBuilder::new(
        "SELECT j.debit, j.credit, j.unit, sum(j.amount)::bigint AS amount FROM read.journal j WHERE true",
    );
    among(&mut query, "j", scope, reseller_id.into());
    cutoff.narrow(&mut query);
    query.push(" GROUP BY j.debit, j.credit, j.unit");
    let mut balance = TrialBalance::default();
    for row in &query.build().fetch_all(connection).await? {
        let line = Line {
            debit: parsed::<Account>(row, "debit")?,
            credit: parsed::<Account>(row, "credit")?,
            unit: row.try_get("unit")?,
            amount: row.try_get("amount")?,
        };
        balance.post(ResellerId(PLATFORM), &line).map_err(uncountable)?;
    }
    balance.totals().map_err(uncountable)
}

fn uncountable(overflow: Overflow) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(overflow))
}

/// The credits that are available to a reseller, on both axes of time.
///
/// # Errors
/// The database fails.
pub async fn available(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Uuid,
    cutoff: Cutoff,
) -> sqlx::Result<i64> {
    let totals = totals(connection, scope, Some(reseller_id), cutoff).await?;
    Ok(CreditIdentity::of(&totals).available)
}
