//! Reading one's own writes: waits until projections have come as far as a command's position.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::{PgPool, Row};
use store::Position;
use store::wake::Wake;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::projection;

/// Longest wait for a position.
pub const WAIT_MAX: Duration = Duration::from_secs(2);
/// Between two looks where no notification comes.
const POLL: Duration = Duration::from_millis(10);
const POLL_NOTIFIED: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    #[error(
        "the figures have reached position {reached}, not yet {wanted}: ask again shortly, or without minPosition and waitFor"
    )]
    Stale { wanted: Position, reached: Position },
    #[error(
        "no command of yours was carried out under the Idempotency-Key {0:?}: send the command, or send it again with this key"
    )]
    UnknownCommand(String),
    #[error("the checkpoints cannot be read: {0}")]
    Database(#[from] sqlx::Error),
}

/// Where each projection's tables are, as this process last saw.
type Reached = HashMap<String, Position>;

/// Lets any number of requests wait for projections: one task looks for all of them, when it is told that
/// checkpoints have moved, and only while somebody waits. Clones share it.
#[derive(Clone)]
pub struct Waiter {
    reached: watch::Receiver<Reached>,
    waiting: Arc<Waiting>,
    _looking: Arc<AbortOnDropHandle<()>>,
}

#[derive(Default)]
struct Waiting {
    count: AtomicUsize,
    first: Notify,
}

/// Counted as long as it lives.
struct Waits<'a>(&'a Waiting);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Waiter {
    /// `pool` is the one that the waiting requests read from: it may be a replica's.
    pub fn new(pool: PgPool, wake: &Wake) -> Self {
        let (seen, reached) = watch::channel(Reached::new());
        let waiting = Arc::new(Waiting::default());
        let looking = tokio::spawn(look(pool, wake.clone(), Arc::clone(&waiting), seen));
        Self {
            reached,
            waiting,
            _looking: Arc::new(AbortOnDropHandle::new(looking)),
        }
    }

    /// Returns once each of the named projections ([`crate::Projection::NAME`]) includes `position`.
    ///
    /// # Errors
    /// `timeout` has passed before.
    pub async fn wait_for(
        &self,
        projections: &[&str],
        position: Position,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let mut reached = self.reached.clone();
        if slowest(&reached.borrow_and_update(), projections) >= position {
            return Ok(());
        }
        self.waiting.count.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting);
        self.waiting.first.notify_one();
        let there = reached.wait_for(|reached| slowest(reached, projections) >= position);
        let there = tokio::time::timeout(timeout, there)
            .await
            .is_ok_and(|there| there.is_ok());
        if there {
            return Ok(());
        }
        Err(WaitError::Stale {
            wanted: position,
            reached: slowest(&self.reached.borrow(), projections),
        })
    }
}

async fn look(pool: PgPool, wake: Wake, waiting: Arc<Waiting>, seen: watch::Sender<Reached>) {
    let mut moved = wake.watch_checkpoints();
    loop {
        if waiting.count.load(Ordering::Relaxed) == 0 {
            waiting.first.notified().await;
        }
        match checkpoints(&pool).await {
            Ok(reached) => {
                seen.send_if_modified(|known| {
                    let moved = *known != reached;
                    *known = reached;
                    moved
                });
            }
            // Whoever waits is told that the figures are old.
            Err(error) => tracing::warn!(%error, "the checkpoints cannot be read"),
        }
        // A first waiter may come while this one waits for news: it may know of older ones.
        tokio::select! {
            () = moved.wait(POLL_NOTIFIED) => {}
            () = waiting.first.notified() => {}
        }
    }
}

async fn checkpoints<'e>(executor: impl sqlx::PgExecutor<'e>) -> sqlx::Result<Reached> {
    sqlx::query("SELECT projection, last_xid, last_position FROM es.checkpoints")
        .fetch_all(executor)
        .await?
        .iter()
        .map(|row| {
            let position = Position {
                xid: row.try_get("last_xid")?,
                position: row.try_get("last_position")?,
            };
            Ok((row.try_get("projection")?, position))
        })
        .collect()
}

/// The position that all of them include; no projection includes every position.
fn slowest(reached: &Reached, projections: &[&str]) -> Position {
    projections
        .iter()
        .map(|name| reached.get(*name).copied().unwrap_or_default())
        .min()
        .unwrap_or(Position {
            xid: i64::MAX,
            position: i64::MAX,
        })
}

/// Where what a command appended ends in the log, by its id. `None` where no such command was carried out.
///
/// # Errors
/// The database fails.
pub async fn command_position(pool: &PgPool, command_id: Uuid) -> sqlx::Result<Option<Position>> {
    let row = sqlx::query("SELECT xid, log_position FROM es.command_position($1)")
        .bind(command_id)
        .fetch_optional(pool)
        .await?;
    row.map(|row| {
        let position = row.try_get("log_position")?;
        // One that appended nothing is visible from the start.
        if position == 0 {
            return Ok(Position::START);
        }
        Ok(Position {
            xid: row.try_get("xid")?,
            position,
        })
    })
    .transpose()
}

/// As [`Waiter::wait_for`], once and without a process around it: it polls.
///
/// # Errors
/// `timeout` has passed before, or the database fails.
pub async fn wait_for(
    pool: &PgPool,
    projections: &[&str],
    position: Position,
    timeout: Duration,
) -> Result<(), WaitError> {
    let deadline = Instant::now() + timeout;
    let mut polls = interval(POLL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        polls.tick().await;
        let reached = slowest(&checkpoints(pool).await?, projections);
        if reached >= position {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(WaitError::Stale {
                wanted: position,
                reached,
            });
        }
    }
}

/// The position that all of the named projections include.
///
/// # Errors
/// The database fails.
pub async fn reached<'e>(
    executor: impl sqlx::PgExecutor<'e>,
    projections: &[&str],
) -> sqlx::Result<Position> {
    Ok(slowest(&checkpoints(executor).await?, projections))
}

/// The names of all projections.
pub fn every_projection() -> Vec<&'static str> {
    projection::all().iter().map(|model| model.name()).collect()
}
