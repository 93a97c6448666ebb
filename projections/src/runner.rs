//! Keeps every projection at the head of the log: one task each, and one that watches the head for all.
//!
//! An event is shown only when no older transaction runs, and those of the projections count: the watcher
//! looks again at once while something waits behind that barrier, and rarely while nothing does.

use std::sync::Arc;
use std::time::Duration;

use platform::shutdown::pause;
use sqlx::{PgPool, Row};
use store::vault::Vault;
use store::wake::Wake;
use store::{Position, feed};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::fold::{Step, step};
use crate::projection::{self, ProjectionError, ReadModel};

const POLL_QUIET: Duration = Duration::from_millis(100);
const POLL_BEHIND_BARRIER: Duration = Duration::from_millis(5);
const POLL_FOLLOWER: Duration = Duration::from_millis(250);
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Runs all projections until `stop`. `pool` is of the role `stentor_projections`.
pub async fn run(pool: PgPool, vault: Vault, wake: Wake, stop: CancellationToken) {
    let (head, heads) = watch::channel(Position::START);
    let mut tasks = JoinSet::new();
    tasks.spawn(watch_head(pool.clone(), wake.clone(), head, stop.clone()));
    for model in projection::all() {
        let task = Task {
            pool: pool.clone(),
            model,
            vault: vault.clone(),
            wake: wake.clone(),
            stop: stop.clone(),
        };
        tasks.spawn(task.run(heads.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a projection's task has died: the others are stopped, start the process again");
            stop.cancel();
        }
    }
}

/// Folds until every projection includes all events that are in the log now, and returns the last of them. For
/// tests, replays and audits.
///
/// It waits for transactions that are older than those events, as every reader of the log does.
///
/// # Errors
/// A projection fails; those before it in the list have caught up.
pub async fn catch_up(pool: &PgPool, vault: &Vault) -> Result<Position, ProjectionError> {
    let end = last_stored(pool).await?;
    let endless = CancellationToken::new();
    for model in projection::all() {
        loop {
            match step(pool, model.as_ref(), vault).await? {
                Step::Idle { at } | Step::Folded { at, .. } if at >= end => break,
                Step::Folded { .. } => {}
                // Behind the barrier, or the leader is at this very batch.
                Step::Idle { .. } | Step::Follower => {
                    pause(POLL_BEHIND_BARRIER, &endless).await;
                }
            }
        }
    }
    Ok(end)
}

/// The last event of the log, whether it may be read yet or not.
async fn last_stored(pool: &PgPool) -> sqlx::Result<Position> {
    let row = sqlx::query(
        "SELECT e.xid::text::bigint AS transaction, e.position FROM es.events e
         ORDER BY e.xid DESC, e.position DESC LIMIT 1",
    )
    .fetch_optional(pool)
    .await?;
    row.map_or(Ok(Position::START), |row| {
        Ok(Position {
            xid: row.try_get("transaction")?,
            position: row.try_get("position")?,
        })
    })
}

async fn watch_head(pool: PgPool, wake: Wake, head: watch::Sender<Position>, stop: CancellationToken) {
    let mut failures = Failures::default();
    let mut events = wake.watch_events();
    while !stop.is_cancelled() {
        match look(&pool).await {
            Ok((seen, behind_barrier)) => {
                failures.over("the head of the log");
                head.send_if_modified(|known| {
                    let moved = *known != seen;
                    *known = seen;
                    moved
                });
                let longest = if behind_barrier {
                    POLL_BEHIND_BARRIER
                } else {
                    POLL_QUIET
                };
                tokio::select! {
                    () = events.wait(longest) => {}
                    () = stop.cancelled() => {}
                }
            }
            Err(error) => {
                pause(failures.next("the head of the log", &error), &stop).await;
            }
        }
    }
}

/// The last event that may be read, and whether others wait behind the barrier.
async fn look(pool: &PgPool) -> sqlx::Result<(Position, bool)> {
    let mut connection = pool.acquire().await?;
    let seen = feed::head(&mut connection).await?;
    let behind_barrier = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM es.events e WHERE (e.xid, e.position) > ($1::text::xid8, $2))",
    )
    .bind(seen.xid.to_string())
    .bind(seen.position)
    .fetch_one(&mut *connection)
    .await?;
    Ok((seen, behind_barrier))
}

struct Task {
    pool: PgPool,
    model: Arc<dyn ReadModel>,
    vault: Vault,
    wake: Wake,
    stop: CancellationToken,
}

impl Task {
    async fn run(self, mut heads: watch::Receiver<Position>) {
        let name = self.model.name();
        let lag = metrics::gauge!("stentor_projection_lag_events", "projection" => name);
        let folded = metrics::counter!("stentor_projection_events_total", "projection" => name);
        let mut failures = Failures::default();
        let mut reached = Position::START;
        while !self.stop.is_cancelled() {
            match step(&self.pool, self.model.as_ref(), &self.vault).await {
                Ok(Step::Folded { events, at, jobs }) => {
                    failures.over(name);
                    folded.increment(u64::try_from(events).unwrap_or(u64::MAX));
                    reached = at;
                    for job in jobs {
                        self.wake.job(job);
                    }
                }
                Ok(Step::Idle { at }) => {
                    failures.over(name);
                    lag.set(behind(*heads.borrow(), at));
                    reached = at;
                    tokio::select! {
                        moved = heads.wait_for(|head| *head > at) => if moved.is_err() { return },
                        () = self.stop.cancelled() => {}
                    }
                }
                Ok(Step::Follower) => {
                    pause(POLL_FOLLOWER, &self.stop).await;
                }
                Err(error) => {
                    pause(failures.next(name, &error), &self.stop).await;
                }
            }
            lag.set(behind(*heads.borrow(), reached));
        }
    }
}

/// Positions between the head and a checkpoint; an upper bound of the events between them.
fn behind(head: Position, at: Position) -> f64 {
    let events = if head > at {
        head.position.saturating_sub(at.position).max(1)
    } else {
        0
    };
    i32::try_from(events).map_or(f64::from(i32::MAX), f64::from)
}

/// Failures in a row: the first is logged, the pause between tries grows.
#[derive(Default)]
struct Failures {
    pause: Option<Duration>,
}

impl Failures {
    fn next(&mut self, what: &str, error: &dyn std::error::Error) -> Duration {
        let pause = if let Some(pause) = self.pause {
            (pause * 2).min(BACKOFF_MAX)
        } else {
            tracing::error!(projection = what, %error, "folding has stopped; it is tried again until it succeeds");
            BACKOFF_MIN
        };
        self.pause = Some(pause);
        pause
    }

    fn over(&mut self, what: &str) {
        if self.pause.take().is_some() {
            tracing::info!(projection = what, "folding goes on");
        }
    }
}
