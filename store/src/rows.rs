//! The log's rows as they lie in the table: for those who carry a log about, and for the check that this program
//! can still read every one of them.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{Metadata, Position};

const BATCH_ROWS: i64 = 2_000;

/// One event, undecoded. As a line of JSON it is the form in which logs are exported.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredRow {
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    pub payload: Box<RawValue>,
    pub metadata: Box<RawValue>,
    pub recorded_at: DateTime<Utc>,
}

impl StoredRow {
    /// What this program cannot read about it, in words.
    fn fault(&self) -> Option<String> {
        let payload = self.payload.get().as_bytes();
        if let Err(error) = AnyEvent::decode(
            &self.aggregate_type,
            &self.event_type,
            &self.event_version,
            payload,
        ) {
            return Some(error.to_string());
        }
        let metadata = serde_json::from_str::<Metadata>(self.metadata.get());
        metadata.err().map(|error| format!("its metadata: {error}"))
    }
}

/// Up to `limit` rows after `after`, in the log's order, whether readers may see them yet or not.
///
/// # Errors
/// The database fails.
pub async fn read(
    connection: &mut PgConnection,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<(Position, StoredRow)>> {
    let rows = sqlx::query(
        "SELECT e.xid::text::bigint AS transaction, e.position, e.aggregate_type, e.aggregate_id, e.sequence,
                e.event_type, e.event_version, e.payload, e.metadata, e.recorded_at
         FROM es.events e
         WHERE (e.xid, e.position) > ($1::text::xid8, $2)
         ORDER BY e.xid, e.position
         LIMIT $3",
    )
    .bind(after.xid.to_string())
    .bind(after.position)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let Json(payload) = row.try_get("payload")?;
            let Json(metadata) = row.try_get("metadata")?;
            let position = Position {
                xid: row.try_get("transaction")?,
                position: row.try_get("position")?,
            };
            let stored = StoredRow {
                aggregate_type: row.try_get("aggregate_type")?,
                aggregate_id: row.try_get("aggregate_id")?,
                sequence: row.try_get("sequence")?,
                event_type: row.try_get("event_type")?,
                event_version: row.try_get("event_version")?,
                payload,
                metadata,
                recorded_at: row.try_get("recorded_at")?,
            };
            Ok((position, stored))
        })
        .collect()
}

/// What a check of the whole log found.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Events that can be read, from the first on.
    pub events: u64,
    /// The first one that cannot.
    pub unreadable: Option<Unreadable>,
    /// Subjects that were erased and whose key is there again, as after a restore.
    pub keys_of_erased: Vec<Uuid>,
}

#[derive(Debug, Serialize)]
pub struct Unreadable {
    pub position: Position,
    /// Type and id of its aggregate.
    pub stream: String,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    pub error: String,
}

impl Checked {
    pub fn is_clean(&self) -> bool {
        self.unreadable.is_none() && self.keys_of_erased.is_empty()
    }
}

/// Decodes and lifts every event up to the first that cannot be read. `told` hears how many have been read.
///
/// # Errors
/// The database fails.
pub async fn check(connection: &mut PgConnection, mut told: impl FnMut(u64)) -> sqlx::Result<Checked> {
    let mut checked = Checked {
        events: 0,
        unreadable: None,
        keys_of_erased: keys_of_erased(connection).await?,
    };
    let mut after = Position::START;
    loop {
        let rows = read(connection, after, BATCH_ROWS).await?;
        let Some((last, _)) = rows.last() else {
            return Ok(checked);
        };
        after = *last;
        for (position, row) in &rows {
            if let Some(error) = row.fault() {
                checked.unreadable = Some(Unreadable {
                    position: *position,
                    stream: format!("{}/{}", row.aggregate_type, row.aggregate_id),
                    sequence: row.sequence,
                    event_type: row.event_type.clone(),
                    event_version: row.event_version.clone(),
                    error,
                });
                return Ok(checked);
            }
            checked.events += 1;
        }
        told(checked.events);
    }
}

async fn keys_of_erased(connection: &mut PgConnection) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "SELECT DISTINCT k.subject_id FROM es.events e
         CROSS JOIN LATERAL jsonb_array_elements_text(e.payload #> '{UserErased,subjects}') AS s (subject)
         JOIN es.subject_keys k ON k.subject_id = s.subject::uuid
         WHERE e.aggregate_type = 'user' AND e.event_type = 'UserErased'
         ORDER BY 1",
    )
    .fetch_all(connection)
    .await
}
