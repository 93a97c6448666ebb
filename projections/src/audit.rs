//! The audit: folds the whole log again, beside the live tables, and compares every row.
//!
//! The live tables are read in one snapshot, and each projection is folded to exactly the checkpoint that this
//! snapshot holds, so an audit of a running system compares like with like. Progress of jobs is not in the log
//! and is left out; their status updates are compared.

mod compare;
mod log;
mod refold;
mod settle;

use std::collections::HashSet;

use serde::Serialize;
use sqlx::{Connection, Executor, PgConnection, PgPool, Row};
use store::vault::Vault;
use store::{Position, erasure};
use uuid::Uuid;

use crate::dead_letters;
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
}

impl AuditReport {
    /// Whether the log is sound and every row follows from it.
    pub fn is_clean(&self) -> bool {
        self.log_faults.is_empty()
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
}

/// Is told how many events of how many are done.
pub type Tell<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// A projection with the state of its checkpoint in the snapshot.
struct Subject {
    model: std::sync::Arc<dyn ReadModel>,
    checkpoint: Position,
    /// Events that it could not fold and put aside.
    parked: HashSet<Position>,
    events: u64,
}

/// Audits everything. `owner` connects as the owner of the schema: the audit makes a schema of its own and
/// drops it at the end.
///
/// # Errors
/// The database fails, or an event cannot be folded.
pub async fn verify(owner: &PgPool, vault: &Vault) -> Result<AuditReport, AuditError> {
    verify_telling(owner, vault, &mut |_, _| {}).await
}

/// [`verify`], and `progress` is told how many events of about how many are folded.
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
    let mut connection = owner.acquire().await?;
    let outcome = verify_in(owner, &mut connection, &scratch, vault, progress).await;
    let dropped = connection
        .execute(format!("DROP SCHEMA IF EXISTS {scratch} CASCADE").as_str())
        .await;
    let report = outcome?;
    dropped?;
    no_erasures.rollback().await?;
    Ok(report)
}

async fn verify_in(
    owner: &PgPool,
    connection: &mut PgConnection,
    scratch: &str,
    vault: &Vault,
    progress: Tell<'_>,
) -> Result<AuditReport, AuditError> {
    // The snapshot stays open while the log is folded, and waits without a statement for as long.
    let mut snapshot = owner
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    snapshot
        .execute("SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL timezone = 'UTC'")
        .await?;
    let mut subjects = subjects(&mut snapshot).await?;
    let mut faults = log::contiguity(&mut snapshot).await?;
    make_scratch(connection, scratch, &subjects).await?;
    let mut credits = log::CreditSums::default();
    let events = refold::refold(connection, scratch, &mut subjects, vault, &mut credits, progress).await?;
    faults.extend(credits.into_faults());
    faults.truncate(DIFFERENCES_NAMED_MAX);

    let mut differences = Vec::new();
    let mut projections = Vec::new();
    let mut folded = connection.begin().await?;
    folded.execute("SET LOCAL timezone = 'UTC'").await?;
    for subject in &subjects {
        let compared = compare::projection(
            &mut snapshot,
            &mut folded,
            scratch,
            subject.model.tables(),
            &mut differences,
        )
        .await?;
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
    }
    folded.rollback().await?;
    snapshot.rollback().await?;
    let position = subjects
        .iter()
        .map(|subject| subject.checkpoint)
        .max()
        .unwrap_or_default();
    Ok(AuditReport {
        events,
        position,
        projections,
        log_faults: faults,
        differences,
    })
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

async fn make_scratch(
    connection: &mut PgConnection,
    scratch: &str,
    subjects: &[Subject],
) -> sqlx::Result<()> {
    connection
        .execute(format!("CREATE SCHEMA {scratch}").as_str())
        .await?;
    for table in subjects.iter().flat_map(|subject| subject.model.tables()) {
        let copy = format!(
            "CREATE UNLOGGED TABLE {scratch}.{0} (LIKE {1}.{0} INCLUDING ALL)",
            table.name, table.schema
        );
        connection.execute(copy.as_str()).await?;
    }
    Ok(())
}
