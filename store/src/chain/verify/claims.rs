//! What checkpoints claim: those of the database, those that were published, those that somebody kept.

use std::collections::HashSet;
use std::fmt;

use sqlx::{PgConnection, Row};

use super::super::merkle::Frontier;
use super::super::note::Note;
use super::{Evidence, Found, Kind, VerifyError};

/// Where published checkpoints lie.
const FOLDER: &str = "audit/checkpoints/";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Database,
    Published,
    Kept,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "the database",
            Self::Published => "the object store",
            Self::Kept => "the given file",
        })
    }
}

/// A checkpoint that the audit key signed.
pub(super) struct Claim {
    pub note: Note,
    pub source: Source,
    /// As the database holds it beside the note; an empty one where it is none.
    pub frontier: Option<Frontier>,
    /// Whether the tenants' heads are compared too: for the last of each source.
    pub with_tenants: bool,
}

/// All checkpoints, smallest first. Those that are no checkpoints are violations.
pub(super) async fn gather(
    connection: &mut PgConnection,
    evidence: &Evidence<'_>,
    found: &mut Found,
) -> Result<Vec<Claim>, VerifyError> {
    let stored = stored(connection, evidence, found).await?;
    let mut claims = stored.claims;
    if let Some(objects) = evidence.objects {
        let listed = objects.list(FOLDER).await?;
        let listed_set: HashSet<&str> = listed.iter().map(String::as_str).collect();
        let missing = stored
            .names
            .iter()
            .filter(|(name, ..)| !listed_set.contains(name.as_str()));
        for (name, number, _) in missing {
            found.chain(
                Kind::Checkpoint,
                *number,
                "published checkpoint",
                name,
                "nothing in the object store",
            );
        }
        let known: HashSet<&str> = stored.names.iter().map(|(name, ..)| name.as_str()).collect();
        let last = listed.last();
        for name in listed
            .iter()
            .filter(|name| !known.contains(name.as_str()) || Some(*name) == last)
        {
            let text = String::from_utf8_lossy(&objects.get(name).await?).into_owned();
            let same = stored
                .names
                .iter()
                .any(|(known, _, known_text)| known == name && *known_text == text);
            if !same {
                claims.extend(claim(&text, Source::Published, evidence, found));
            }
            if let Some((_, number, _)) = stored.names.iter().find(|(known, ..)| known == name && !same) {
                found.chain(
                    Kind::Checkpoint,
                    *number,
                    "published checkpoint",
                    "as in the database",
                    name,
                );
            }
        }
    }
    for text in &evidence.kept {
        claims.extend(claim(text, Source::Kept, evidence, found));
    }
    claims.sort_by_key(|claim| (claim.note.size, claim.note.made_at));
    for source in [Source::Database, Source::Published, Source::Kept] {
        if let Some(last) = claims.iter_mut().rev().find(|claim| claim.source == source) {
            last.with_tenants = true;
        }
    }
    Ok(claims)
}

struct Stored {
    claims: Vec<Claim>,
    /// Name in the object store, size, text.
    names: Vec<(String, i64, String)>,
}

async fn stored(
    connection: &mut PgConnection,
    evidence: &Evidence<'_>,
    found: &mut Found,
) -> Result<Stored, VerifyError> {
    let rows = sqlx::query("SELECT made_at, size, frontier, note FROM es.audit_checkpoints ORDER BY made_at")
        .fetch_all(connection)
        .await?;
    let mut stored = Stored {
        claims: Vec::new(),
        names: Vec::new(),
    };
    for row in &rows {
        let (size, text): (i64, String) = (row.try_get("size")?, row.try_get("note")?);
        let Some(mut claim) = claim(&text, Source::Database, evidence, found) else {
            continue;
        };
        let made_at: chrono::DateTime<chrono::Utc> = row.try_get("made_at")?;
        if i64::try_from(claim.note.size) != Ok(size) || claim.note.made_at != made_at {
            let (expected, found_text) = (
                format!("{} events at {}", claim.note.size, claim.note.made_at),
                format!("{size} events at {made_at}"),
            );
            found.chain(
                Kind::Checkpoint,
                size,
                "es.audit_checkpoints",
                expected,
                found_text,
            );
        }
        let frontier: Vec<u8> = row.try_get("frontier")?;
        claim.frontier = Some(Frontier::from_bytes(claim.note.size, &frontier).unwrap_or_default());
        stored.names.push((claim.note.object_key(), size, text));
        stored.claims.push(claim);
    }
    Ok(stored)
}

fn claim(text: &str, source: Source, evidence: &Evidence<'_>, found: &mut Found) -> Option<Claim> {
    match Note::verify(text, &evidence.key) {
        Ok(note) => Some(Claim {
            note,
            source,
            frontier: None,
            with_tenants: false,
        }),
        Err(error) => {
            let number = Note::parse(text)
                .ok()
                .and_then(|note| i64::try_from(note.size).ok());
            found.chain(
                Kind::Signature,
                number.unwrap_or_default(),
                "checkpoint",
                "a checkpoint signed by the audit key",
                format!("in {source}: {error}"),
            );
            None
        }
    }
}
