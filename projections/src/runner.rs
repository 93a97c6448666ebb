//! Keeps every projection at the head of the log: one task each, fed by one tail of the log, led by one process.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use metrics::Counter;
use platform::shutdown::pause;
use sqlx::PgPool;
use store::vault::Vault;
use store::wake::Wake;
use store::{Position, Recorded, feed};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::failures::Failures;
use crate::fold::{Fold, Served, Target, served};
use crate::leader::{self, Led};
use crate::projection::{self, ProjectionError, ReadModel};
use crate::rebuild::Rebuild;
use crate::tail::Tail;
use crate::{figures, fold, stops};

/// Between two looks at what only time can change.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const BARRIER_WAIT: Duration = Duration::from_millis(5);

/// Runs all projections until `stop`. `pool` is of the role `stentor_projections`.
pub async fn run(pool: PgPool, vault: Vault, wake: Wake, stop: CancellationToken) {
    run_models(projection::all(), pool, vault, wake, stop).await;
}

/// As [`run`], with these projections alone.
pub async fn run_models(
    models: Vec<Arc<dyn ReadModel>>,
    pool: PgPool,
    vault: Vault,
    wake: Wake,
    stop: CancellationToken,
) {
    let tail = Tail::new();
    let led = watch::Sender::new(HashSet::new());
    let replays = Arc::new(Semaphore::new(replays_at_once(&pool)));
    let wanted = models
        .iter()
        .map(|model| (model.name(), model.version()))
        .collect();
    let mut tasks = JoinSet::new();
    tasks.spawn(leader::run(pool.clone(), wanted, led.clone(), stop.clone()));
    tasks.spawn(figures::run(pool.clone(), stop.clone()));
    for model in models {
        let task = Task {
            folded: metrics::counter!("stentor_projection_events_total", "projection" => model.name(),
                "version" => model.version().to_string()),
            pool: pool.clone(),
            model,
            vault: vault.clone(),
            wake: wake.clone(),
            tail: tail.clone(),
            replays: Arc::clone(&replays),
            stop: stop.clone(),
        };
        tasks.spawn(task.run(led.subscribe()));
    }
    tasks.spawn(tail.run(pool, wake, stop.clone()));
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
/// A projection fails, or its tables are of another version than this program's.
pub async fn catch_up(pool: &PgPool, vault: &Vault) -> Result<Position, ProjectionError> {
    let end = feed::last_stored(&mut *pool.acquire().await?).await?;
    let at_once = replays_at_once(pool);
    futures::stream::iter(projection::all())
        .map(|model| catch_up_one(pool, vault, model, end))
        .buffer_unordered(at_once)
        .try_collect::<()>()
        .await?;
    Ok(end)
}

/// A replay takes up to three connections; the tail and the short transactions of others need some too.
fn replays_at_once(pool: &PgPool) -> usize {
    let connections = usize::try_from(pool.options().get_max_connections()).unwrap_or_default();
    (connections / 4).max(1)
}

async fn catch_up_one(
    pool: &PgPool,
    vault: &Vault,
    model: Arc<dyn ReadModel>,
    end: Position,
) -> Result<(), ProjectionError> {
    let endless = CancellationToken::new();
    loop {
        let at = match served(pool, model.as_ref()).await? {
            Served::Ours { at } => at,
            Served::Older | Served::Newer { .. } => {
                return Err(ProjectionError::OtherVersion(model.name()));
            }
        };
        if at >= end {
            return Ok(());
        }
        let fold = Fold {
            pool,
            model: model.as_ref(),
            vault,
            target: Target::Live,
        };
        match fold::stretch(&fold, at, |_, _| {}).await {
            Ok(reached) if reached == at => {
                // Behind the barrier.
                pause(BARRIER_WAIT, &endless).await;
            }
            // Overtaken: somebody else is at these very events.
            Ok(_) | Err(ProjectionError::Overtaken(_)) => {}
            Err(error) => return Err(error),
        }
    }
}

struct Task {
    pool: PgPool,
    model: Arc<dyn ReadModel>,
    vault: Vault,
    wake: Wake,
    tail: Tail,
    folded: Counter,
    /// Turns at what reads the log for itself: connections are few.
    replays: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Task {
    async fn run(self, mut led: watch::Receiver<HashSet<Led>>) {
        let this: Led = (self.model.name(), self.model.version());
        let mut failures = Failures::default();
        loop {
            tokio::select! {
                leads = led.wait_for(|led| led.contains(&this)) => if leads.is_err() { return },
                () = self.stop.cancelled() => return,
            }
            let outcome = tokio::select! {
                outcome = self.follow(&mut failures) => outcome,
                lost = lost(led.clone(), this) => lost,
                () = self.stop.cancelled() => return,
            };
            match outcome {
                Ok(()) => {}
                Err(ProjectionError::Overtaken(_)) => {
                    pause(BARRIER_WAIT, &self.stop).await;
                }
                Err(error) => {
                    if error.is_of_event()
                        && let Err(error) = stops::note(&self.pool, self.model.as_ref(), &error).await
                    {
                        tracing::debug!(%error, "that a projection stands still is not noted yet");
                    }
                    pause(failures.next(this.0, &error), &self.stop).await;
                }
            }
        }
    }

    /// Folds what is new, from the tail where this projection is at the head of the log. Returns where it has to
    /// begin anew.
    async fn follow(&self, failures: &mut Failures) -> Result<(), ProjectionError> {
        self.tail.begun().await;
        // Before the look at the log: what it does not see, the tail sends.
        let mut batches = self.tail.subscribe();
        let mut at = match served(&self.pool, self.model.as_ref()).await? {
            Served::Ours { at } => at,
            Served::Older => return self.rebuild().await,
            Served::Newer { version } => {
                tracing::debug!(
                    projection = self.model.name(),
                    version,
                    "a newer program folds this"
                );
                pause(LOOK_AGAIN, &self.stop).await;
                return Ok(());
            }
        };
        if at < self.tail.head() {
            let _turn = self.replays.acquire().await;
            let fold = self.fold();
            at = fold::stretch(&fold, at, |events, reached| self.moved(events, reached)).await?;
        }
        // Also what a process noted that is gone.
        stops::clear(&self.pool, self.model.as_ref()).await?;
        failures.over(self.model.name());
        loop {
            let Some(batch) = Tail::next(&mut batches).await else {
                return Ok(());
            };
            if batch.after > at {
                return Ok(());
            }
            while at < batch.last() {
                let begin = batch.events.partition_point(|event| event.position <= at);
                let events = batch.events.get(begin..).unwrap_or_default();
                at = self.fold().fold(at, events).await?;
                self.moved(events, at);
                failures.over(self.model.name());
            }
        }
    }

    fn fold(&self) -> Fold<'_> {
        Fold {
            pool: &self.pool,
            model: self.model.as_ref(),
            vault: &self.vault,
            target: Target::Live,
        }
    }

    /// Tells who waits for the events up to `reached`.
    fn moved(&self, events: &[Recorded], reached: Position) {
        let end = events.partition_point(|event| event.position <= reached);
        let folded = events.get(..end).unwrap_or_default();
        self.folded
            .increment(u64::try_from(folded.len()).unwrap_or(u64::MAX));
        let jobs: HashSet<_> = folded
            .iter()
            .filter_map(|event| self.model.job_updated_by(event))
            .collect();
        for job in jobs {
            self.wake.job(job);
        }
        self.wake.checkpoints();
    }

    /// This program's version was raised: its tables are made beside those that are served.
    async fn rebuild(&self) -> Result<(), ProjectionError> {
        let rebuild = Rebuild {
            pool: self.pool.clone(),
            model: Arc::clone(&self.model),
            vault: self.vault.clone(),
        };
        tracing::info!(
            projection = self.model.name(),
            version = self.model.version(),
            "what is served is of an older version: it is rebuilt beside it"
        );
        let _turn = self.replays.acquire().await;
        rebuild.run(&|_| {}).await?;
        rebuild.switch().await?;
        self.wake.checkpoints();
        Ok(())
    }
}

/// Returns when a projection is no longer led.
async fn lost(mut led: watch::Receiver<HashSet<Led>>, this: Led) -> Result<(), ProjectionError> {
    // The sender ends with the process.
    let _ = led.wait_for(|led| !led.contains(&this)).await;
    Ok(())
}
