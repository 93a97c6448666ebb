//! Reads the log's events of some kinds of streams alone, in the order of the feed: what the ledger and payouts are
//! folded from.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::AnyEvent;
use domain::credit_account::{CreditAccount, CreditAccountEvent};
use domain::ledger::MONEY_STREAMS;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};

use crate::feed::FeedError;
use crate::{Metadata, Position, Recorded};

/// Up to `limit` events that move credits or money after `after`, in the order of the feed and below its barrier.
///
/// # Errors
/// The database fails, or an event cannot be decoded.
pub async fn read(
    connection: &mut PgConnection,
    after: Position,
    limit: i64,
) -> Result<Vec<Recorded>, FeedError> {
    let types = [&[CreditAccount::TYPE], MONEY_STREAMS].concat();
    read_of(connection, &types, after, limit).await
}

/// As [`read`], of streams of these types.
///
/// # Errors
/// The database fails, or an event cannot be decoded.
pub async fn read_of(
    connection: &mut PgConnection,
    types: &[&str],
    after: Position,
    limit: i64,
) -> Result<Vec<Recorded>, FeedError> {
    let rows = sqlx::query(
        "SELECT e.xid::text::bigint AS transaction, e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type,
                e.event_version, e.payload::text AS payload, e.metadata, e.recorded_at
         FROM es.events e
         WHERE e.aggregate_type = ANY($4) AND (e.xid, e.position) > ($1::text::xid8, $2)
           AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY e.xid, e.position
         LIMIT $3",
    )
    .bind(after.xid.to_string())
    .bind(after.position)
    .bind(limit)
    .bind(types)
    .fetch_all(connection)
    .await?;
    rows.iter().map(recorded).collect()
}

/// At most `limit` events of one stream behind the sequence `after`, in their order. A stream has no gap, so it needs no
/// barrier.
///
/// # Errors
/// The database fails, or an event cannot be decoded.
pub async fn stream(
    connection: &mut PgConnection,
    aggregate_type: &str,
    id: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<Recorded>, FeedError> {
    let rows = sqlx::query(
        "SELECT e.xid::text::bigint AS transaction, e.position, e.aggregate_type, e.aggregate_id, e.sequence,
                e.event_type, e.event_version, e.payload::text AS payload, e.metadata, e.recorded_at
         FROM es.events e
         WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.sequence > $3
         ORDER BY e.sequence
         LIMIT $4",
    )
    .bind(aggregate_type)
    .bind(id)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(recorded).collect()
}

fn recorded(row: &PgRow) -> Result<Recorded, FeedError> {
    let position = Position {
        xid: row.try_get("transaction")?,
        position: row.try_get("position")?,
    };
    let payload: &str = row.try_get("payload")?;
    let event = AnyEvent::decode(
        row.try_get("aggregate_type")?,
        row.try_get("event_type")?,
        row.try_get("event_version")?,
        payload.as_bytes(),
    )
    .map_err(|source| FeedError::Decode { position, source })?;
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

/// One event of a credit account, by its place in the stream; `None` where there is none.
///
/// # Errors
/// The database fails, or the event cannot be decoded.
pub async fn event(
    connection: &mut PgConnection,
    id: &str,
    sequence: i64,
) -> Result<Option<CreditAccountEvent>, FeedError> {
    let row = sqlx::query(
        "SELECT e.xid::text::bigint AS transaction, e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type,
                e.event_version, e.payload::text AS payload, e.metadata, e.recorded_at
         FROM es.events e
         WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.sequence = $3",
    )
    .bind(CreditAccount::TYPE)
    .bind(id)
    .bind(sequence)
    .fetch_optional(connection)
    .await?;
    let found = row.as_ref().map(recorded).transpose()?;
    Ok(found.and_then(|recorded| {
        if let AnyEvent::CreditAccount(event) = recorded.event {
            Some(event)
        } else {
            None
        }
    }))
}

/// When a credit account was opened; `None` where there is none.
///
/// # Errors
/// The database fails.
pub async fn opened_at(connection: &mut PgConnection, id: &str) -> sqlx::Result<Option<DateTime<Utc>>> {
    let metadata: Option<Json<Metadata>> = sqlx::query_scalar(
        "SELECT e.metadata FROM es.events e
         WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.sequence = 1",
    )
    .bind(CreditAccount::TYPE)
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(metadata.map(|Json(metadata)| metadata.happened_at.unwrap_or(metadata.at)))
}
