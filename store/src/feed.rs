//! Reads the log in its total order.
//!
//! Order is (transaction id, position), and nothing at or above the oldest running transaction is shown: an
//! event that is visible can never be preceded by one that becomes visible later (ADR 0002).

use domain::AnyEvent;
use domain::any_event::DecodeError;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};

use crate::{Metadata, Position, Recorded};

#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error("the log cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    #[error("event at {position} cannot be decoded: {source}")]
    Decode { position: Position, source: DecodeError },
}

/// Up to `limit` events after `after`, in order.
///
/// # Errors
/// The database fails, or an event cannot be decoded.
pub async fn read(
    connection: &mut PgConnection,
    after: Position,
    limit: i64,
) -> Result<Vec<Recorded>, FeedError> {
    sqlx::query(
        "SELECT e.xid::text::bigint AS transaction, e.position, e.aggregate_type, e.aggregate_id, e.sequence,
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
    .await?
    .iter()
    .map(recorded)
    .collect()
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
        xid: row.try_get("transaction")?,
        position: row.try_get("position")?,
    };
    let aggregate_type: &str = row.try_get("aggregate_type")?;
    let payload: Value = row.try_get("payload")?;
    let event =
        AnyEvent::decode(aggregate_type, payload).map_err(|source| FeedError::Decode { position, source })?;
    let Json(metadata): Json<Metadata> = row.try_get("metadata")?;
    Ok(Recorded {
        position,
        aggregate_id: row.try_get("aggregate_id")?,
        sequence: row.try_get("sequence")?,
        event,
        metadata,
        recorded_at: row.try_get("recorded_at")?,
    })
}
