//! One lane at work: takes what waits, appends it, answers; settles what went wrong, command by command.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use platform::shutdown::pause;
use sqlx::{Executor, PgConnection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::sequencer::Request;
use super::{CommitError, Shared};
use crate::Position;
use crate::answered::{answered, no_answer};
use crate::append::{self, AppendError, Carried};
use crate::cache::{StreamKey, Version};

/// Commands of one statement.
const BATCH_MAX: usize = 256;
/// Between look-ups of receipts after an unknown outcome.
const LOOK_UP_EVERY: Duration = Duration::from_millis(500);

/// The append is one statement with known plans: index look-ups in the log, and hashes between its arrays.
const PLANS: &str =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_nestloop = off";

/// Works until nothing waits.
pub async fn run(shared: Arc<Shared>, lane: usize) {
    let mut running = Running {
        shared: &shared,
        lane,
        ended: false,
    };
    let Some(connection) = shared.connections.get(lane) else {
        return;
    };
    let mut connection = connection.lock().await;
    loop {
        gather(&shared, lane).await;
        let batch = shared.sequencer.take(lane, BATCH_MAX);
        if batch.is_empty() {
            break;
        }
        shared.carry_out(&mut connection, batch).await;
    }
    running.ended = true;
}

/// Lets commands that are being decided at this moment come along, for as long as more of them do.
async fn gather(shared: &Shared, lane: usize) {
    let mut waiting = 0;
    loop {
        let now = shared.sequencer.waiting(lane);
        if now == waiting || now >= BATCH_MAX {
            return;
        }
        waiting = now;
        tokio::task::yield_now().await;
    }
}

/// Gives the lane up when its task is dropped in the middle, so that nobody waits for it for ever.
struct Running<'a> {
    shared: &'a Shared,
    lane: usize,
    ended: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.ended {
            for key in self.shared.sequencer.abandon(self.lane) {
                self.shared.states.forget(&key);
            }
        }
    }
}

impl Shared {
    /// Appends a batch and answers it. What one command spoils is halved until that command stands alone.
    async fn carry_out(&self, connection: &mut Option<PgConnection>, batch: Vec<Request>) {
        let mut next = VecDeque::from([batch]);
        while let Some(mut chunk) = next.pop_front() {
            if chunk.is_empty() {
                continue;
            }
            match self.append(connection, &chunk).await {
                Ok(positions) => self.stored(chunk, &positions),
                Err(error) if error.is_of_one() && chunk.len() > 1 => {
                    metrics::counter!("stentor_append_batches_split_total").increment(1);
                    let second = chunk.split_off(chunk.len() / 2);
                    next.push_front(second);
                    next.push_front(chunk);
                }
                Err(error) if error.is_of_one() => {
                    for request in chunk {
                        self.refused(request, copy(&error), &mut next);
                    }
                }
                Err(error) => {
                    // The connection may be in any state.
                    *connection = None;
                    self.settle(chunk, &error, &mut next).await;
                }
            }
        }
    }

    async fn append(
        &self,
        connection: &mut Option<PgConnection>,
        chunk: &[Request],
    ) -> Result<Vec<Option<Position>>, AppendError> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(self.connect().await.map_err(AppendError::Database)?),
        };
        let parts: Vec<_> = chunk.iter().map(Request::part).collect();
        metrics::counter!("stentor_append_batches_total").increment(1);
        metrics::histogram!("stentor_append_commands_per_batch")
            .record(f64::from(u32::try_from(parts.len()).unwrap_or(u32::MAX)));
        tokio::time::timeout(self.answer_within, append::append_all(connection, &parts))
            .await
            .unwrap_or_else(|_| Err(AppendError::Database(no_answer(self.answer_within))))
    }

    /// Out of the pool, which gives it its role, for the lane alone.
    async fn connect(&self) -> sqlx::Result<PgConnection> {
        answered(self.answer_within, async {
            let mut connection = self.pool.acquire().await?.detach();
            // The server gives up a little earlier than who waits for it: what it has not stored by then, it never
            // stores.
            let server_ms = (self.answer_within * 5 / 6).as_millis();
            let settings = format!("SET statement_timeout = {server_ms}; {PLANS}");
            connection.execute(settings.as_str()).await?;
            Ok(connection)
        })
        .await
    }

    fn stored(&self, chunk: Vec<Request>, positions: &[Option<Position>]) {
        let last = positions.iter().flatten().max().copied();
        let mut newest: HashMap<&StreamKey, Version> = HashMap::new();
        for (request, position) in chunk.iter().zip(positions) {
            for write in &request.writes {
                let version = Version {
                    state: Arc::clone(&write.state),
                    sequence: write.sequence,
                    snapshot: write.snapshot,
                    position: position.unwrap_or(request.seen),
                };
                newest.insert(&write.key, version);
            }
        }
        for (key, mut version) in newest {
            version.snapshot = self.snapshots.offer(key, &version);
            self.states.keep(key, version);
        }
        self.sequencer.stored(&chunk);
        if let Some(request) = chunk.last() {
            self.sequencer.resolve(request.place);
        }
        if last.is_some() {
            self.wake.events();
        }
        for (request, position) in chunk.into_iter().zip(positions) {
            // Who read what waited for a commit then has to be shown that commit.
            let seen = last.filter(|_| request.builds()).max(Some(request.seen));
            let position = position.or(seen).unwrap_or(request.seen);
            // Whoever asked may have gone away.
            let _ = request.answer.send(Ok(position));
        }
    }

    /// Answers a request that is not stored, and all that build on it: they have to be decided again.
    fn refused(&self, request: Request, error: AppendError, next: &mut VecDeque<Vec<Request>>) {
        match &error {
            AppendError::Duplicate | AppendError::Claimed(_) => {}
            AppendError::Conflict | AppendError::Database(_) => {
                metrics::counter!("stentor_append_conflicts_total").increment(1);
                for key in request.keys() {
                    self.states.forget(key);
                }
            }
        }
        let doomed = self.sequencer.failed(&request, next);
        self.sequencer.resolve(request.place);
        let _ = request.answer.send(Err(error.into()));
        for request in doomed {
            let _ = request.answer.send(Err(CommitError::Moved));
        }
    }

    /// The connection broke: only the receipts tell what was stored. Nothing is tried again here.
    async fn settle(&self, chunk: Vec<Request>, error: &AppendError, next: &mut VecDeque<Vec<Request>>) {
        let ids: Vec<Uuid> = chunk.iter().map(|request| request.receipt.command_id).collect();
        let mut carried = self.look_up(&ids).await;
        let mut chunk = VecDeque::from(chunk);
        while let Some(request) = chunk.pop_front() {
            let (settled, outcome) = match carried.remove(&request.receipt.command_id) {
                Some(carried) if is_ours(&request, &carried) => ("stored", Ok(carried.position)),
                Some(_) => ("duplicate", Err(AppendError::Duplicate)),
                None => ("not_found", Err(copy(error))),
            };
            metrics::counter!("stentor_append_unknown_outcomes_total", "settled" => settled).increment(1);
            match outcome {
                Ok(position) => self.stored(vec![request], &[position]),
                Err(error) => {
                    // What builds on it may be in this chunk; if it is stored, so was this.
                    let rest = chunk.drain(..).collect();
                    next.push_front(rest);
                    self.refused(request, error, next);
                    chunk.extend(next.pop_front().unwrap_or_default());
                }
            }
        }
    }

    /// Receipts by command; none when the database stays away for twice as long as an answer may take.
    async fn look_up(&self, ids: &[Uuid]) -> HashMap<Uuid, Carried> {
        let until = Instant::now() + 2 * self.answer_within;
        while Instant::now() < until {
            let found = answered(self.answer_within, async {
                let mut connection = self.pool.acquire().await?;
                append::carried_all(&mut connection, ids).await
            });
            match found.await {
                Ok(found) => return found,
                Err(error) => tracing::warn!(%error, "the outcome of a commit is not known yet"),
            }
            pause(LOOK_UP_EVERY, &CancellationToken::new()).await;
        }
        HashMap::new()
    }
}

impl Request {
    fn keys(&self) -> impl Iterator<Item = &StreamKey> {
        let reads = self.reads.iter().map(|read| &read.key);
        reads.chain(self.writes.iter().map(|write| &write.key))
    }
}

/// Whether a receipt is this very request's, not that of the same command through another process.
fn is_ours(request: &Request, carried: &Carried) -> bool {
    carried.fingerprint == request.receipt.fingerprint && carried.outcome == request.receipt.outcome
}

fn copy(error: &AppendError) -> AppendError {
    match error {
        AppendError::Duplicate => AppendError::Duplicate,
        AppendError::Conflict => AppendError::Conflict,
        AppendError::Claimed(what) => AppendError::Claimed(what.clone()),
        AppendError::Database(error) => AppendError::Database(sqlx::Error::Protocol(error.to_string())),
    }
}
