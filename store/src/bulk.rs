//! Stores a history that is known to be right, by COPY in binary: generated logs of any length.
//!
//! Nothing is checked that an append checks (receipts, streams that have grown), so this is for empty logs alone.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection, PgConnection};

use crate::Metadata;
use crate::append::Claim;
use crate::vault::NewKey;

/// What precedes the rows of a binary COPY: a signature of 11 bytes, flags, and the length of an extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
const JSONB_VERSION: u8 = 1;
/// Microseconds from 1970, where Unix begins to count, to 2000, where Postgres does.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// An event on its way into the log.
pub struct BulkEvent<'a, E> {
    pub aggregate_type: &'a str,
    pub aggregate_id: &'a str,
    pub sequence: i64,
    pub event_type: &'a str,
    pub event_version: &'a str,
    pub payload: &'a E,
    pub metadata: &'a Metadata,
    pub recorded_at: DateTime<Utc>,
}

/// Rows that are stored in one transaction.
pub struct Bundle {
    events: Rows,
    keys: Rows,
    claims: Rows,
    count: usize,
}

impl Default for Bundle {
    fn default() -> Self {
        Self {
            events: Rows::new(8),
            keys: Rows::new(2),
            claims: Rows::new(4),
            count: 0,
        }
    }
}

impl Bundle {
    /// Events in it.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// # Errors
    /// The event has no JSON.
    pub fn event<E: Serialize>(&mut self, event: &BulkEvent<'_, E>) -> serde_json::Result<()> {
        let row = &mut self.events;
        row.begin();
        row.bytes(event.aggregate_type.as_bytes());
        row.bytes(event.aggregate_id.as_bytes());
        row.bytes(&event.sequence.to_be_bytes());
        row.bytes(event.event_type.as_bytes());
        row.bytes(event.event_version.as_bytes());
        row.json(event.payload)?;
        row.json(event.metadata)?;
        let micros = event.recorded_at.timestamp_micros().saturating_sub(EPOCH_MICROS);
        row.bytes(&micros.to_be_bytes());
        self.count += 1;
        Ok(())
    }

    /// A person's key.
    pub fn key(&mut self, key: &NewKey) {
        self.keys.begin();
        self.keys.bytes(key.subject().as_bytes());
        self.keys.bytes(key.wrapped());
    }

    pub fn claim(&mut self, claim: &Claim) {
        self.claims.begin();
        self.claims.bytes(claim.kind.as_bytes());
        self.claims.bytes(&claim.digest);
        self.claims.bytes(claim.aggregate_type.as_bytes());
        self.claims.bytes(claim.aggregate_id.as_bytes());
    }

    /// Stores everything, or nothing.
    ///
    /// # Errors
    /// The database fails, or holds a stream, a key or a name of the bundle already.
    pub async fn store(self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let mut transaction = connection.begin().await?;
        for (table, rows) in [
            ("es.subject_keys (subject_id, wrapped_key)", self.keys),
            (
                "es.claims (kind, digest, aggregate_type, aggregate_id)",
                self.claims,
            ),
            (
                "es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
                            recorded_at)",
                self.events,
            ),
        ] {
            let mut copy = transaction
                .copy_in_raw(&format!("COPY {table} FROM STDIN (FORMAT binary)"))
                .await?;
            copy.send(rows.finished()).await?;
            copy.finish().await?;
        }
        transaction.commit().await
    }
}

/// Rows of one table in the format of a binary COPY.
struct Rows {
    buffer: Vec<u8>,
    columns: i16,
}

impl Rows {
    fn new(columns: i16) -> Self {
        Self {
            buffer: HEADER.to_vec(),
            columns,
        }
    }

    fn begin(&mut self) {
        self.buffer.extend_from_slice(&self.columns.to_be_bytes());
    }

    fn bytes(&mut self, value: &[u8]) {
        self.length(value.len());
        self.buffer.extend_from_slice(value);
    }

    fn json(&mut self, value: &impl Serialize) -> serde_json::Result<()> {
        let start = self.buffer.len();
        self.length(0);
        self.buffer.push(JSONB_VERSION);
        let result = serde_json::to_writer(&mut self.buffer, value);
        let length = self.buffer.len() - start - size_of::<i32>();
        if let Some(place) = self.buffer.get_mut(start..start + size_of::<i32>()) {
            place.copy_from_slice(&encoded(length));
        }
        result
    }

    fn length(&mut self, length: usize) {
        self.buffer.extend_from_slice(&encoded(length));
    }

    fn finished(mut self) -> Vec<u8> {
        self.buffer.extend_from_slice(&TRAILER);
        self.buffer
    }
}

/// Postgres refuses a value that is longer than a length can say.
fn encoded(length: usize) -> [u8; 4] {
    i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes()
}
