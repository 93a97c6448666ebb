//! Reads the log in its total order.
//!
//! Order is (transaction id, position), and nothing at or above the oldest running transaction is shown: an
//! event that is visible can never be preceded by one that becomes visible later (ADR 0002).

mod bulk;
mod columns;

use domain::any_event::DecodeError;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

pub use self::bulk::{BATCH_EVENTS, Stretch, stretch, stretch_ahead};
use self::columns::{Columns, SELECTED};
use crate::{Position, Recorded};

#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error("the log cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    #[error("event at {position} cannot be decoded: {source}")]
    Decode { position: Position, source: DecodeError },
    #[error("metadata of the event at {position} cannot be decoded: {source}")]
    Metadata {
        position: Position,
        source: serde_json::Error,
    },
    #[error("the log's columns are not what they were: {0}")]
    Column(&'static str),
}

impl FeedError {
    /// The event that this program cannot read, where that is what is wrong. What precedes it has been read.
    pub fn unreadable(&self) -> Option<Position> {
        match self {
            Self::Decode { position, .. } | Self::Metadata { position, .. } => Some(*position),
            Self::Database(_) | Self::Column(_) => None,
        }
    }
}

/// Up to `limit` events after `after`, in order. Those before one that cannot be decoded are returned; the next
/// read, which begins with it, fails.
///
/// # Errors
/// The database fails, or the first event cannot be decoded.
pub async fn read(
    connection: &mut PgConnection,
    after: Position,
    limit: i64,
) -> Result<Vec<Recorded>, FeedError> {
    let rows = sqlx::query(&format!(
        "SELECT {SELECTED} FROM es.events e
         WHERE (e.xid, e.position) > ($1::text::xid8, $2) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY e.xid, e.position
         LIMIT $3"
    ))
    .bind(after.xid.to_string())
    .bind(after.position)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        match Columns::of_row(row).and_then(|columns| columns.decode()) {
            Ok(event) => events.push(event),
            Err(error) if events.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    Ok(events)
}

/// The event at a position, if there is one.
///
/// # Errors
/// The database fails, or the event cannot be decoded.
pub async fn at(connection: &mut PgConnection, position: Position) -> Result<Option<Recorded>, FeedError> {
    sqlx::query(&format!(
        "SELECT {SELECTED} FROM es.events e WHERE e.xid = $1::text::xid8 AND e.position = $2"
    ))
    .bind(position.xid.to_string())
    .bind(position.position)
    .fetch_optional(connection)
    .await?
    .as_ref()
    .map(|row| Columns::of_row(row)?.decode())
    .transpose()
}

/// The last position of the log that readers may see; [`Position::START`] where the log is empty.
///
/// # Errors
/// The database fails.
pub async fn head(connection: &mut PgConnection) -> sqlx::Result<Position> {
    let row = sqlx::query(
        "SELECT e.xid::text::bigint AS transaction, e.position FROM es.events e
         WHERE e.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY e.xid DESC, e.position DESC LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    place(row)
}

/// The last event of the log, whether it may be read yet or not; [`Position::START`] where the log is empty.
///
/// # Errors
/// The database fails.
pub async fn last_stored(connection: &mut PgConnection) -> sqlx::Result<Position> {
    let row = sqlx::query(
        "SELECT e.xid::text::bigint AS transaction, e.position FROM es.events e
         ORDER BY e.xid DESC, e.position DESC LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    place(row)
}

/// Whether anything is stored after `after`, be it readable or not.
///
/// # Errors
/// The database fails.
pub async fn holds_more(connection: &mut PgConnection, after: Position) -> sqlx::Result<bool> {
    // Not by EXISTS: PostgreSQL expects to meet such a row soon in any order, and reads the whole log where there is
    // none, which is what an idle process asks again and again.
    Ok(last_stored(connection).await? > after)
}

fn place(row: Option<PgRow>) -> sqlx::Result<Position> {
    row.map_or(Ok(Position::START), |row| {
        Ok(Position {
            xid: row.try_get("transaction")?,
            position: row.try_get("position")?,
        })
    })
}
