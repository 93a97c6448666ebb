//! Appends the events of one command or of many, their receipts and their claims in ONE statement: all or nothing.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::cache::StreamKey;
use crate::origins::Origin;
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
    /// From where it was sent, where that is known.
    pub origin: Option<Origin>,
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

/// A stream that was read and is not written: the append is refused when it has grown since.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Read {
    pub key: StreamKey,
    /// Sequence of the last event that was seen.
    pub sequence: i64,
}

/// What one command appends.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub receipt: &'a Receipt,
    pub claims: &'a [Claim],
    pub events: &'a [NewEvent],
    pub reads: &'a [Read],
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
    let part = Part {
        receipt,
        claims,
        events,
        reads: &[],
    };
    append_part(connection, part).await
}

/// As [`append`], with what was only read.
pub(crate) async fn append_part(
    connection: &mut PgConnection,
    part: Part<'_>,
) -> Result<Appended, AppendError> {
    let stored = append_all(connection, &[part]).await?;
    Ok(Appended {
        last: stored.first().copied().flatten(),
    })
}

/// The one statement. Nothing is inserted where a stream that was only read has grown.
const APPEND: &str = "
    WITH grown AS (
        SELECT FROM unnest($1::text[], $2::text[], $3::bigint[]) AS r (aggregate_type, aggregate_id, sequence)
        CROSS JOIN LATERAL (
            SELECT FROM es.events e
            WHERE e.aggregate_type = r.aggregate_type AND e.aggregate_id = r.aggregate_id
              AND e.sequence = r.sequence + 1
            LIMIT 1) AS next
    ), claims AS (
        INSERT INTO es.claims (kind, digest, aggregate_type, aggregate_id)
        SELECT * FROM unnest($4::text[], $5::bytea[], $6::text[], $7::text[])
        WHERE NOT EXISTS (SELECT FROM grown)
    ), appended AS (
        INSERT INTO es.events
            (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
        SELECT n.aggregate_type, n.aggregate_id, n.sequence, n.event_type, n.event_version, n.payload, n.metadata
        FROM unnest($8::text[], $9::text[], $10::bigint[], $11::text[], $12::text[], $13::jsonb[], $14::jsonb[])
             WITH ORDINALITY AS n (aggregate_type, aggregate_id, sequence, event_type, event_version, payload,
                                   metadata, number)
        WHERE NOT EXISTS (SELECT FROM grown)
        ORDER BY n.number
        RETURNING position
    ), origins AS (
        INSERT INTO auth.command_origins (command_id, person_id, reseller_id, tenant_id, address, user_agent)
        SELECT * FROM unnest($20::uuid[], $21::uuid[], $22::uuid[], $23::uuid[], $24::text[], $25::text[])
        WHERE NOT EXISTS (SELECT FROM grown)
    ), numbered AS (
        SELECT a.position, row_number() OVER (ORDER BY a.position) AS number FROM appended a
    )
    INSERT INTO es.commands (command_id, tenant_id, fingerprint, outcome, last_position)
    SELECT c.command_id, c.tenant_id, c.fingerprint, c.outcome, e.position
    FROM unnest($15::uuid[], $16::text[], $17::bytea[], $18::jsonb[], $19::bigint[])
         AS c (command_id, tenant_id, fingerprint, outcome, last_event)
    LEFT JOIN numbered e ON e.number = c.last_event
    WHERE NOT EXISTS (SELECT FROM grown)
    RETURNING command_id, last_position, xid::text::bigint AS transaction";

/// Appends the parts of several commands, in order: all or none. Answers each one's last position, `None` where
/// it has no events.
///
/// # Errors
/// As [`append`].
pub(crate) async fn append_all(
    connection: &mut PgConnection,
    parts: &[Part<'_>],
) -> Result<Vec<Option<Position>>, AppendError> {
    let reads = reads(parts);
    let claims: Vec<&Claim> = parts.iter().flat_map(|part| part.claims).collect();
    let events: Vec<&NewEvent> = parts.iter().flat_map(|part| part.events).collect();
    let receipts: Vec<&Receipt> = parts.iter().map(|part| part.receipt).collect();
    let origins: Vec<(Uuid, &Origin)> = receipts
        .iter()
        .filter_map(|receipt| Some((receipt.command_id, receipt.origin.as_ref()?)))
        .collect();
    let origins: Vec<_> = origins.iter().collect();
    let rows = sqlx::query(APPEND)
        .bind(column(&reads, |read| read.key.aggregate_type))
        .bind(column(&reads, |read| &*read.key.aggregate_id))
        .bind(column(&reads, |read| read.sequence))
        .bind(column(&claims, |claim| claim.kind))
        .bind(column(&claims, |claim| claim.digest.as_slice()))
        .bind(column(&claims, |claim| claim.aggregate_type))
        .bind(column(&claims, |claim| claim.aggregate_id.as_str()))
        .bind(column(&events, |event| event.aggregate_type))
        .bind(column(&events, |event| event.aggregate_id.as_str()))
        .bind(column(&events, |event| event.sequence))
        .bind(column(&events, |event| event.event_type.as_str()))
        .bind(column(&events, |event| event.event_version.as_str()))
        .bind(column(&events, |event| Json(&event.payload)))
        .bind(column(&events, |event| Json(&event.metadata)))
        .bind(column(&receipts, |receipt| receipt.command_id))
        .bind(column(&receipts, |receipt| receipt.tenant_id.to_string()))
        .bind(column(&receipts, |receipt| receipt.fingerprint.as_slice()))
        .bind(column(&receipts, |receipt| Json(&receipt.outcome)))
        .bind(last_events(parts))
        .bind(column(&origins, |(command_id, _)| *command_id))
        .bind(column(&origins, |(_, origin)| origin.person_id))
        .bind(column(&origins, |(_, origin)| origin.reseller_id))
        .bind(column(&origins, |(_, origin)| origin.tenant_id))
        .bind(column(&origins, |(_, origin)| {
            origin.sent_from.address.as_deref()
        }))
        .bind(column(&origins, |(_, origin)| {
            origin.sent_from.user_agent.as_deref()
        }))
        .fetch_all(connection)
        .await
        .map_err(refused)?;
    if rows.len() != parts.len() {
        return Err(AppendError::Conflict);
    }
    positions(parts, &rows).map_err(AppendError::Database)
}

fn column<'a, T, U>(rows: &'a [&'a T], get: impl Fn(&'a T) -> U) -> Vec<U> {
    rows.iter().map(|row| get(row)).collect()
}

/// What has to be checked in the log: each stream once, and none that an earlier part writes, because who read
/// it then has seen that part's events.
fn reads<'a>(parts: &[Part<'a>]) -> Vec<&'a Read> {
    let mut written: HashSet<(&str, &str)> = HashSet::new();
    let mut checked: HashSet<&Read> = HashSet::new();
    for part in parts {
        checked.extend(
            part.reads
                .iter()
                .filter(|read| !written.contains(&(read.key.aggregate_type, &*read.key.aggregate_id))),
        );
        written.extend(
            part.events
                .iter()
                .map(|event| (event.aggregate_type, event.aggregate_id.as_str())),
        );
    }
    checked.into_iter().collect()
}

/// The number of each part's last event among all of them, from 1; 0 where it has none.
fn last_events(parts: &[Part<'_>]) -> Vec<i64> {
    let mut number = 0;
    parts
        .iter()
        .map(|part| {
            number += i64::try_from(part.events.len()).unwrap_or(i64::MAX);
            if part.events.is_empty() { 0 } else { number }
        })
        .collect()
}

fn positions(parts: &[Part<'_>], rows: &[PgRow]) -> sqlx::Result<Vec<Option<Position>>> {
    let mut stored: HashMap<Uuid, Option<Position>> = HashMap::with_capacity(rows.len());
    for row in rows {
        let xid = row.try_get("transaction")?;
        let position: Option<i64> = row.try_get("last_position")?;
        stored.insert(
            row.try_get("command_id")?,
            position.map(|position| Position { xid, position }),
        );
    }
    Ok(parts
        .iter()
        .map(|part| stored.get(&part.receipt.command_id).copied().flatten())
        .collect())
}

fn refused(error: sqlx::Error) -> AppendError {
    let Some(database) = error.as_database_error() else {
        return AppendError::Database(error);
    };
    match (database.code().as_deref(), database.constraint()) {
        (Some("23505"), Some("commands_pkey")) => AppendError::Duplicate,
        (Some("23505"), Some("claims_pkey")) => AppendError::Claimed("name".to_owned()),
        // Also deadlocks and failed serialization: rolled back, to be tried again.
        (Some("23505"), Some("events_pkey")) | (Some("40001" | "40P01"), _) => AppendError::Conflict,
        _ => AppendError::Database(error),
    }
}

impl AppendError {
    /// Whether one command of several may have caused it, so that the others deserve a try of their own.
    pub(crate) fn is_of_one(&self) -> bool {
        match self {
            Self::Duplicate | Self::Conflict | Self::Claimed(_) => true,
            // Data that cannot be stored, and broken rules of the tables.
            Self::Database(error) => error
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code)
                .is_some_and(|code| code.starts_with("22") || code.starts_with("23")),
        }
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
    let mut all = carried_all(connection, &[command_id]).await?;
    Ok(all.remove(&command_id))
}

/// Looks receipts up, by command.
///
/// # Errors
/// The database fails.
pub(crate) async fn carried_all(
    connection: &mut PgConnection,
    command_ids: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, Carried>> {
    // A receipt without a position of its own: of a command without events, or of one that was alone in its
    // transaction.
    let rows = sqlx::query(
        "SELECT c.command_id, c.fingerprint, c.outcome, c.xid::text::bigint AS transaction,
                coalesce(c.last_position, (SELECT max(e.position) FROM es.events e WHERE e.xid = c.xid)) AS position
         FROM es.commands c WHERE c.command_id = ANY($1)",
    )
    .bind(command_ids)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let xid = row.try_get("transaction")?;
            let position: Option<i64> = row.try_get("position")?;
            let carried = Carried {
                fingerprint: row.try_get("fingerprint")?,
                outcome: row.try_get("outcome")?,
                position: position.map(|position| Position { xid, position }),
            };
            Ok((row.try_get("command_id")?, carried))
        })
        .collect()
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

/// Which of the names somebody holds.
///
/// # Errors
/// The database fails.
pub async fn held(
    connection: &mut PgConnection,
    kind: &str,
    digests: &[Vec<u8>],
) -> sqlx::Result<HashSet<Vec<u8>>> {
    let held: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT digest FROM es.claims WHERE kind = $1 AND digest = ANY($2)")
            .bind(kind)
            .bind(digests)
            .fetch_all(connection)
            .await?;
    Ok(held.into_iter().collect())
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
