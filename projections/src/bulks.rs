//! Bulks: what was asked for, how far it is, how it ended. The rows are not from the log: the write side notes there
//! what becomes of each.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::bulk::BulkEvent;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::page::{NewestKey, Page, PageRequest, newest_first, parsed};
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per bulk.
pub struct Bulks;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRow {
    pub bulk_id: Uuid,
    pub reseller_id: Uuid,
    pub kind: String,
    pub mode: String,
    pub state: BulkState,
    pub rows: i32,
    pub done: i32,
    pub failed: i32,
    pub begun_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum BulkState {
    Running,
    /// It was cancelled, and the rows under way are not done yet.
    Cancelling,
    Completed,
    NothingDone,
    Cancelled,
}

impl BulkRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.begun_at,
            id: self.bulk_id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            bulk_id: row.try_get("bulk_id")?,
            reseller_id: row.try_get("reseller_id")?,
            kind: row.try_get("kind")?,
            mode: row.try_get("mode")?,
            state: parsed(row, "state")?,
            rows: row.try_get("rows")?,
            done: row.try_get("done")?,
            failed: row.try_get("failed")?,
            begun_at: row.try_get("begun_at")?,
            ended_at: row.try_get("ended_at")?,
        })
    }
}

/// What became of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkResultRow {
    /// From 1; the header of a file is no row.
    pub number: i32,
    pub state: BulkRowState,
    pub code: Option<String>,
    pub message: Option<String>,
    pub customer_id: Option<Uuid>,
    pub user_id: Option<Uuid>,
    pub debited: Option<i64>,
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum BulkRowState {
    Waiting,
    Done,
    Failed,
    /// It was not begun when the bulk was cancelled.
    Left,
}

impl BulkResultRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            number: row.try_get("row_number")?,
            state: parsed(row, "state")?,
            code: row.try_get("code")?,
            message: row.try_get("message")?,
            customer_id: row.try_get("customer_id")?,
            user_id: row.try_get("user_id")?,
            debited: row.try_get("debited")?,
            expires_at: row.try_get("expires_at")?,
        })
    }
}

impl Projection for Bulks {
    const NAME: &'static str = "bulks";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("bulks", &["bulk_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let AnyEvent::Bulk(event) = &recorded.event else {
            return Ok(());
        };
        let (bulk_id, at) = (stream_id(recorded)?, recorded.metadata.at);
        let query = match event {
            BulkEvent::BulkBegun {
                reseller_id,
                kind,
                mode,
                rows,
                sha256: _,
            } => sqlx::query(
                "INSERT INTO bulks (bulk_id, begun_at, reseller_id, kind, mode, rows, begun_by)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(bulk_id)
            .bind(at)
            .bind(reseller_id.0)
            .bind(kind.as_ref())
            .bind(mode.as_ref())
            .bind(i32::try_from(*rows).unwrap_or(i32::MAX))
            .bind(recorded.metadata.actor),
            BulkEvent::BulkCancelled { .. } => {
                sqlx::query("UPDATE bulks SET cancelled_at = $2 WHERE bulk_id = $1")
                    .bind(bulk_id)
                    .bind(at)
            }
            BulkEvent::BulkEnded {
                outcome,
                done,
                failed,
            } => sqlx::query(
                "UPDATE bulks SET ended_at = $2, outcome = $3, done = $4, failed = $5 WHERE bulk_id = $1",
            )
            .bind(bulk_id)
            .bind(at)
            .bind(outcome.as_ref())
            .bind(i32::try_from(*done).unwrap_or(i32::MAX))
            .bind(i32::try_from(*failed).unwrap_or(i32::MAX)),
        };
        query.execute(connection).await?;
        Ok(())
    }
}

/// While a bulk runs its rows are counted, afterwards the log says how many there were.
const SELECTED: &str = "SELECT b.bulk_id, b.reseller_id, b.kind, b.mode, b.rows, b.begun_at, b.ended_at,
       coalesce(b.outcome, CASE WHEN b.cancelled_at IS NULL THEN 'running' ELSE 'cancelling' END) AS state,
       coalesce(b.done, (SELECT count(*) FROM live.bulk_rows r
                         WHERE r.bulk_id = b.bulk_id AND r.state = 'done'))::int AS done,
       coalesce(b.failed, (SELECT count(*) FROM live.bulk_rows r
                           WHERE r.bulk_id = b.bulk_id AND r.state = 'failed'))::int AS failed
  FROM read.bulks b WHERE true";

/// Bulks of the reader's own customers, the newest first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<BulkRow>> {
    let mut query = QueryBuilder::new(SELECTED);
    within(&mut query, "b", scope);
    newest_first(&mut query, "b.begun_at", "b.bulk_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(BulkRow::read).collect::<Result<_, _>>()?,
    ))
}

/// # Errors
/// The database fails.
pub async fn by_id(
    connection: &mut PgConnection,
    scope: Scope,
    bulk_id: Uuid,
) -> sqlx::Result<Option<BulkRow>> {
    let mut query = QueryBuilder::new(SELECTED);
    within(&mut query, "b", scope);
    query.push(" AND b.bulk_id = ").push_bind(bulk_id);
    let row = query.build().fetch_optional(connection).await?;
    row.as_ref().map(BulkRow::read).transpose()
}

/// What became of a bulk's rows, in their order.
///
/// # Errors
/// The database fails.
pub async fn results(
    connection: &mut PgConnection,
    scope: Scope,
    bulk_id: Uuid,
    state: Option<BulkRowState>,
    request: PageRequest<i32>,
) -> sqlx::Result<Page<BulkResultRow>> {
    let mut query = QueryBuilder::new(
        "SELECT r.row_number, r.state, r.code, r.message, r.customer_id, r.user_id, r.debited, r.expires_at
         FROM live.bulk_rows r WHERE r.bulk_id = ",
    );
    query.push_bind(bulk_id);
    within(&mut query, "r", scope);
    if let Some(state) = state {
        query.push(" AND r.state = ").push_bind(state.as_ref().to_owned());
    }
    if let Some(after) = request.after {
        query.push(" AND r.row_number > ").push_bind(after);
    }
    query.push(" ORDER BY r.row_number LIMIT ").push(request.fetch());
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(BulkResultRow::read).collect::<Result<_, _>>()?,
    ))
}
