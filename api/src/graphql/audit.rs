//! How the proof of the log stands: for the platform's people.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Audience;
use projections::Projection;
use projections::ledger::Ledger;
use projections::ledger::violations;
use store::chain::{CHECKPOINT_NAME, status};

use super::periods::LedgerViolation;
use super::scalars::{Int64, int64};
use crate::error::{ApiError, ApiResult};
use crate::session::Session;

const PLATFORM_ONLY: &str =
    "the proof of the log is the platform's: ask it for an archive of your own events";

/// The proof of the log: the chain that follows it, the last signed checkpoint, what the last verification found.
#[derive(SimpleObject)]
pub(super) struct AuditStatus {
    /// Whether nothing is known to be wrong, in the log or in the ledger.
    sound: bool,
    /// Events in the chain.
    events: Int64,
    /// The chain's last hash.
    head: String,
    /// Log position that the chain includes.
    position: String,
    /// Positions between the end of the chain and the end of the log: at least as many as events wait.
    lag: Int64,
    /// Null while none has been signed.
    checkpoint: Option<AuditCheckpoint>,
    /// Null while `stentor audit verify` has never run.
    last_verification: Option<Verification>,
    /// Events that break a rule of the ledger, at most 100.
    ledger_violations: i32,
    /// The first of them: the place to look.
    first_ledger_violation: Option<LedgerViolation>,
}

/// A signed statement over all events up to a number.
#[derive(SimpleObject)]
pub(super) struct AuditCheckpoint {
    /// Events that it covers.
    size: Int64,
    /// Root of the Merkle tree over them.
    root: String,
    /// Id of the key that it says it was signed with, as `stentor audit key` prints it.
    key: String,
    made_at: DateTime<Utc>,
    age_seconds: Int64,
}

/// What a run of `stentor audit verify` found.
#[derive(SimpleObject)]
pub(super) struct Verification {
    at: DateTime<Utc>,
    events: Int64,
    violations: Int64,
    /// The first violation, as the report has it, in JSON.
    first: Option<String>,
}

impl From<status::CheckpointStatus> for AuditCheckpoint {
    fn from(checkpoint: status::CheckpointStatus) -> Self {
        Self {
            size: int64(checkpoint.size),
            root: checkpoint.root.to_string(),
            key: checkpoint.key,
            made_at: checkpoint.made_at,
            age_seconds: Int64(checkpoint.age_seconds),
        }
    }
}

impl From<status::VerifyStatus> for Verification {
    fn from(run: status::VerifyStatus) -> Self {
        Self {
            at: run.run_at,
            events: Int64(run.events),
            violations: Int64(run.violations),
            first: run.first.map(|first| first.to_string()),
        }
    }
}

#[derive(Default)]
pub(super) struct AuditQuery;

#[Object]
impl AuditQuery {
    /// How the proof of the log stands.
    async fn audit_status(
        &self,
        ctx: &Context<'_>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<AuditStatus> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin], PLATFORM_ONLY)?;
        let sources = [Ledger::NAME, CHECKPOINT_NAME];
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let status = status::read(read, session.reader.now())
            .await
            .map_err(|error| ApiError::Internal(Arc::new(error)))?;
        let violations = violations::list(read, scope).await?;
        Ok(AuditStatus {
            sound: status.is_sound() && violations.is_empty(),
            events: Int64(status.events),
            head: status.head.to_string(),
            position: status.position.to_string(),
            lag: Int64(status.lag),
            checkpoint: status.checkpoint.map(Into::into),
            last_verification: status.last_verify.map(Into::into),
            ledger_violations: i32::try_from(violations.len()).unwrap_or(i32::MAX),
            first_ledger_violation: violations.into_iter().next().map(Into::into),
        })
    }
}
