//! Compares the log with its chain and the chain with its checkpoints, and names what differs.
//!
//! Everything is read in one snapshot, in one pass: events and blocks side by side in the order of their numbers.
//! It asks nothing of the events' meaning, so no edit can stop it.

mod claims;
mod sources;
mod walk;

use futures::StreamExt;
use platform::audit_key::AuditPublicKey;
use platform::objects::{ObjectError, Objects};
use serde::Serialize;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::block;
use super::chainer::{self, ChainError};
use super::hash::Hash;
use crate::Position;
use walk::Walk;

/// Most violations that a report names; the rest is counted.
pub const VIOLATIONS_NAMED_MAX: usize = 100;

/// What the log is held against, besides its own database.
pub struct Evidence<'a> {
    pub key: AuditPublicKey,
    /// Where checkpoints are published; `None` compares with none.
    pub objects: Option<&'a Objects>,
    /// Texts of checkpoints that somebody kept.
    pub kept: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An event is not what was recorded.
    Edited,
    /// A recorded event is gone.
    Deleted,
    /// An event stands among older ones without having been recorded.
    Inserted,
    /// An event stands in another's place.
    Moved,
    /// There are fewer events than a checkpoint covers.
    Truncated,
    /// The chain itself was changed.
    Chain,
    /// A signature is not by the audit key.
    Signature,
    /// A checkpoint does not fit the chain, or is missing.
    Checkpoint,
}

/// One difference between what was recorded and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub kind: Kind,
    /// The event's number in the order of the log, from 1.
    pub number: i64,
    /// Where the event stands now; `None` where there is none.
    pub position: Option<Position>,
    /// Aggregate type and id.
    pub stream: Option<String>,
    pub sequence: Option<i64>,
    pub field: String,
    pub expected: String,
    pub found: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// Events of the chain.
    pub events: u64,
    pub head: Hash,
    /// Root of the Merkle tree over them.
    pub root: Hash,
    pub tenants: u64,
    /// Checkpoints that were compared, wherever they came from.
    pub checkpoints: u64,
    /// Events that are newer than the chain's end.
    pub unchained: u64,
    pub violations: u64,
    /// In the order of their numbers; at most [`VIOLATIONS_NAMED_MAX`].
    pub named: Vec<Violation>,
}

impl ChainReport {
    pub fn is_clean(&self) -> bool {
        self.violations == 0
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("the published checkpoints cannot be read: {0}")]
    Objects(#[from] ObjectError),
}

impl From<sqlx::Error> for VerifyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Chain(error.into())
    }
}

/// Verifies the whole chain. `pool` may read `es`; `progress` is told how many events of how many are done.
///
/// # Errors
/// The database or the object store cannot be read. What is wrong with the log is no error: the report names it.
pub async fn verify(
    pool: &PgPool,
    evidence: &Evidence<'_>,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<ChainReport, VerifyError> {
    let mut first = begin(pool).await?;
    let snapshot: String = sqlx::query_scalar("SELECT pg_export_snapshot()")
        .fetch_one(&mut *first)
        .await?;
    let mut block_reader = join(pool, &snapshot).await?;
    let mut lookup = join(pool, &snapshot).await?;
    let (total, _) = block::end(&mut lookup).await?;
    let total = u64::try_from(total).unwrap_or_default();
    let reached = chainer::checkpoint(&mut lookup).await?.unwrap_or_default();
    let mut found = Found::default();
    let claims = claims::gather(&mut lookup, evidence, &mut found).await?;
    let mut events = sources::events(&mut first);
    let blocks = sources::blocks(&mut block_reader, evidence.key);
    let mut walk = Walk::new(blocks, &mut lookup, claims, reached, found);
    while let Some(chunk) = events.next().await {
        for (row, hashed) in &chunk? {
            walk.event(row, hashed).await?;
        }
        progress(walk.done(), total.max(walk.done()));
    }
    Ok(walk.finish().await?)
}

async fn begin(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let mut transaction = pool
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    // Each of the connections waits for the others for as long as it takes.
    sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0")
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}

async fn join(pool: &PgPool, snapshot: &str) -> sqlx::Result<Transaction<'static, Postgres>> {
    let mut transaction = pool
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    // Postgres' own text: digits, letters and hyphens. It must come before any query.
    sqlx::raw_sql(&format!(
        "SET TRANSACTION SNAPSHOT '{snapshot}'; SET LOCAL idle_in_transaction_session_timeout = 0"
    ))
    .execute(&mut *transaction)
    .await?;
    Ok(transaction)
}

/// Violations, named up to a limit.
#[derive(Default)]
pub(super) struct Found {
    count: u64,
    named: Vec<Violation>,
}

impl Found {
    fn add(&mut self, violation: Violation) {
        self.count += 1;
        if self.named.len() < VIOLATIONS_NAMED_MAX {
            self.named.push(violation);
        }
    }

    /// One that is about the chain and not about a single event.
    fn chain(&mut self, kind: Kind, number: i64, field: &str, expected: impl ToString, found: impl ToString) {
        self.add(Violation {
            kind,
            number,
            position: None,
            stream: None,
            sequence: None,
            field: field.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }
}

/// Whether the log holds an event of this stream and sequence.
async fn is_in_log(connection: &mut PgConnection, stream: &str, sequence: i64) -> sqlx::Result<bool> {
    let (kind, id) = stream.split_once('/').unwrap_or((stream, ""));
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM es.events WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence = $3)",
    )
    .bind(kind)
    .bind(id)
    .bind(sequence)
    .fetch_one(connection)
    .await
}

/// Whether the chain holds an event of this stream and sequence.
async fn is_in_chain(connection: &mut PgConnection, stream: &str, sequence: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM es.chain c, unnest(c.streams, c.sequences) AS e (stream, sequence)
                        WHERE c.streams @> ARRAY[$1] AND e.stream = $1 AND e.sequence = $2)",
    )
    .bind(stream)
    .bind(sequence)
    .fetch_one(connection)
    .await
}
