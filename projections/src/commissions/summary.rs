//! Sales and commissions by month, in each reseller's own time zone, and by currency: what came in, what the store
//! kept, and what resellers earned.

use chrono::{DateTime, NaiveDate, Utc};
use platform::Scope;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::scope::within;

/// Most rows that a summary has: ten years of ten currencies.
const ROWS_MAX: i64 = 1_200;

/// A month of one currency. Amounts are minor units, less what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// Its first day.
    pub month: NaiveDate,
    pub currency: String,
    /// Sales, without what came back.
    pub sales: i64,
    pub gross_minor: i64,
    pub tax_minor: i64,
    /// What stores kept: their commission.
    pub store_cut_minor: i64,
    /// What was earned, before claw-backs.
    pub earned_minor: i64,
    /// What refunds and chargebacks took back, less what their reversals gave again; not positive.
    pub clawed_back_minor: i64,
    /// What resellers keep of it: their commission.
    pub commission_minor: i64,
}

/// What is summed; what is left out does not limit.
#[derive(Clone, Debug, Default)]
pub struct SummaryFilter {
    pub reseller_id: Option<Uuid>,
    pub currency: Option<String>,
    /// Sold by then.
    pub as_of: Option<DateTime<Utc>>,
    /// Recorded by then.
    pub known_at: Option<DateTime<Utc>>,
}

impl SummaryFilter {
    fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>, table: &str, scope: Scope) {
        within(query, table, scope);
        if let Some(reseller_id) = self.reseller_id {
            query
                .push(format!(" AND {table}.reseller_id = "))
                .push_bind(reseller_id);
        }
        if let Some(currency) = &self.currency {
            query
                .push(format!(" AND {table}.currency = "))
                .push_bind(currency.clone());
        }
        if let Some(as_of) = self.as_of {
            query.push(format!(" AND {table}.sold_at <= ")).push_bind(as_of);
        }
        if let Some(known_at) = self.known_at {
            query
                .push(format!(" AND {table}.known_at <= "))
                .push_bind(known_at);
        }
    }
}

/// The newest month first.
///
/// # Errors
/// The database fails.
pub async fn by_month(
    connection: &mut PgConnection,
    scope: Scope,
    filter: &SummaryFilter,
) -> sqlx::Result<Vec<SummaryRow>> {
    let mut query = QueryBuilder::new(
        "WITH moved AS (
             SELECT date_trunc('month', s.sold_at AT TIME ZONE coalesce(r.time_zone, 'UTC'))::date AS month, s.currency,
                    (s.kind = 'sale')::int AS sales, s.gross_minor, s.tax_minor, s.store_cut_minor,
                    0::bigint AS earned, 0::bigint AS amount
             FROM read.sales s LEFT JOIN read.resellers r ON r.reseller_id = s.reseller_id WHERE true",
    );
    filter.narrow(&mut query, "s", scope);
    query.push(
        " UNION ALL
             SELECT date_trunc('month', l.sold_at AT TIME ZONE coalesce(r.time_zone, 'UTC'))::date, l.currency,
                    0, 0, 0, 0, CASE WHEN l.kind = 'sale' THEN l.amount_minor ELSE 0 END, l.amount_minor
             FROM read.commission_lines l LEFT JOIN read.resellers r ON r.reseller_id = l.reseller_id WHERE true",
    );
    filter.narrow(&mut query, "l", scope);
    query.push(
        ") SELECT m.month, m.currency, sum(m.sales)::bigint AS sales, sum(m.gross_minor)::bigint AS gross,
                  sum(m.tax_minor)::bigint AS tax, sum(m.store_cut_minor)::bigint AS store_cut,
                  sum(m.earned)::bigint AS earned, sum(m.amount)::bigint AS commission
           FROM moved m GROUP BY m.month, m.currency ORDER BY m.month DESC, m.currency LIMIT ",
    );
    query.push_bind(ROWS_MAX);
    query
        .build()
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| {
            let (earned, commission): (i64, i64) = (row.try_get("earned")?, row.try_get("commission")?);
            Ok(SummaryRow {
                month: row.try_get("month")?,
                currency: row.try_get("currency")?,
                sales: row.try_get("sales")?,
                gross_minor: row.try_get("gross")?,
                tax_minor: row.try_get("tax")?,
                store_cut_minor: row.try_get("store_cut")?,
                earned_minor: earned,
                clawed_back_minor: commission - earned,
                commission_minor: commission,
            })
        })
        .collect()
}
