//! The audit: folds the whole log again, beside the live tables, and compares every row.
//!
//! The live tables are read in one snapshot, and each projection is folded to exactly the checkpoint that this
//! snapshot holds, so an audit of a running system compares like with like. Progress of jobs is not in the log
//! and is left out; their status updates are compared.
//!
//! One connection reads the log, several fold it, several compare; how many, the size of the pool says.

mod compare;
mod log;
mod refold;
mod settle;

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;
use sqlx::{Executor, PgConnection, PgPool, Row};
use store::vault::Vault;
use store::{Position, erasure};
use uuid::Uuid;

use crate::dead_letters;
use crate::ledger::periods::{self, ChangedPeriod};
use crate::projection::{self, ProjectionError, ReadModel};

pub use settle::settle;

/// Most differences that a report names; the rest is counted.
pub const DIFFERENCES_NAMED_MAX: usize = 100;

/// What was checked and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Events of the log that at least one projection includes.
    pub events: u64,
    /// The last of them.
    pub position: Position,
    pub projections: Vec<ProjectionReport>,
    /// What is wrong with the log itself, in words; at most [`DIFFERENCES_NAMED_MAX`].
    pub log_faults: Vec<String>,
    /// Differences named, over all projections; at most [`DIFFERENCES_NAMED_MAX`].
    pub differences: Vec<Difference>,
    /// Closed periods that are not what they were closed with, by the journal that is served or by the one that the
    /// log gives now.
    pub changed_periods: Vec<ChangedPeriod>,
}

impl AuditReport {
    /// Whether the log is sound and every row follows from it.
    pub fn is_clean(&self) -> bool {
        self.log_faults.is_empty()
            && self.changed_periods.is_empty()
            && self
                .projections
                .iter()
                .all(|projection| projection.differences == 0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionReport {
    pub name: &'static str,
    pub version: i32,
    pub checkpoint: Position,
    pub events: u64,
    pub tables: Vec<&'static str>,
    /// Live rows compared.
    pub rows: u64,
    pub differences: u64,
    /// SHA-256 over the rows as the log gives them, lower-case hex.
    pub digest: String,
}

/// A place where a read table does not follow from the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// With its schema.
    pub table: String,
    /// The row's key, for example `reseller_id=0197…`.
    pub key: String,
    /// `None` where the whole row is missing or too much.
    pub column: Option<String>,
    /// From the log; `None` where it gives no such row or a null.
    pub expected: Option<String>,
    /// In the read table; `None` where there is no such row or a null.
    pub found: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit cannot read or write the database: {0}; it needs the owner's connection")]
    Database(#[from] sqlx::Error),
    #[error("the log cannot be folded: {0}")]
    Projection(#[from] ProjectionError),
    #[error("the work was given up: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// What an audit is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Counts events.
    Fold,
    /// Counts read models.
    Compare,
}

/// Is told how many of how many are done.
pub type Tell<'a> = &'a mut (dyn FnMut(Stage, u64, u64) + Send);

/// A projection with the state of its checkpoint in the snapshot.
struct Subject {
    model: Arc<dyn ReadModel>,
    checkpoint: Position,
    /// Events that it could not fold and put aside.
    parked: HashSet<Position>,
    events: u64,
}

/// Audits everything. `owner` connects as the owner of the schema, with four connections at least: the audit makes
/// a schema of its own and drops it at the end.
///
/// # Errors
/// The database fails, or an event cannot be folded.
pub async fn verify(owner: &PgPool, vault: &Vault) -> Result<AuditReport, AuditError> {
    verify_telling(owner, vault, &mut |_, _, _| {}).await
}

/// [`verify`], and `progress` is told how far it is.
///
/// # Errors
/// As `verify`.
pub async fn verify_telling(
    owner: &PgPool,
    vault: &Vault,
    progress: Tell<'_>,
) -> Result<AuditReport, AuditError> {
    let scratch = format!("audit_{}", Uuid::now_v7().simple());
    // In a transaction of its own: a snapshot taken while it waits for an erasure would still show the person.
    let mut no_erasures = owner.begin().await?;
    no_erasures
        .execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        .await?;
    erasure::hold_off_for_audit(&mut no_erasures).await?;
    let outcome = verify_in(owner, &scratch, vault, progress).await;
    let dropped = owner
        .execute(format!("DROP SCHEMA IF EXISTS {scratch} CASCADE").as_str())
        .await;
    let report = outcome?;
    dropped?;
    no_erasures.rollback().await?;
    Ok(report)
}

async fn verify_in(
    owner: &PgPool,
    scratch: &str,
    vault: &Vault,
    progress: Tell<'_>,
) -> Result<AuditReport, AuditError> {
    // The snapshot stays open while the log is folded, and waits without a statement for as long.
    let mut snapshot = owner
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    snapshot
        .execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        .await?;
    let subjects = subjects(&mut snapshot).await?;
    let mut faults = log::contiguity(&mut snapshot).await?;
    make_scratch(&mut *owner.acquire().await?, scratch, &subjects).await?;
    let refolded = refold::refold(owner, scratch, subjects, vault, progress).await?;
    faults.extend(refolded.faults);
    faults.truncate(DIFFERENCES_NAMED_MAX);

    let exported: String = sqlx::query_scalar("SELECT pg_export_snapshot()")
        .fetch_one(&mut *snapshot)
        .await?;
    let compared = compare::all(owner, &exported, scratch, &refolded.subjects, progress).await?;
    let mut folded = owner.begin().await?;
    let changed = changed_periods(&mut snapshot, &mut folded, scratch).await?;
    folded.rollback().await?;
    snapshot.rollback().await?;
    Ok(report(
        refolded.events,
        &refolded.subjects,
        faults,
        compared,
        changed,
    ))
}

fn report(
    events: u64,
    subjects: &[Subject],
    log_faults: Vec<String>,
    compared: Vec<compare::Compared>,
    changed_periods: Vec<ChangedPeriod>,
) -> AuditReport {
    let mut differences = Vec::new();
    let mut projections = Vec::new();
    for (subject, compared) in subjects.iter().zip(compared) {
        projections.push(ProjectionReport {
            name: subject.model.name(),
            version: subject.model.version(),
            checkpoint: subject.checkpoint,
            events: subject.events,
            tables: subject.model.tables().iter().map(|table| table.name).collect(),
            rows: compared.rows,
            differences: compared.differences,
            digest: compared.digest,
        });
        differences.extend(compared.named);
    }
    differences.truncate(DIFFERENCES_NAMED_MAX);
    let position = subjects.iter().map(|subject| subject.checkpoint).max();
    AuditReport {
        events,
        position: position.unwrap_or_default(),
        projections,
        log_faults,
        differences,
        changed_periods,
    }
}

/// Lets the transaction's unqualified table names mean those of `schema`.
async fn look_into(connection: &mut PgConnection, schema: &str) -> sqlx::Result<()> {
    sqlx::query("SELECT set_config('search_path', $1, true)")
        .bind(schema)
        .execute(connection)
        .await?;
    Ok(())
}

/// Each changed period once, although both journals usually say the same of it.
async fn changed_periods(
    snapshot: &mut PgConnection,
    folded: &mut PgConnection,
    scratch: &str,
) -> sqlx::Result<Vec<ChangedPeriod>> {
    look_into(folded, scratch).await?;
    look_into(snapshot, "read").await?;
    let mut changed = periods::changed(folded).await?;
    for served in periods::changed(snapshot).await? {
        if !changed.contains(&served) {
            changed.push(served);
        }
    }
    Ok(changed)
}

async fn subjects(snapshot: &mut PgConnection) -> sqlx::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for model in projection::all() {
        let row = sqlx::query(
            "SELECT last_xid, last_position FROM es.checkpoints WHERE projection = $1 AND version = $2",
        )
        .bind(model.name())
        .bind(model.version())
        .fetch_optional(&mut *snapshot)
        .await?;
        let checkpoint = match row {
            Some(row) => Position {
                xid: row.try_get("last_xid")?,
                position: row.try_get("last_position")?,
            },
            None => Position::START,
        };
        let parked = dead_letters::positions(&mut *snapshot, model.name()).await?;
        subjects.push(Subject {
            model,
            checkpoint,
            parked,
            events: 0,
        });
    }
    Ok(subjects)
}

/// Empty copies of all tables with what tells their rows apart. Other indexes, which only queries need, would cost as
/// much as the rows.
async fn make_scratch(
    connection: &mut PgConnection,
    scratch: &str,
    subjects: &[Subject],
) -> sqlx::Result<()> {
    connection
        .execute(format!("CREATE SCHEMA {scratch}").as_str())
        .await?;
    for table in subjects.iter().flat_map(|subject| subject.model.tables()) {
        let live = format!("{}.{}", table.schema, table.name);
        let copy = format!("{scratch}.{}", table.name);
        connection
            .execute(
                format!("CREATE UNLOGGED TABLE {copy} (LIKE {live} INCLUDING ALL EXCLUDING INDEXES)")
                    .as_str(),
            )
            .await?;
        let unique: Vec<String> = sqlx::query_scalar(
            "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = $1::regclass AND i.indisunique",
        )
        .bind(&live)
        .fetch_all(&mut *connection)
        .await?;
        for index in unique {
            let index = index.replace(&format!(" ON {live} "), &format!(" ON {copy} "));
            connection.execute(index.as_str()).await?;
        }
    }
    Ok(())
}
