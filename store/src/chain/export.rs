//! Writes an archive that a stranger can verify: events, checkpoints, proofs, the public key and the description
//! of all this.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use futures::TryStreamExt;
use platform::audit_key::AuditPublicKey;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, Row};
use zip::ZipWriter;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;

use super::canonical::{EventLine, SELECT_EVENTS};
use super::chainer::ChainError;
use super::checkpoint;
use super::hash::{HASH_BYTES, Hash};
use super::merkle::{Prover, consistency, inclusion, surroundings};
use super::note::{Note, verifier_key};

const FORMAT_DESCRIPTION: &str = include_str!("../../../docs/audit-format.md");

/// Which events an archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    All,
    /// Numbers, both included; up to the last checkpoint where `last` is left out.
    Range {
        first: u64,
        last: Option<u64>,
    },
    /// All events of one tenant.
    Tenant(String),
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub events: u64,
    /// Of the checkpoint that proves them.
    pub checkpoint: Note,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("there is no checkpoint yet: make one with `stentor audit checkpoint`")]
    NoCheckpoint,
    #[error("events {first} to {last} are not there: the last checkpoint covers events 1 to {size}")]
    Range { first: u64, last: u64, size: u64 },
    #[error("no event of tenant {0} is covered by the last checkpoint: is the id right?")]
    Tenant(String),
    #[error("the log and its chain do not fit at number {0}: run `stentor audit verify`")]
    Broken(u64),
    #[error("the archive cannot be written: {0}")]
    File(#[from] std::io::Error),
    #[error("the archive cannot be written: {0}")]
    Zip(#[from] ZipError),
}

impl From<sqlx::Error> for ExportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Chain(error.into())
    }
}

/// The archive under way.
struct Archive {
    zip: ZipWriter<File>,
}

impl Archive {
    fn begin(&mut self, name: &str) -> Result<&mut ZipWriter<File>, ExportError> {
        self.zip
            .start_file(name, SimpleFileOptions::default().large_file(true))?;
        Ok(&mut self.zip)
    }

    fn add(&mut self, name: &str, text: &str) -> Result<(), ExportError> {
        Ok(self.begin(name)?.write_all(text.as_bytes())?)
    }

    fn add_json(&mut self, name: &str, value: &Value) -> Result<(), ExportError> {
        self.add(name, &format!("{value:#}\n"))
    }
}

/// Exports up to the last checkpoint. `pool` may read `es`.
///
/// # Errors
/// There is no checkpoint, the selection is not covered by it, or database or file fail.
pub async fn export(
    pool: &PgPool,
    key: &AuditPublicKey,
    selection: &Selection,
    out: &Path,
) -> Result<Exported, ExportError> {
    let mut connection = pool.acquire().await?;
    let notes = notes(&mut connection).await?;
    let (last, last_text) = notes.last().cloned().ok_or(ExportError::NoCheckpoint)?;
    let numbers = numbers(&mut connection, selection, last.size).await?;
    let mut archive = Archive {
        zip: ZipWriter::new(File::create(out)?),
    };
    archive.add("README.md", FORMAT_DESCRIPTION)?;
    archive.add("public-key.pem", &key.pem())?;
    archive.add("verifier-key.txt", &(verifier_key(&last.origin, key) + "\n"))?;
    let earlier = match selection {
        Selection::All => {
            for (note, text) in &notes {
                archive.add(&file_name(note), text)?;
            }
            None
        }
        Selection::Range { .. } | Selection::Tenant(_) => {
            archive.add(&file_name(&last), &last_text)?;
            let end = numbers.last().copied().unwrap_or_default();
            let earlier = notes
                .iter()
                .find(|(note, _)| note.size >= end && note.size < last.size);
            if let Some((note, text)) = earlier {
                archive.add(&file_name(note), text)?;
            }
            earlier.map(|(note, _)| note.size)
        }
    };
    let events = events(&mut connection, &mut archive, selection, &numbers).await?;
    proofs(&mut connection, &mut archive, selection, &numbers, &last, earlier).await?;
    let manifest = json!({
        "format": "stentor-audit-archive/1",
        "kind": match selection {
            Selection::All => "all",
            Selection::Range { .. } => "range",
            Selection::Tenant(_) => "tenant",
        },
        "origin": last.origin,
        "events": events,
        "first": numbers.first(),
        "last": numbers.last(),
        "tenant": match selection {
            Selection::Tenant(tenant) => Some(tenant),
            Selection::All | Selection::Range { .. } => None,
        },
        "checkpoint": file_name(&last),
    });
    archive.add_json("manifest.json", &manifest)?;
    archive.zip.finish()?.sync_all()?;
    Ok(Exported {
        events,
        checkpoint: last,
    })
}

fn file_name(note: &Note) -> String {
    note.object_key().trim_start_matches("audit/").to_owned()
}

/// Every checkpoint with its text, oldest first.
async fn notes(connection: &mut PgConnection) -> Result<Vec<(Note, String)>, ExportError> {
    let texts: Vec<String> = sqlx::query_scalar("SELECT note FROM es.audit_checkpoints ORDER BY made_at")
        .fetch_all(connection)
        .await?;
    let notes = texts
        .into_iter()
        .filter_map(|text| Some((Note::parse(&text).ok()?, text)));
    Ok(notes.collect())
}

/// The numbers of the selected events, in order.
async fn numbers(
    connection: &mut PgConnection,
    selection: &Selection,
    size: u64,
) -> Result<Vec<u64>, ExportError> {
    let found: Vec<i64> = match selection {
        Selection::All => return Ok((1..=size).collect()),
        Selection::Range { first, last } => {
            let (first, last) = (*first, last.unwrap_or(size));
            return if first > 0 && first <= last && last <= size {
                Ok((first..=last).collect())
            } else {
                Err(ExportError::Range { first, last, size })
            };
        }
        Selection::Tenant(tenant) => {
            sqlx::query_scalar(
                "SELECT n.number FROM (
                     SELECT row_number() OVER (ORDER BY e.xid, e.position) AS number,
                            e.metadata ->> 'tenant_id' AS tenant FROM es.events e) AS n
                 WHERE n.tenant = $1 AND n.number <= $2 ORDER BY n.number",
            )
            .bind(tenant)
            .bind(i64::try_from(size).unwrap_or(i64::MAX))
            .fetch_all(connection)
            .await?
        }
    };
    let numbers: Vec<u64> = found
        .into_iter()
        .filter_map(|number| u64::try_from(number).ok())
        .collect();
    match selection {
        Selection::Tenant(tenant) if numbers.is_empty() => Err(ExportError::Tenant(tenant.clone())),
        Selection::Tenant(_) | Selection::All | Selection::Range { .. } => Ok(numbers),
    }
}

/// Writes the events' canonical lines.
async fn events(
    connection: &mut PgConnection,
    archive: &mut Archive,
    selection: &Selection,
    numbers: &[u64],
) -> Result<u64, ExportError> {
    let first = numbers.first().map_or(0, |first| first - 1);
    let (skipped, condition) = match selection {
        Selection::All | Selection::Range { .. } => (first, "$3::text IS NULL"),
        Selection::Tenant(_) => (0, "e.metadata ->> 'tenant_id' = $3"),
    };
    let tenant = match selection {
        Selection::Tenant(tenant) => Some(tenant.as_str()),
        Selection::All | Selection::Range { .. } => None,
    };
    let sql = format!("{SELECT_EVENTS} WHERE {condition} ORDER BY e.xid, e.position OFFSET $1 LIMIT $2");
    let mut rows = sqlx::query(&sql)
        .bind(i64::try_from(skipped).unwrap_or(i64::MAX))
        .bind(i64::try_from(numbers.len()).unwrap_or(i64::MAX))
        .bind(tenant)
        .fetch(connection);
    let zip = archive.begin("events.jsonl")?;
    let mut written = 0;
    while let Some(row) = rows.try_next().await? {
        let mut line = EventLine::of(&row)?.bytes;
        line.push(b'\n');
        zip.write_all(&line)?;
        written += 1;
    }
    if u64::try_from(numbers.len()) == Ok(written) {
        Ok(written)
    } else {
        Err(ExportError::Broken(first + written + 1))
    }
}

/// Writes what proves the events against the checkpoint.
async fn proofs(
    connection: &mut PgConnection,
    archive: &mut Archive,
    selection: &Selection,
    numbers: &[u64],
    last: &Note,
    earlier: Option<u64>,
) -> Result<(), ExportError> {
    let size = last.size;
    let tenants = checkpoint::tenants(connection, i64::try_from(size).unwrap_or(i64::MAX)).await?;
    let consistent = earlier.map_or_else(Vec::new, |old| consistency(old, size));
    let range = numbers.first().map_or(0, |first| first - 1)..numbers.last().copied().unwrap_or_default();
    let (before, after) = surroundings(&range, size);
    let mut prover = Prover::default();
    for wanted in consistent.iter().chain(&before).chain(&after) {
        prover.want(wanted);
    }
    match selection {
        Selection::All => {
            let zip = archive.begin("tenants.jsonl")?;
            for tenant in &tenants {
                zip.write_all(&tenant.line())?;
                zip.write_all(b"\n")?;
            }
            return Ok(());
        }
        Selection::Range { .. } => fill(connection, &mut prover, size).await?,
        Selection::Tenant(_) => {
            for path in numbers.iter().map(|number| inclusion(number - 1, size)) {
                for step in &path {
                    prover.want(step);
                }
            }
            fill(connection, &mut prover, size).await?;
        }
    }
    let hashes = |ranges: &[Range<u64>]| -> Result<Vec<Hash>, ExportError> {
        let found = ranges.iter().map(|range| prover.hash(range));
        found.collect::<Option<_>>().ok_or(ExportError::Broken(size))
    };
    let consistent = json!({"from": earlier, "to": size, "path": hashes(&consistent)?});
    let Selection::Tenant(tenant) = selection else {
        let proofs = json!({"before": hashes(&before)?, "after": hashes(&after)?, "consistency": consistent});
        return archive.add_json("proofs.json", &proofs);
    };
    let zip = archive.begin("inclusion.jsonl")?;
    for number in numbers {
        let line = json!({"number": number, "path": hashes(&inclusion(number - 1, size))?});
        writeln!(zip, "{line}")?;
    }
    let index = tenants.iter().position(|end| end.tenant == *tenant);
    let (index, end) = index
        .and_then(|index| Some((u64::try_from(index).ok()?, tenants.get(index)?)))
        .ok_or_else(|| ExportError::Tenant(tenant.clone()))?;
    let count = u64::try_from(tenants.len()).unwrap_or(u64::MAX);
    let steps = inclusion(index, count);
    let mut tree = Prover::default();
    for step in &steps {
        tree.want(step);
    }
    for tenant in &tenants {
        tree.push(Hash::leaf(&tenant.line()));
    }
    let path: Option<Vec<Hash>> = steps.iter().map(|step| tree.hash(step)).collect();
    let proofs = json!({
        "tenant": {"events": end.events, "head": end.head, "tenant": tenant},
        "index": index,
        "path": path.ok_or(ExportError::Broken(size))?,
        "consistency": consistent,
    });
    archive.add_json("proofs.json", &proofs)
}

/// Lets the first `size` leaves go by.
async fn fill(connection: &mut PgConnection, prover: &mut Prover, size: u64) -> Result<(), ExportError> {
    let mut blocks = sqlx::query("SELECT leaves FROM es.chain ORDER BY first_number").fetch(connection);
    while let Some(row) = blocks.try_next().await? {
        let leaves: Vec<u8> = row.try_get("leaves")?;
        for leaf in leaves.chunks(HASH_BYTES) {
            let number = prover.frontier().size() + 1;
            if number > size {
                return Ok(());
            }
            prover.push(Hash::from_bytes(leaf).ok_or(ExportError::Broken(number))?);
        }
    }
    Ok(())
}
