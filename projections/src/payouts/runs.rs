//! Payout runs, as rows and queries.

use chrono::{DateTime, Utc};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use uuid::Uuid;

use crate::page::{NewestKey, Page, PageRequest, newest_first, parsed};

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum RunStatus {
    Draft,
    Approved,
    Paid,
    Cancelled,
}

/// A payout run of one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    pub run_id: Uuid,
    pub currency: String,
    pub number: i64,
    pub status: RunStatus,
    pub cutoff: DateTime<Utc>,
    pub holding_days: i64,
    pub minimum_minor: i64,
    pub statements: i64,
    pub payout_minor: i64,
    pub drafted_by: Option<Uuid>,
    pub drafted_at: DateTime<Utc>,
    pub approved_by: Option<Uuid>,
    pub approved_at: Option<DateTime<Utc>>,
    pub reference: Option<String>,
    pub paid_at: Option<DateTime<Utc>>,
    pub cancelled_reason: Option<String>,
}

impl RunRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.drafted_at,
            id: self.run_id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            run_id: row.try_get("run_id")?,
            currency: row.try_get("currency")?,
            number: row.try_get("number")?,
            status: parsed(row, "status")?,
            cutoff: row.try_get("cutoff")?,
            holding_days: row.try_get("holding_days")?,
            minimum_minor: row.try_get("minimum_minor")?,
            statements: row.try_get("statements")?,
            payout_minor: row.try_get("payout_minor")?,
            drafted_by: row.try_get("drafted_by")?,
            drafted_at: row.try_get("drafted_at")?,
            approved_by: row.try_get("approved_by")?,
            approved_at: row.try_get("approved_at")?,
            reference: row.try_get("reference")?,
            paid_at: row.try_get("paid_at")?,
            cancelled_reason: row.try_get("cancelled_reason")?,
        })
    }
}

/// The runs of one currency or of all, the newest first; none for scopes other than the platform's.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    currency: Option<&str>,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<RunRow>> {
    match scope {
        Scope::Reseller(_) | Scope::Tenant { .. } => {
            return Ok(Page {
                rows: Vec::new(),
                has_next: false,
            });
        }
        Scope::Platform => {}
    }
    let mut query = QueryBuilder::new("SELECT p.* FROM read.payout_runs p WHERE true");
    if let Some(currency) = currency {
        query.push(" AND p.currency = ").push_bind(currency.to_owned());
    }
    newest_first(&mut query, "p.drafted_at", "p.run_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(RunRow::read).collect::<Result<_, _>>()?,
    ))
}
