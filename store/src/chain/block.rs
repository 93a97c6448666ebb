//! A block: consecutive events of the chain, in one row, signed.

use std::fmt::Write;

use platform::audit_key::{AuditKey, AuditPublicKey};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::canonical::{Hashed, KEPT_BYTES, KEPT_FIELDS};
use super::hash::{HASH_BYTES, Hash};

const KEPT: usize = KEPT_FIELDS.len() * KEPT_BYTES;

/// As `es.chain` stores it, which may not be what was put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub first: i64,
    pub last: i64,
    pub streams: Vec<String>,
    pub sequences: Vec<i64>,
    pub leaves: Vec<u8>,
    pub fields: Vec<u8>,
    pub head: Vec<u8>,
    pub signature: Vec<u8>,
}

/// What a block says about one event.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub stream: &'a str,
    pub sequence: i64,
    pub leaf: Hash,
    pub kept: &'a [u8],
}

impl Block {
    /// The block of `events`, of which the first has the number `first`, after `head`.
    pub fn seal(first: i64, head: Hash, events: &[Hashed], key: &AuditKey) -> Self {
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let head = events.iter().fold(head, |head, event| head.link(event.leaf));
        let mut block = Self {
            first,
            last: first + count - 1,
            streams: events.iter().map(|event| event.stream.clone()).collect(),
            sequences: events.iter().map(|event| event.sequence).collect(),
            leaves: events.iter().flat_map(|event| *event.leaf.bytes()).collect(),
            fields: events.iter().flat_map(|event| event.kept).collect(),
            head: head.bytes().to_vec(),
            signature: Vec::new(),
        };
        block.signature = key.sign(&block.message());
        block
    }

    /// What is signed: the numbers, the head, and a hash of what is kept besides the leaves.
    fn message(&self) -> Vec<u8> {
        let mut kept = String::new();
        for (stream, sequence) in self.streams.iter().zip(&self.sequences) {
            // Writing to a String cannot fail.
            let _ = writeln!(kept, "{stream} {sequence}");
        }
        let kept = Hash::of(&[kept.as_bytes(), &self.fields]);
        let (first, last, head) = (self.first, self.last, hex::encode(&self.head));
        format!("stentor-block/1\n{first}\n{last}\n{head}\n{kept}\n").into_bytes()
    }

    pub fn is_signed_by(&self, key: &AuditPublicKey) -> bool {
        key.verifies(&self.message(), &self.signature)
    }

    /// `None` where the columns do not fit each other.
    pub fn entries(&self) -> Option<Vec<Entry<'_>>> {
        let count = usize::try_from(self.last.checked_sub(self.first)?.checked_add(1)?).ok()?;
        let fits = self.streams.len() == count
            && self.sequences.len() == count
            && self.leaves.len() == count * HASH_BYTES
            && self.fields.len() == count * KEPT;
        if !fits {
            return None;
        }
        let streams = self.streams.iter().zip(&self.sequences);
        let hashes = self.leaves.chunks(HASH_BYTES).zip(self.fields.chunks(KEPT));
        streams
            .zip(hashes)
            .map(|((stream, sequence), (leaf, kept))| {
                Some(Entry {
                    stream,
                    sequence: *sequence,
                    leaf: Hash::from_bytes(leaf)?,
                    kept,
                })
            })
            .collect()
    }

    pub async fn insert(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO es.chain (first_number, last_number, streams, sequences, leaves, fields, head, signature)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(self.first)
        .bind(self.last)
        .bind(&self.streams)
        .bind(&self.sequences)
        .bind(&self.leaves)
        .bind(&self.fields)
        .bind(&self.head)
        .bind(&self.signature)
        .execute(connection)
        .await?;
        Ok(())
    }

    pub fn read(row: &PgRow) -> sqlx::Result<Self> {
        let list: Vec<Option<String>> = row.try_get("streams")?;
        let numbers: Vec<Option<i64>> = row.try_get("sequences")?;
        Ok(Self {
            first: row.try_get("first_number")?,
            last: row.try_get("last_number")?,
            streams: list.into_iter().map(Option::unwrap_or_default).collect(),
            sequences: numbers.into_iter().map(Option::unwrap_or_default).collect(),
            leaves: row.try_get("leaves")?,
            fields: row.try_get("fields")?,
            head: row.try_get("head")?,
            signature: row.try_get("signature")?,
        })
    }
}

/// Number and head of the chain's end; 0 and zeros where it is empty.
pub(super) async fn end(connection: &mut PgConnection) -> sqlx::Result<(i64, Hash)> {
    let row = sqlx::query("SELECT last_number, head FROM es.chain ORDER BY first_number DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    row.map_or(Ok((0, Hash::ZERO)), |row| {
        Ok((row.try_get("last_number")?, hash(&row, "head")?))
    })
}

/// A hash in a column.
pub(super) fn hash(row: &PgRow, column: &str) -> sqlx::Result<Hash> {
    let bytes: Vec<u8> = row.try_get(column)?;
    Hash::from_bytes(&bytes).ok_or_else(|| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "a hash has 32 bytes".into(),
    })
}
