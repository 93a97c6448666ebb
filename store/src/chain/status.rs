//! How the proof of the log stands, in one glance.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, Row};

use super::block;
use super::chainer;
use super::hash::Hash;
use super::note::{self, Note};
use crate::Position;

#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    #[error("the chain cannot be read: {0}")]
    Database(#[from] sqlx::Error),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditStatus {
    /// Events in the chain.
    pub events: i64,
    pub head: Hash,
    pub position: Position,
    /// Positions between the end of the chain and the end of the log: at least as many as events wait.
    pub lag: i64,
    pub checkpoint: Option<CheckpointStatus>,
    pub last_verify: Option<VerifyStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointStatus {
    pub size: u64,
    pub root: Hash,
    /// Id of the key that it says it was signed with.
    pub key: String,
    pub made_at: DateTime<Utc>,
    pub age_seconds: i64,
}

/// What the last `stentor audit verify` found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerifyStatus {
    pub run_at: DateTime<Utc>,
    pub events: i64,
    pub violations: i64,
    pub first: Option<Value>,
}

impl AuditStatus {
    /// Whether nothing is known to be wrong.
    pub fn is_sound(&self) -> bool {
        self.last_verify.as_ref().is_none_or(|run| run.violations == 0)
            && self
                .checkpoint
                .as_ref()
                .is_none_or(|checkpoint| i64::try_from(checkpoint.size).is_ok_and(|size| size <= self.events))
    }

    pub(super) fn tell_metrics(&self) {
        metrics::gauge!("stentor_audit_chain_events").set(float(self.events));
        metrics::gauge!("stentor_audit_chain_lag_events").set(float(self.lag));
        if let Some(checkpoint) = &self.checkpoint {
            metrics::gauge!("stentor_audit_checkpoint_age_seconds").set(float(checkpoint.age_seconds));
        }
        let violations = self.last_verify.as_ref().map_or(0, |run| run.violations);
        metrics::gauge!("stentor_audit_violations").set(float(violations.max(i64::from(!self.is_sound()))));
    }
}

/// As metrics want it; beyond 2^31 it is only a large number.
fn float(number: i64) -> f64 {
    i32::try_from(number).map_or(f64::from(i32::MAX), f64::from)
}

/// # Errors
/// The database fails.
pub async fn read(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<AuditStatus, StatusError> {
    let ends = sqlx::query("SELECT chained, head, log_xid, log_position FROM es.proof_end()")
        .fetch_one(&mut *connection)
        .await?;
    let chained: Option<i64> = ends.try_get("chained")?;
    let head = match chained {
        Some(_) => block::hash(&ends, "head")?,
        None => Hash::ZERO,
    };
    let log_xid: Option<i64> = ends.try_get("log_xid")?;
    let end = match log_xid {
        Some(xid) => Position {
            xid,
            position: ends.try_get("log_position")?,
        },
        None => Position::START,
    };
    let position = chainer::checkpoint(connection).await?.unwrap_or_default();
    let note: Option<String> =
        sqlx::query_scalar("SELECT note FROM es.audit_checkpoints ORDER BY made_at DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    let checkpoint = note.and_then(|text| {
        let note = Note::parse(&text).ok()?;
        Some(CheckpointStatus {
            size: note.size,
            root: note.root,
            key: note::signer(&text)?,
            made_at: note.made_at,
            age_seconds: (now - note.made_at).num_seconds(),
        })
    });
    let run = sqlx::query(
        "SELECT run_at, events, violations, first FROM es.audit_runs ORDER BY run_at DESC LIMIT 1",
    )
    .fetch_optional(&mut *connection)
    .await?;
    let last_verify = run
        .map(|row| {
            Ok::<_, sqlx::Error>(VerifyStatus {
                run_at: row.try_get("run_at")?,
                events: row.try_get("events")?,
                violations: row.try_get("violations")?,
                first: row.try_get("first")?,
            })
        })
        .transpose()?;
    let lag = if end > position {
        end.position.saturating_sub(position.position).max(1)
    } else {
        0
    };
    Ok(AuditStatus {
        events: chained.unwrap_or_default(),
        head,
        position,
        lag,
        checkpoint,
        last_verify,
    })
}

/// Remembers what a verification found.
///
/// # Errors
/// The database fails.
pub async fn record_run(
    connection: &mut PgConnection,
    events: u64,
    violations: u64,
    first: Option<&Value>,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO es.audit_runs (events, violations, first) VALUES ($1, $2, $3)")
        .bind(i64::try_from(events).unwrap_or(i64::MAX))
        .bind(i64::try_from(violations).unwrap_or(i64::MAX))
        .bind(first)
        .execute(connection)
        .await?;
    Ok(())
}
