//! The canonical bytes of an event: JSON by RFC 8785 (JCS), so that whoever has the values has the bytes.
//!
//! One departure, so that nothing is lost: an integer beyond 2^53 keeps all its digits, where JCS rounds it to
//! the nearest double and two different amounts would have the same bytes.

use std::cmp::Ordering;
use std::fmt;
use std::io::Write;
use std::ops::Range;

use chrono::DateTime;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::{PgRow, PgValueRef};

use super::hash::Hash;
use crate::Position;

/// Reads what [`EventLine::of`] wants, in its order; a condition and an order follow.
pub(super) const SELECT_EVENTS: &str =
    "SELECT e.aggregate_id, e.aggregate_type, e.event_type, e.event_version, e.metadata, e.payload, e.recorded_at,
            e.sequence, e.xid AS transaction, e.position, e.metadata ->> 'tenant_id' AS tenant
     FROM es.events e";

/// The names of an event's fields, in canonical order.
const FIELDS: [&str; 8] = [
    "aggregate_id",
    "aggregate_type",
    "event_type",
    "event_version",
    "metadata",
    "payload",
    "recorded_at",
    "sequence",
];
/// Those whose hashes are kept beside the leaf, to say which of them differs; stream and sequence are kept themselves.
pub(super) const KEPT_FIELDS: [&str; 5] = [
    "event_type",
    "event_version",
    "payload",
    "metadata",
    "recorded_at",
];
pub(super) const KEPT_BYTES: usize = 8;

/// Between the epochs of Postgres and of Unix.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;
/// What jsonb's bytes begin with on the wire.
const JSONB_VERSION: u8 = 1;

/// An event's canonical bytes, and where its fields lie in them.
pub(super) struct EventLine {
    pub bytes: Vec<u8>,
    values: [Range<usize>; 8],
}

/// What the chain needs of an event.
pub(super) struct Hashed {
    pub position: Position,
    pub stream: String,
    pub sequence: i64,
    pub tenant: String,
    pub leaf: Hash,
    pub kept: [u8; KEPT_FIELDS.len() * KEPT_BYTES],
}

impl EventLine {
    pub fn of(row: &PgRow) -> sqlx::Result<Self> {
        let mut line = Self {
            bytes: Vec::with_capacity(1024),
            values: Default::default(),
        };
        for (place, name) in FIELDS.iter().enumerate() {
            line.bytes.push(if place == 0 { b'{' } else { b',' });
            string(name, &mut line.bytes);
            line.bytes.push(b':');
            let start = line.bytes.len();
            value(name, &row.try_get_raw(place)?, &mut line.bytes)?;
            if let Some(range) = line.values.get_mut(place) {
                *range = start..line.bytes.len();
            }
        }
        line.bytes.push(b'}');
        Ok(line)
    }

    /// The canonical JSON of one field.
    pub fn value(&self, field: &str) -> &[u8] {
        FIELDS
            .iter()
            .zip(&self.values)
            .find(|(name, _)| **name == field)
            .and_then(|(_, range)| self.bytes.get(range.clone()))
            .unwrap_or_default()
    }

    /// What is kept of one field's hash.
    pub fn kept(&self, field: &str) -> Vec<u8> {
        let mut hash = Hash::of(&[self.value(field)]).bytes().to_vec();
        hash.truncate(KEPT_BYTES);
        hash
    }
}

impl Hashed {
    pub fn of(row: &PgRow) -> sqlx::Result<Self> {
        let line = EventLine::of(row)?;
        let mut kept = [0; KEPT_FIELDS.len() * KEPT_BYTES];
        for (place, field) in kept.chunks_mut(KEPT_BYTES).zip(KEPT_FIELDS) {
            place.copy_from_slice(&line.kept(field));
        }
        let text =
            |column| Ok::<_, sqlx::Error>(row.try_get::<Option<String>, _>(column)?.unwrap_or_default());
        Ok(Self {
            position: position(row)?,
            stream: format!("{}/{}", text("aggregate_type")?, text("aggregate_id")?),
            sequence: row.try_get::<Option<i64>, _>("sequence")?.unwrap_or_default(),
            tenant: text("tenant")?,
            leaf: Hash::leaf(&line.bytes),
            kept,
        })
    }
}

pub(super) fn position(row: &PgRow) -> sqlx::Result<Position> {
    Ok(Position {
        // sqlx does not know xid8: eight bytes, the first one the highest.
        xid: row.try_get_raw("transaction")?.as_bytes().map_or(0, integer),
        position: row.try_get("position")?,
    })
}

/// A column as canonical JSON, whatever somebody may have put into it.
fn value(name: &str, raw: &PgValueRef<'_>, out: &mut Vec<u8>) -> sqlx::Result<()> {
    let Ok(bytes) = raw.as_bytes() else {
        out.extend_from_slice(b"null");
        return Ok(());
    };
    match name {
        "payload" | "metadata" => json(bytes.strip_prefix(&[JSONB_VERSION]).unwrap_or(bytes), out),
        "sequence" => write!(out, "{}", integer(bytes)).map_err(sqlx::Error::Io)?,
        "recorded_at" => string(&time(integer(bytes)), out),
        _ => string(&String::from_utf8_lossy(bytes), out),
    }
    Ok(())
}

fn integer(bytes: &[u8]) -> i64 {
    bytes.try_into().map(i64::from_be_bytes).unwrap_or_default()
}

/// A time of Postgres, in microseconds and UTC.
fn time(micros: i64) -> String {
    micros
        .checked_add(POSTGRES_EPOCH_MICROS)
        .and_then(DateTime::from_timestamp_micros)
        .map_or_else(
            || format!("{micros} microseconds"),
            |at| at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        )
}

fn string(text: &str, out: &mut Vec<u8>) {
    // serde_json escapes what JCS says and nothing else; writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Writes JSON text canonically. What is no JSON to this program (deeper than 128 levels, a number without a
/// double) is written as a string that holds the text: everything has canonical bytes.
pub fn json(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let read = serde_json::from_slice::<&RawValue>(text).ok();
    if read
        .and_then(|value| write_value(value.get(), DEPTH_MAX, out))
        .is_none()
    {
        out.truncate(start);
        string(&String::from_utf8_lossy(text), out);
    }
}

/// Levels that are read, as many as `serde_json` reads.
const DEPTH_MAX: u32 = 128;

/// `None` where the text is no JSON to this program.
fn write_value(text: &str, depth: u32, out: &mut Vec<u8>) -> Option<()> {
    match text.as_bytes().first()? {
        b'{' => write_object(serde_json::from_str(text).ok()?, depth.checked_sub(1)?, out),
        b'[' => {
            let depth = depth.checked_sub(1)?;
            out.push(b'[');
            for (number, item) in serde_json::from_str::<Vec<&RawValue>>(text)
                .ok()?
                .into_iter()
                .enumerate()
            {
                if number > 0 {
                    out.push(b',');
                }
                write_value(item.get(), depth, out)?;
            }
            out.push(b']');
            Some(())
        }
        b'"' => {
            string(&serde_json::from_str::<String>(text).ok()?, out);
            Some(())
        }
        b't' | b'f' | b'n' => {
            out.extend_from_slice(text.as_bytes());
            Some(())
        }
        _ => write_number(text, out),
    }
}

fn write_object(members: Members<'_>, depth: u32, out: &mut Vec<u8>) -> Option<()> {
    let mut members = members.0;
    members.sort_by(|(left, _), (right, _)| order(left, right));
    out.push(b'{');
    for (number, (name, value)) in members.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        string(&name, out);
        out.push(b':');
        write_value(value.get(), depth, out)?;
    }
    out.push(b'}');
    Some(())
}

fn write_number(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        out.extend_from_slice(if digits == "0" { digits } else { text }.as_bytes());
        return Some(());
    }
    // The standard library's reading is exact; serde_json's may miss the nearest double.
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
    out.extend_from_slice(ryu_js::Buffer::new().format_finite(number).as_bytes());
    Some(())
}

/// An object's members, their values still text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = entries.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        reader.deserialize_map(Reader)
    }
}

/// JCS orders names by their UTF-16 code units.
fn order(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() {
        left.cmp(right)
    } else {
        left.encode_utf16().cmp(right.encode_utf16())
    }
}

#[cfg(test)]
mod tests;
