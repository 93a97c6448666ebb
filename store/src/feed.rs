//! Reads the log in its total order.
//!
//! Order is (transaction id, position), and nothing at or above the oldest running transaction is shown: an
//! event that is visible can never be preceded by one that becomes visible later (ADR 0002).

use domain::AnyEvent;
use domain::any_event::DecodeError;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::{Metadata, Position, Recorded};

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
    // Columns in the order of `Column`.
    let rows = sqlx::query(
        "SELECT e.xid, e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version,
                e.payload, e.metadata, e.recorded_at
         FROM es.events e
         WHERE (e.xid, e.position) > ($1::text::xid8, $2) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY e.xid, e.position
         LIMIT $3",
    )
    .bind(after.xid.to_string())
    .bind(after.position)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        match recorded(row) {
            Ok(event) => events.push(event),
            Err(error) if events.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    Ok(events)
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
    row.map_or(Ok(Position::START), |row| {
        Ok(Position {
            xid: row.try_get("transaction")?,
            position: row.try_get("position")?,
        })
    })
}

fn recorded(row: &PgRow) -> Result<Recorded, FeedError> {
    let position = Position {
        // sqlx does not know xid8: eight bytes, the first one the highest.
        xid: bytes(row, 0)?
            .try_into()
            .map(i64::from_be_bytes)
            .map_err(|_| FeedError::Column("xid has not 8 bytes"))?,
        position: row.try_get(1)?,
    };
    let event = AnyEvent::decode(row.try_get(2)?, row.try_get(5)?, row.try_get(6)?, json(row, 7)?)
        .map_err(|source| FeedError::Decode { position, source })?;
    let metadata: Metadata =
        serde_json::from_slice(json(row, 8)?).map_err(|source| FeedError::Metadata { position, source })?;
    Ok(Recorded {
        position,
        aggregate_id: row.try_get(3)?,
        sequence: row.try_get(4)?,
        event,
        metadata,
        recorded_at: row.try_get(9)?,
    })
}

fn bytes(row: &PgRow, column: usize) -> Result<&[u8], FeedError> {
    row.try_get_raw(column)?
        .as_bytes()
        .map_err(|_| FeedError::Column("a column is null"))
}

/// The text of a jsonb column, as it came over the wire: one byte, the format's version, precedes it.
fn json(row: &PgRow, column: usize) -> Result<&[u8], FeedError> {
    match bytes(row, column)?.split_first() {
        Some((1, text)) => Ok(text),
        Some(_) | None => Err(FeedError::Column("jsonb came in an unknown format")),
    }
}
