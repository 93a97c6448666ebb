//! Postings: both sides of every line, the newest entry first.

use chrono::{DateTime, Utc};
use domain::ledger::Account;
use domain::period::Period;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Position;
use uuid::Uuid;

use super::trial_balance::Cutoff;
use crate::page::{Page, PageRequest, parsed};
use crate::scope::among;

/// Place of a posting in the ledger: the same in every copy of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostingKey {
    pub entry: i64,
    pub line: i32,
    /// 1 for the debit, 2 for the credit.
    pub side: i32,
}

/// One side of a line, with the event and the command that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostingRow {
    pub key: PostingKey,
    pub reseller_id: Uuid,
    pub account: Account,
    pub unit: String,
    /// Debits are positive, credits negative.
    pub amount: i64,
    pub happened_at: DateTime<Utc>,
    pub known_at: DateTime<Utc>,
    /// The month it is booked in.
    pub period: Period,
    pub late: bool,
    pub event_type: String,
    pub command_id: Uuid,
    pub position: Position,
}

impl PostingRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            key: PostingKey {
                entry: row.try_get("entry")?,
                line: row.try_get("line")?,
                side: row.try_get("side")?,
            },
            reseller_id: row.try_get("reseller_id")?,
            account: parsed(row, "account")?,
            unit: row.try_get("unit")?,
            amount: row.try_get("amount")?,
            happened_at: row.try_get("happened_at")?,
            known_at: row.try_get("known_at")?,
            period: Period::of_day(row.try_get("period")?),
            late: row.try_get("late")?,
            event_type: row.try_get("event_type")?,
            command_id: row.try_get("command_id")?,
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
        })
    }
}

/// Which postings are wanted; what is left out does not limit.
#[derive(Clone, Debug, Default)]
pub struct PostingFilter {
    pub reseller_id: Option<Uuid>,
    pub account: Option<Account>,
    pub unit: Option<String>,
    /// Booked in exactly this month.
    pub period: Option<Period>,
    pub late: Option<bool>,
    pub command_id: Option<Uuid>,
    pub cutoff: Cutoff,
}

/// Postings, the newest first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    filter: &PostingFilter,
    request: PageRequest<PostingKey>,
) -> sqlx::Result<Page<PostingRow>> {
    let mut query = QueryBuilder::new(
        "SELECT j.*, s.side, s.account, s.amount AS amount
         FROM (SELECT entry, line, log_xid, log_position, reseller_id, tenant_id, debit, credit, unit, amount AS moved,
                      happened_at, known_at, period, late, event_type, command_id
               FROM read.journal) j
         CROSS JOIN LATERAL (VALUES (1, j.debit, j.moved), (2, j.credit, -j.moved)) AS s (side, account, amount)
         WHERE true",
    );
    among(&mut query, "j", scope, filter.reseller_id.into());
    if let Some(account) = filter.account {
        query
            .push(" AND s.account = ")
            .push_bind(<&'static str>::from(account));
    }
    if let Some(unit) = &filter.unit {
        query.push(" AND j.unit = ").push_bind(unit);
    }
    if let Some(period) = filter.period {
        query.push(" AND j.period = ").push_bind(period.first_day());
    }
    if let Some(late) = filter.late {
        query.push(" AND j.late = ").push_bind(late);
    }
    if let Some(command_id) = filter.command_id {
        query.push(" AND j.command_id = ").push_bind(command_id);
    }
    filter.cutoff.narrow(&mut query);
    if let Some(after) = request.after {
        // The first bound is one that the index knows.
        query.push(" AND (j.entry, j.line) <= (").push_bind(after.entry);
        query.push(", ").push_bind(after.line);
        query
            .push(") AND (j.entry, j.line, s.side) < (")
            .push_bind(after.entry);
        query.push(", ").push_bind(after.line);
        query.push(", ").push_bind(after.side).push(")");
    }
    query
        .push(" ORDER BY j.entry DESC, j.line DESC, s.side DESC LIMIT ")
        .push(request.fetch());
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(PostingRow::read).collect::<Result<_, _>>()?,
    ))
}
