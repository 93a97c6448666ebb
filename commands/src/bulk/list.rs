//! The work list: bulks that are under way, their rows, and what became of each.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use domain::bulk::{BulkKind, BulkMode};
use domain::ids::ResellerId;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row as _};
use store::unit_of_work::Who;
use uuid::Uuid;

use super::row::Refused;

/// How long rows are kept after their bulk has ended.
const KEPT: TimeDelta = TimeDelta::days(90);
/// How long rows are kept whose bulk has never begun, because its request broke off.
const STALE: TimeDelta = TimeDelta::days(1);

/// A bulk that is under way.
#[derive(Clone, Debug)]
pub struct Listed {
    pub bulk_id: Uuid,
    pub reseller_id: ResellerId,
    pub kind: BulkKind,
    pub mode: BulkMode,
    pub by_platform: bool,
    pub actor: Option<Who>,
    pub comment: Option<String>,
    pub cancelled: bool,
}

/// What a row has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowDone {
    pub customer_id: Uuid,
    pub user_id: Option<Uuid>,
    pub debited: Option<i64>,
    pub expires_at: Option<DateTime<Utc>>,
}

pub type Ended = Result<RowDone, Refused>;

/// A row that waits, sealed; or one that was refused as it was read.
pub struct NewRow {
    pub number: i32,
    pub input: Result<String, Refused>,
}

fn column<'a, T, U>(rows: &'a [T], get: impl Fn(&'a T) -> U) -> Vec<U> {
    rows.iter().map(get).collect()
}

/// Makes room for a bulk that is about to begin, in place of what an earlier attempt of the same request left.
///
/// # Errors
/// The database fails.
pub async fn open(connection: &mut PgConnection, bulk: &Listed, now: DateTime<Utc>) -> sqlx::Result<()> {
    clear(connection, bulk.bulk_id).await?;
    sqlx::query(
        "INSERT INTO work.bulks (bulk_id, reseller_id, kind, mode, by_platform, actor, comment, begun_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(bulk.bulk_id)
    .bind(bulk.reseller_id.0)
    .bind(bulk.kind.as_ref())
    .bind(bulk.mode.as_ref())
    .bind(bulk.by_platform)
    .bind(Json(bulk.actor))
    .bind(&bulk.comment)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes back what [`open`] and [`insert`] have stored of a bulk that has not begun.
///
/// # Errors
/// The database fails.
pub async fn clear(connection: &mut PgConnection, bulk_id: Uuid) -> sqlx::Result<()> {
    let gone = sqlx::query("DELETE FROM work.bulks WHERE bulk_id = $1 AND NOT ready")
        .bind(bulk_id)
        .execute(&mut *connection)
        .await?;
    if gone.rows_affected() == 1 {
        sqlx::query("DELETE FROM live.bulk_rows WHERE bulk_id = $1")
            .bind(bulk_id)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// # Errors
/// The database fails.
pub async fn insert(
    connection: &mut PgConnection,
    (bulk_id, reseller_id): (Uuid, ResellerId),
    rows: &[NewRow],
) -> sqlx::Result<()> {
    let refused = |row: &NewRow| row.input.as_ref().err().cloned();
    sqlx::query(
        "INSERT INTO live.bulk_rows (bulk_id, reseller_id, row_number, state, input, code, message)
         SELECT $1, $2, n.number, CASE WHEN n.input IS NULL THEN 'failed' ELSE 'waiting' END, n.input, n.code, n.message
         FROM unnest($3::int[], $4::text[], $5::text[], $6::text[]) AS n (number, input, code, message)",
    )
    .bind(bulk_id)
    .bind(reseller_id.0)
    .bind(column(rows, |row| row.number))
    .bind(column(rows, |row| row.input.as_deref().ok()))
    .bind(column(rows, |row| refused(row).map(|refused| refused.code)))
    .bind(column(rows, |row| refused(row).map(|refused| refused.message)))
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets the rows be worked on, in the transaction that begins the bulk. The key opens them.
///
/// # Errors
/// The database fails.
pub async fn release(connection: &mut PgConnection, bulk_id: Uuid, wrapped_key: &[u8]) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO es.subject_keys (subject_id, wrapped_key) VALUES ($1, $2)")
        .bind(bulk_id)
        .bind(wrapped_key)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE work.bulks SET ready = true WHERE bulk_id = $1")
        .bind(bulk_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Says that what waits is to be left, in the transaction that cancels the bulk.
///
/// # Errors
/// The database fails.
pub async fn cancel(connection: &mut PgConnection, bulk_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("UPDATE work.bulks SET cancelled = true WHERE bulk_id = $1")
        .bind(bulk_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Bulks under way, the oldest of each reseller: one reseller's second bulk waits for its first.
///
/// # Errors
/// The database fails.
pub async fn under_way(connection: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Listed>> {
    let rows = sqlx::query(
        "SELECT * FROM (SELECT DISTINCT ON (b.reseller_id) b.* FROM work.bulks b WHERE b.ready AND b.ended_at IS NULL
                        ORDER BY b.reseller_id, b.begun_at, b.bulk_id) AS first
         ORDER BY first.begun_at, first.bulk_id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(listed).collect()
}

fn listed(row: &PgRow) -> sqlx::Result<Listed> {
    let Json(actor) = row.try_get("actor")?;
    Ok(Listed {
        bulk_id: row.try_get("bulk_id")?,
        reseller_id: ResellerId(row.try_get("reseller_id")?),
        kind: parsed(row, "kind")?,
        mode: parsed(row, "mode")?,
        by_platform: row.try_get("by_platform")?,
        actor,
        comment: row.try_get("comment")?,
        cancelled: row.try_get("cancelled")?,
    })
}

/// A column that holds the text of an enum.
fn parsed<T>(row: &PgRow, column: &str) -> sqlx::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(error),
    })
}

/// Whether the bulk's rows are to be left by now.
///
/// # Errors
/// The database fails.
pub async fn is_cancelled(connection: &mut PgConnection, bulk_id: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT cancelled FROM work.bulks WHERE bulk_id = $1")
        .bind(bulk_id)
        .fetch_one(connection)
        .await
}

/// The next rows that wait: number and sealed input.
///
/// # Errors
/// The database fails.
pub async fn waiting(
    connection: &mut PgConnection,
    bulk_id: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<(i32, String)>> {
    sqlx::query_as(
        "SELECT row_number, input FROM live.bulk_rows WHERE bulk_id = $1 AND state = 'waiting'
         ORDER BY row_number LIMIT $2",
    )
    .bind(bulk_id)
    .bind(limit)
    .fetch_all(connection)
    .await
}

/// Notes what became of rows. What was asked for is forgotten.
///
/// # Errors
/// The database fails.
pub async fn end_rows(
    connection: &mut PgConnection,
    bulk_id: Uuid,
    rows: &[(i32, Ended)],
) -> sqlx::Result<()> {
    let done = |row: &(i32, Ended)| row.1.as_ref().ok().cloned();
    let refused = |row: &(i32, Ended)| row.1.as_ref().err().cloned();
    sqlx::query(
        "UPDATE live.bulk_rows AS r
         SET state = CASE WHEN n.code IS NULL THEN 'done' ELSE 'failed' END, input = NULL, code = n.code,
             message = n.message, customer_id = n.customer_id, user_id = n.user_id, debited = n.debited,
             expires_at = n.expires_at
         FROM unnest($2::int[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::bigint[], $8::timestamptz[])
              AS n (number, code, message, customer_id, user_id, debited, expires_at)
         WHERE r.bulk_id = $1 AND r.row_number = n.number",
    )
    .bind(bulk_id)
    .bind(column(rows, |row| row.0))
    .bind(column(rows, |row| refused(row).map(|refused| refused.code)))
    .bind(column(rows, |row| refused(row).map(|refused| refused.message)))
    .bind(column(rows, |row| done(row).map(|done| done.customer_id)))
    .bind(column(rows, |row| done(row).and_then(|done| done.user_id)))
    .bind(column(rows, |row| done(row).and_then(|done| done.debited)))
    .bind(column(rows, |row| done(row).and_then(|done| done.expires_at)))
    .execute(connection)
    .await?;
    Ok(())
}

/// How many rows are done and how many failed.
///
/// # Errors
/// The database fails.
pub async fn counted(connection: &mut PgConnection, bulk_id: Uuid) -> sqlx::Result<(i64, i64)> {
    sqlx::query_as(
        "SELECT count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'failed')
         FROM live.bulk_rows WHERE bulk_id = $1",
    )
    .bind(bulk_id)
    .fetch_one(connection)
    .await
}

/// Leaves what still waits and ends the bulk, in the transaction that says so in the log. Its key goes: nothing of
/// what was asked for can be opened any more.
///
/// # Errors
/// The database fails.
pub async fn end(connection: &mut PgConnection, bulk_id: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    for sql in [
        "UPDATE live.bulk_rows SET state = 'left', input = NULL WHERE bulk_id = $1 AND state = 'waiting'",
        "DELETE FROM es.subject_keys WHERE subject_id = $1",
    ] {
        sqlx::query(sql).bind(bulk_id).execute(&mut *connection).await?;
    }
    sqlx::query("UPDATE work.bulks SET ended_at = $2 WHERE bulk_id = $1")
        .bind(bulk_id)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets rows whose bulk ended long ago, or never began.
///
/// # Errors
/// The database fails.
pub async fn prune(connection: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query(
        "WITH gone AS (DELETE FROM work.bulks
                       WHERE ended_at < $1 OR (NOT ready AND begun_at < $2) RETURNING bulk_id)
         DELETE FROM live.bulk_rows USING gone WHERE live.bulk_rows.bulk_id = gone.bulk_id",
    )
    .bind(now - KEPT)
    .bind(now - STALE)
    .execute(connection)
    .await?;
    Ok(())
}
