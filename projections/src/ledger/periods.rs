//! Closed periods: what each was closed with, and what the journal says of it now.

use chrono::{DateTime, NaiveDate, Utc};
use domain::books::{BooksEvent, Close};
use domain::ids::ResellerId;
use domain::ledger::{Account, Line, Total, TrialBalance};
use domain::period::Period;
use platform::Scope;
use serde::Serialize;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use store::{Position, Recorded};
use uuid::Uuid;

use crate::page::parsed;
use crate::projection::ProjectionError;

/// A month that nothing can change any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedPeriodRow {
    pub period: Period,
    /// How many entries of the ledger could be in it.
    pub entries: i64,
    /// Accounts, counted per unit, that had moved.
    pub accounts: i64,
    pub totals: Vec<Total>,
    pub digest: String,
    pub position: Position,
    pub actor_id: Option<Uuid>,
    pub closed_at: DateTime<Utc>,
}

/// A closed period whose balances are no longer what it was closed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedPeriod {
    pub period: Period,
    /// Of the close.
    pub position: Position,
    /// The digest in the close.
    pub expected: String,
    /// The digest of the journal.
    pub found: String,
}

/// The closes so far, in their order.
pub(super) async fn closes(connection: &mut PgConnection) -> sqlx::Result<Vec<Close>> {
    let rows = sqlx::query("SELECT c.period, c.entries, c.digest FROM closed_periods c ORDER BY c.period")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Close {
                period: Period::of_day(row.try_get("period")?),
                entries: u64::try_from(row.try_get::<i64, _>("entries")?).unwrap_or_default(),
                digest: row.try_get("digest")?,
            })
        })
        .collect()
}

/// Stores a close and moves what came too late for it to the next month.
pub(super) async fn insert(
    connection: &mut PgConnection,
    recorded: &Recorded,
    event: &BooksEvent,
) -> Result<Close, ProjectionError> {
    let BooksEvent::PeriodClosed {
        period,
        entries,
        accounts,
        totals,
        digest,
    } = event;
    let stored = |count: u64| crate::projection::stored(recorded, count);
    sqlx::query(
        "INSERT INTO closed_periods (period, entries, accounts, totals, digest, log_xid, log_position, actor_id,
                                     closed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(period.first_day())
    .bind(stored(*entries)?)
    .bind(stored(*accounts)?)
    .bind(Json(totals))
    .bind(digest)
    .bind(recorded.position.xid)
    .bind(recorded.position.position)
    .bind(recorded.metadata.actor)
    .bind(recorded.metadata.at)
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE journal SET period = $3, late = true WHERE entry > $1 AND period <= $2")
        .bind(stored(*entries)?)
        .bind(period.first_day())
        .bind(period.next().first_day())
        .execute(connection)
        .await?;
    Ok(Close {
        period: *period,
        entries: *entries,
        digest: digest.clone(),
    })
}

/// The digest of all that the journal has booked up to the period's end, as the close would state it. A sum that
/// cannot be counted gives no digest.
pub(super) async fn digest(connection: &mut PgConnection, close: &Close) -> sqlx::Result<String> {
    let rows = sqlx::query(
        "SELECT j.reseller_id, j.debit, j.credit, j.unit, sum(j.amount)::bigint AS amount FROM journal j
         WHERE j.period <= $1 GROUP BY j.reseller_id, j.debit, j.credit, j.unit",
    )
    .bind(close.period.first_day())
    .fetch_all(connection)
    .await?;
    let mut balance = TrialBalance::default();
    for row in &rows {
        let line = Line {
            debit: parsed::<Account>(row, "debit")?,
            credit: parsed::<Account>(row, "credit")?,
            unit: row.try_get("unit")?,
            amount: row.try_get("amount")?,
        };
        if balance
            .post(ResellerId(row.try_get("reseller_id")?), &line)
            .is_err()
        {
            return Ok(String::new());
        }
    }
    Ok(balance.digest(close.period, close.entries))
}

/// Computes every closed period again and names those that have changed. For the audit; unqualified table names
/// mean what the connection's `search_path` says.
///
/// # Errors
/// The database fails.
pub async fn changed(connection: &mut PgConnection) -> sqlx::Result<Vec<ChangedPeriod>> {
    let rows =
        sqlx::query("SELECT c.period, c.log_xid, c.log_position FROM closed_periods c ORDER BY c.period")
            .fetch_all(&mut *connection)
            .await?;
    let mut changed = Vec::new();
    for (row, close) in rows.iter().zip(closes(connection).await?) {
        let found = digest(connection, &close).await?;
        if found != close.digest {
            changed.push(ChangedPeriod {
                period: close.period,
                position: Position {
                    xid: row.try_get("log_xid")?,
                    position: row.try_get("log_position")?,
                },
                expected: close.digest,
                found,
            });
        }
    }
    Ok(changed)
}

/// The closed periods, the last one first; empty for scopes other than the platform's.
///
/// # Errors
/// The database fails.
pub async fn list(connection: &mut PgConnection, scope: Scope) -> sqlx::Result<Vec<ClosedPeriodRow>> {
    match scope {
        Scope::Reseller(_) | Scope::Tenant { .. } => return Ok(Vec::new()),
        Scope::Platform => {}
    }
    let rows = sqlx::query("SELECT c.* FROM read.closed_periods c ORDER BY c.period DESC")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let Json(totals) = row.try_get("totals")?;
            Ok(ClosedPeriodRow {
                period: Period::of_day(row.try_get("period")?),
                entries: row.try_get("entries")?,
                accounts: row.try_get("accounts")?,
                totals,
                digest: row.try_get("digest")?,
                position: Position {
                    xid: row.try_get("log_xid")?,
                    position: row.try_get("log_position")?,
                },
                actor_id: row.try_get("actor_id")?,
                closed_at: row.try_get("closed_at")?,
            })
        })
        .collect()
}

/// The period that is to be closed next: after the last closed one, else the month in which the first account was
/// opened. `None` for an empty ledger and for scopes other than the platform's.
///
/// # Errors
/// The database fails.
pub async fn next(connection: &mut PgConnection, scope: Scope) -> sqlx::Result<Option<Period>> {
    match scope {
        Scope::Reseller(_) | Scope::Tenant { .. } => return Ok(None),
        Scope::Platform => {}
    }
    let (closed, opened): (Option<NaiveDate>, Option<DateTime<Utc>>) = sqlx::query_as(
        "SELECT (SELECT max(c.period) FROM read.closed_periods c), (SELECT min(l.opened_at) FROM read.ledgers l)",
    )
    .fetch_one(connection)
    .await?;
    let after = closed.map(|last| Period::of_day(last).next());
    Ok(after.or(opened.map(Period::of)))
}
