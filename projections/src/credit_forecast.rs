//! How long credits last: the rate at which they are spent, and the renewals that fall due.

use chrono::{DateTime, TimeDelta, Utc};
use platform::Scope;
use sqlx::{PgConnection, QueryBuilder};
use uuid::Uuid;

use crate::projection::Projection;
use crate::scope::reaching;
use crate::{credit_lots, credit_transactions, customers};

/// The projections that a forecast comes from.
pub const SOURCES: &[&str] = &[
    credit_lots::CreditLots::NAME,
    credit_transactions::CreditTransactions::NAME,
    customers::Customers::NAME,
];
/// The rate is that of so many days.
pub const RATE_DAYS: i64 = 30;
/// Most renewals that are looked at, the first that fall due.
const RENEWALS_MAX: i64 = 10_000;

/// A customer whose access ends soon, and what was paid for it last.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Renewal {
    pub tenant_id: Uuid,
    pub name: Option<String>,
    pub expires_at: DateTime<Utc>,
    /// Credits.
    pub cost: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// What can be spent, with the credit line.
    pub available: i64,
    /// Credits spent in the last [`RATE_DAYS`] days.
    pub spent: i64,
    pub renewals: usize,
    /// Credits that they cost together.
    pub renewals_cost: i64,
    /// The renewals that the credits do not cover when they fall due one after the other.
    pub failing: Vec<Renewal>,
}

impl Forecast {
    /// Whole days that the credits last at the rate; `None` where nothing is spent.
    pub fn lasts_days(&self) -> Option<i64> {
        let days = i128::from(self.available.max(0)) * i128::from(RATE_DAYS);
        let days = days.checked_div(i128::from(self.spent))?;
        Some(i64::try_from(days).unwrap_or(i64::MAX))
    }

    fn of(available: i64, spent: i64, renewals: Vec<Renewal>) -> Self {
        let mut forecast = Self {
            available,
            spent,
            renewals: renewals.len(),
            ..Self::default()
        };
        let mut left = available;
        for renewal in renewals {
            forecast.renewals_cost = forecast.renewals_cost.saturating_add(renewal.cost);
            if renewal.cost <= left {
                left -= renewal.cost;
            } else {
                forecast.failing.push(renewal);
            }
        }
        forecast
    }
}

/// The forecast for a reseller within the scope, with the renewals until `until`; `None` where it has no account.
///
/// # Errors
/// The database fails.
pub async fn forecast(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Uuid,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<Option<Forecast>> {
    let Some(account) = credit_lots::account(connection, scope, reseller_id).await? else {
        return Ok(None);
    };
    let mut query = QueryBuilder::new(
        "SELECT coalesce(sum(t.credits), 0)::bigint FROM read.credit_transactions t
         WHERE t.kind IN ('debit', 'capture') AND t.reseller_id = ",
    );
    query.push_bind(reseller_id);
    query
        .push(" AND t.at > ")
        .push_bind(now - TimeDelta::days(RATE_DAYS));
    query.push(" AND t.at <= ").push_bind(now);
    reaching(&mut query, "t", scope);
    let spent: i64 = query.build_query_scalar().fetch_one(&mut *connection).await?;
    let mut query = QueryBuilder::new(
        "SELECT c.tenant_id, c.name, c.expires_at, last.credits AS cost
         FROM read.customers c
         JOIN LATERAL (SELECT t.credits FROM read.credit_transactions t
                       WHERE t.customer_id = c.tenant_id AND t.reseller_id = c.reseller_id
                         AND t.kind IN ('debit', 'capture')
                       ORDER BY t.log_xid DESC, t.log_position DESC LIMIT 1) AS last ON true
         WHERE NOT c.suspended AND c.created_at IS NOT NULL AND c.reseller_id = ",
    );
    query.push_bind(reseller_id);
    query.push(" AND c.expires_at > ").push_bind(now);
    query.push(" AND c.expires_at <= ").push_bind(until);
    reaching(&mut query, "c", scope);
    query
        .push(" ORDER BY c.expires_at, c.tenant_id LIMIT ")
        .push(RENEWALS_MAX);
    let renewals = query.build_query_as().fetch_all(connection).await?;
    let available = account.balance.saturating_add(account.credit_line);
    Ok(Some(Forecast::of(available, spent, renewals)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renewal(cost: i64) -> Renewal {
        Renewal {
            tenant_id: Uuid::nil(),
            name: None,
            expires_at: DateTime::UNIX_EPOCH,
            cost,
        }
    }

    #[test]
    fn renewals_fail_one_after_the_other_and_a_cheaper_one_may_still_do() {
        let costs = [30, 90, 30, 365];
        let forecast = Forecast::of(110, 300, costs.map(renewal).to_vec());
        let failing: Vec<i64> = forecast.failing.iter().map(|renewal| renewal.cost).collect();
        assert_eq!((failing, forecast.renewals_cost), (vec![90, 365], 515));
        assert_eq!(forecast.lasts_days(), Some(11));
        assert_eq!(Forecast::of(110, 0, vec![]).lasts_days(), None);
        assert_eq!(Forecast::of(-5, 30, vec![]).lasts_days(), Some(0));
    }
}
