//! The task that keeps the chain at the head of the log and signs checkpoints when they are due.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use platform::Clock;
use platform::audit_key::AuditKey;
use platform::objects::Objects;
use platform::shutdown::pause;
use sqlx::{PgPool, Row};
use tokio_util::sync::CancellationToken;

use super::chainer::{ChainError, Chainer, Step};
use super::checkpoint::{self, PublishError};
use super::status::{self, StatusError};
use crate::answered::answered;
use crate::wake::Wake;

/// What arrives within this time becomes one block.
const GATHER: Duration = Duration::from_millis(100);
const POLL_QUIET: Duration = Duration::from_millis(500);
const POLL_FOLLOWER: Duration = Duration::from_secs(1);
/// Longest that a block, and what is due after it, may take.
const STEP_WITHIN: Duration = Duration::from_mins(2);
const BACKOFF: Duration = Duration::from_secs(2);
/// How often it is looked whether a checkpoint is due, and the figures for the alerts are told.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(15);

pub struct ChainParts {
    /// Of the role `stentor_projections`.
    pub pool: PgPool,
    pub key: Arc<AuditKey>,
    pub objects: Objects,
    pub clock: Clock,
    pub wake: Wake,
    /// Name of the log in its checkpoints.
    pub origin: String,
    /// Between checkpoints while something is new.
    pub checkpoint_every: TimeDelta,
    /// Between checkpoints while nothing is.
    pub checkpoint_at_least_every: TimeDelta,
}

#[derive(Debug, thiserror::Error)]
enum TaskError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Status(#[from] StatusError),
    #[error("the checkpoints cannot be read: {0}")]
    Database(#[from] sqlx::Error),
}

/// Chains and signs until `stop`.
pub async fn run(parts: ChainParts, stop: CancellationToken) {
    let key = Arc::clone(&parts.key);
    let mut chainer = Chainer::new(&key);
    let mut events = parts.wake.watch_events();
    let mut looks = Looks::default();
    let counter = metrics::counter!("stentor_audit_chained_events_total");
    let mut failing = false;
    while !stop.is_cancelled() {
        let outcome = answered(STEP_WITHIN, async {
            let done = chainer.step(&parts.pool).await?;
            looks.look(&parts, done).await?;
            Ok::<_, TaskError>(done)
        })
        .await;
        if failing && outcome.is_ok() {
            tracing::info!("the hash chain goes on");
        }
        let wait = match outcome {
            Ok(Step::Chained { events, .. }) => {
                counter.increment(u64::try_from(events).unwrap_or(u64::MAX));
                failing = false;
                GATHER
            }
            Ok(Step::Idle { .. }) => {
                failing = false;
                tokio::select! {
                    () = events.wait(POLL_QUIET) => {}
                    () = stop.cancelled() => {}
                }
                GATHER
            }
            Ok(Step::Follower) => {
                failing = false;
                POLL_FOLLOWER
            }
            Err(error) => {
                if !failing {
                    tracing::error!(%error, "the hash chain has stopped; it is tried again until it succeeds");
                }
                failing = true;
                BACKOFF
            }
        };
        pause(wait, &stop).await;
    }
}

/// When it was last looked, and which checkpoint was last published.
#[derive(Default)]
struct Looks {
    at: Option<DateTime<Utc>>,
    published: Option<DateTime<Utc>>,
}

impl Looks {
    async fn look(&mut self, parts: &ChainParts, step: Step) -> Result<(), TaskError> {
        let now = parts.clock.now();
        let lately = self.at.is_some_and(|at| (at..at + LOOK_EVERY).contains(&now));
        if step == Step::Follower || lately {
            return Ok(());
        }
        // However it goes: what fails is not tried again with every block.
        self.at = Some(now);
        if is_due(parts, now).await? {
            let made = checkpoint::make(&parts.pool, &parts.key, &parts.origin, now).await?;
            tracing::info!(events = made.note.size, root = %made.note.root, "a checkpoint was signed");
        }
        self.published = checkpoint::publish(&parts.pool, &parts.objects, self.published).await?;
        let mut connection = parts.pool.acquire().await?;
        status::read(&mut connection, now).await?.tell_metrics();
        Ok(())
    }
}

async fn is_due(parts: &ChainParts, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let row = sqlx::query(
        "SELECT c.made_at, c.size, coalesce((SELECT max(b.last_number) FROM es.chain b), 0) AS number
         FROM es.audit_checkpoints c ORDER BY c.made_at DESC LIMIT 1",
    )
    .fetch_optional(&parts.pool)
    .await?;
    let Some(row) = row else {
        return Ok(true);
    };
    let age = now - row.try_get::<DateTime<Utc>, _>("made_at")?;
    let (size, number): (i64, i64) = (row.try_get("size")?, row.try_get("number")?);
    let interval = if number == size {
        parts.checkpoint_at_least_every
    } else {
        parts.checkpoint_every
    };
    Ok(age >= interval)
}
