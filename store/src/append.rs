//! Appends events, their command's receipt and their claims in ONE statement: all or nothing.

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{Metadata, Position};

/// An event about to be appended.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub aggregate_type: &'static str,
    pub aggregate_id: String,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    pub payload: Value,
    pub metadata: Metadata,
}

/// A name that only one stream may hold.
#[derive(Clone, Debug)]
pub struct Claim {
    pub kind: &'static str,
    /// Keyed digest of the name.
    pub digest: Vec<u8>,
    pub aggregate_type: &'static str,
    pub aggregate_id: String,
}

/// What remembers that a command was carried out.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub command_id: Uuid,
    pub tenant_id: Uuid,
    /// SHA-256 of the command's payload.
    pub fingerprint: Vec<u8>,
    /// The answer, without secrets, for whoever repeats the command.
    pub outcome: Value,
}

/// Where an append landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Position of the last event; `None` if there was none to append.
    pub last: Option<Position>,
}

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("the command has been carried out already")]
    Duplicate,
    #[error("another command changed the same stream first")]
    Conflict,
    #[error("another stream holds this {0} already")]
    Claimed(String),
    /// The statement may or may not have been carried out: look the command up before trying again.
    #[error("the database did not say whether it stored the events: {0}")]
    Database(#[source] sqlx::Error),
}

/// Appends `events` with `receipt` and `claims`.
///
/// # Errors
/// Nothing is stored on `Duplicate`, `Conflict` and `Claimed`; the outcome is unknown on `Database`.
pub async fn append(
    connection: &mut PgConnection,
    receipt: &Receipt,
    claims: &[Claim],
    events: &[NewEvent],
) -> Result<Appended, AppendError> {
    fn column<T, U>(rows: &[T], get: impl Fn(&T) -> U) -> Vec<U> {
        rows.iter().map(get).collect()
    }
    let rows = sqlx::query(
        "WITH receipt AS (
             INSERT INTO es.commands (command_id, tenant_id, fingerprint, outcome) VALUES ($1, $2, $3, $4)
         ), claims AS (
             INSERT INTO es.claims (kind, digest, aggregate_type, aggregate_id)
             SELECT * FROM unnest($5::text[], $6::bytea[], $7::text[], $8::text[])
         )
         INSERT INTO es.events
             (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         SELECT n.aggregate_type, n.aggregate_id, n.sequence, n.event_type, n.event_version, n.payload, n.metadata
         FROM unnest($9::text[], $10::text[], $11::bigint[], $12::text[], $13::text[], $14::jsonb[], $15::jsonb[])
              WITH ORDINALITY AS n (aggregate_type, aggregate_id, sequence, event_type, event_version, payload,
                                    metadata, number)
         ORDER BY n.number
         RETURNING xid::text::bigint AS transaction, position",
    )
    .bind(receipt.command_id)
    .bind(receipt.tenant_id.to_string())
    .bind(&receipt.fingerprint)
    .bind(&receipt.outcome)
    .bind(column(claims, |claim| claim.kind))
    .bind(column(claims, |claim| claim.digest.clone()))
    .bind(column(claims, |claim| claim.aggregate_type))
    .bind(column(claims, |claim| claim.aggregate_id.clone()))
    .bind(column(events, |event| event.aggregate_type))
    .bind(column(events, |event| event.aggregate_id.clone()))
    .bind(column(events, |event| event.sequence))
    .bind(column(events, |event| event.event_type.clone()))
    .bind(column(events, |event| event.event_version.clone()))
    .bind(column(events, |event| event.payload.clone()))
    .bind(column(events, |event| Json(event.metadata.clone())))
    .fetch_all(connection)
    .await
    .map_err(refused)?;
    let mut last = None;
    for row in rows {
        let position = Position {
            xid: row.try_get("transaction").map_err(AppendError::Database)?,
            position: row.try_get("position").map_err(AppendError::Database)?,
        };
        last = last.max(Some(position));
    }
    Ok(Appended { last })
}

fn refused(error: sqlx::Error) -> AppendError {
    let violated = error
        .as_database_error()
        .filter(|error| error.is_unique_violation());
    match violated.and_then(|error| error.constraint()) {
        Some("commands_pkey") => AppendError::Duplicate,
        Some("events_pkey") => AppendError::Conflict,
        Some("claims_pkey") => AppendError::Claimed("name".to_owned()),
        _ => AppendError::Database(error),
    }
}

/// What is known of a command that was carried out.
#[derive(Clone, Debug)]
pub struct Carried {
    pub fingerprint: Vec<u8>,
    pub outcome: Value,
    pub position: Option<Position>,
}

/// Looks a command's receipt up.
///
/// # Errors
/// The database fails.
pub async fn carried(connection: &mut PgConnection, command_id: Uuid) -> sqlx::Result<Option<Carried>> {
    let row = sqlx::query(
        "SELECT c.fingerprint, c.outcome, c.xid::text::bigint AS transaction,
                (SELECT max(e.position) FROM es.events e WHERE e.xid = c.xid) AS position
         FROM es.commands c WHERE c.command_id = $1",
    )
    .bind(command_id)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let xid = row.try_get("transaction")?;
        let position: Option<i64> = row.try_get("position")?;
        Ok(Carried {
            fingerprint: row.try_get("fingerprint")?,
            outcome: row.try_get("outcome")?,
            position: position.map(|position| Position { xid, position }),
        })
    })
    .transpose()
}

/// Gives up the names that a stream holds. In the transaction that makes them free.
///
/// # Errors
/// The database fails.
pub async fn release_claims(
    connection: &mut PgConnection,
    aggregate_type: &str,
    aggregate_id: &str,
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM es.claims WHERE aggregate_type = $1 AND aggregate_id = $2")
        .bind(aggregate_type)
        .bind(aggregate_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The stream that holds a claimed name.
///
/// # Errors
/// The database fails.
pub async fn holder(
    connection: &mut PgConnection,
    kind: &str,
    digest: &[u8],
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT aggregate_id FROM es.claims WHERE kind = $1 AND digest = $2")
        .bind(kind)
        .bind(digest)
        .fetch_optional(connection)
        .await
}
