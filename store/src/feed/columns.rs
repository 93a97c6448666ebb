//! One row of the log as it comes over the wire, in Postgres' binary format, and its event.

use chrono::DateTime;
use domain::AnyEvent;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::FeedError;
use crate::{Metadata, Position, Recorded};

/// What a query of the feed selects from `es.events e`.
pub(super) const SELECTED: &str = "e.xid, e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, \
     e.event_version, e.payload, e.metadata, e.recorded_at";
const COUNT: usize = 10;
/// What precedes the rows of a binary COPY: a signature of 11 bytes, flags, and the length of an extension.
const COPY_SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Microseconds from 1970, where Unix begins to count, to 2000, where Postgres does.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The bytes of the selected columns, in their order.
pub(super) struct Columns<'r>([&'r [u8]; COUNT]);

impl<'r> Columns<'r> {
    pub(super) fn of_row(row: &'r PgRow) -> Result<Self, FeedError> {
        let mut columns = [[].as_slice(); COUNT];
        for (number, column) in columns.iter_mut().enumerate() {
            *column = row
                .try_get_raw(number)?
                .as_bytes()
                .map_err(|_| FeedError::Column("a column is null"))?;
        }
        Ok(Self(columns))
    }

    /// A message of a binary COPY; `None` for its end. The first one begins with the signature, and the row may
    /// follow in the same message.
    pub(super) fn of_copied(message: &'r [u8], first: bool) -> Result<Option<Self>, FeedError> {
        const SHORT: FeedError = FeedError::Column("a copied row is cut short");
        let mut rest = message;
        if first {
            rest = rest
                .strip_prefix(COPY_SIGNATURE)
                .ok_or(FeedError::Column("a copy begins with an unknown signature"))?;
        }
        let Some((count, after)) = rest.split_first_chunk() else {
            return if rest.is_empty() { Ok(None) } else { Err(SHORT) };
        };
        match i16::from_be_bytes(*count) {
            -1 => return Ok(None),
            10 => rest = after,
            _ => return Err(FeedError::Column("a copied row has not 10 columns")),
        }
        let mut columns = [[].as_slice(); COUNT];
        for column in &mut columns {
            let (length, after) = rest.split_first_chunk().ok_or(SHORT)?;
            let length = usize::try_from(i32::from_be_bytes(*length))
                .map_err(|_| FeedError::Column("a column is null"))?;
            (*column, rest) = after.split_at_checked(length).ok_or(SHORT)?;
        }
        Ok(Some(Self(columns)))
    }

    pub(super) fn decode(&self) -> Result<Recorded, FeedError> {
        let [
            xid,
            position,
            aggregate_type,
            aggregate_id,
            sequence,
            event_type,
            event_version,
            payload,
            metadata,
            recorded_at,
        ] = self.0;
        let position = Position {
            xid: number(xid)?,
            position: number(position)?,
        };
        let (event_type, event_version) = (text(event_type)?, text(event_version)?);
        let event = AnyEvent::decode(text(aggregate_type)?, event_type, event_version, json(payload)?)
            .map_err(|source| FeedError::Decode { position, source })?;
        let metadata: Metadata = serde_json::from_slice(json(metadata)?)
            .map_err(|source| FeedError::Metadata { position, source })?;
        let recorded_at = DateTime::from_timestamp_micros(number(recorded_at)?.saturating_add(EPOCH_MICROS))
            .ok_or(FeedError::Column("recorded_at is no time"))?;
        Ok(Recorded {
            position,
            aggregate_id: text(aggregate_id)?.to_owned(),
            sequence: number(sequence)?,
            event,
            metadata,
            recorded_at,
        })
    }
}

/// Eight bytes, the highest first; a transaction id has them too.
fn number(bytes: &[u8]) -> Result<i64, FeedError> {
    bytes
        .try_into()
        .map(i64::from_be_bytes)
        .map_err(|_| FeedError::Column("a number has not 8 bytes"))
}

fn text(bytes: &[u8]) -> Result<&str, FeedError> {
    std::str::from_utf8(bytes).map_err(|_| FeedError::Column("a text is not UTF-8"))
}

/// The text of a jsonb column: one byte, the format's version, precedes it.
fn json(bytes: &[u8]) -> Result<&[u8], FeedError> {
    match bytes.split_first() {
        Some((1, text)) => Ok(text),
        Some(_) | None => Err(FeedError::Column("jsonb came in an unknown format")),
    }
}
