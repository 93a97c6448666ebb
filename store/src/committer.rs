//! Group commit: commands that wait at the same time share a statement and its commit.
//!
//! Each lane has a connection of its own and carries out whatever waits, without delay; while it does, more
//! gathers. Clones share lanes, states and everything else.

mod lane;
mod sequencer;

use std::sync::Arc;
use std::time::Duration;

use domain::Decider;
use sqlx::{PgConnection, PgPool};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::Position;
use crate::answered::{ANSWER_WITHIN, no_answer};
use crate::append::AppendError;
use crate::cache::{self, States, StreamKey, Version};
use crate::effects::Effect;
use crate::load::LoadError;
use crate::snapshots::Snapshots;
use crate::unit_of_work::{self, Cause, UnitOfWork};
use crate::wake::Wake;

pub(crate) use sequencer::{Draft, Touched};
use sequencer::{Outdated, Queued, Sequencer};

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Commits under way at one time, each on a connection of its own.
    pub lanes: usize,
    /// States kept in memory.
    pub cached_streams: usize,
    /// Longest wait for an answer of the database; an append's outcome is unknown after it.
    pub answer_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lanes: 4,
            cached_streams: 50_000,
            answer_within: ANSWER_WITHIN,
        }
    }
}

/// See the module's text.
#[derive(Clone)]
pub struct Committer(Arc<Shared>);

struct Shared {
    pool: PgPool,
    wake: Wake,
    states: States,
    sequencer: Sequencer,
    snapshots: Snapshots,
    answer_within: Duration,
    /// By lane; opened when the lane first runs.
    connections: Vec<Mutex<Option<PgConnection>>>,
}

/// Why a unit of work was not stored.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Decide again, at once: what the decision rested on has moved on.
    #[error("another command of this process changed the same stream first")]
    Moved,
    #[error("too many commands wait")]
    Full,
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// A stream's state, and what has to be known to build on it.
pub(crate) struct Read {
    pub version: Version,
    /// It waits for its commit.
    pub pending: bool,
    /// It may be older than the log: a refusal needs a fresh look.
    pub cached: bool,
    /// The right to decide on this stream next.
    pub turn: Option<OwnedMutexGuard<()>>,
}

impl Committer {
    pub fn new(pool: PgPool, wake: Wake, limits: Limits) -> Self {
        let lanes = limits.lanes.max(1);
        Self(Arc::new(Shared {
            states: States::new(limits.cached_streams),
            sequencer: Sequencer::new(lanes),
            snapshots: Snapshots::new(pool.clone()),
            answer_within: limits.answer_within,
            connections: (0..lanes).map(|_| Mutex::new(None)).collect(),
            pool,
            wake,
        }))
    }

    /// A unit of work on the states in memory, or, `fresh`, on what the log says.
    pub fn unit<'a>(&'a self, cause: &'a Cause, fresh: bool) -> UnitOfWork<'a> {
        UnitOfWork::shared(self, cause, fresh)
    }

    /// Reads a state: the one that waits for its commit, else the one in memory, else from the log. Who finds one
    /// waiting queues up for the stream first, if `may_wait_for_turn`.
    pub(crate) async fn read<A: Decider>(
        &self,
        key: &StreamKey,
        may_wait_for_turn: bool,
    ) -> Result<Read, LoadError> {
        let mut turn = None;
        let mut head = self.0.sequencer.head(key);
        if let Some(waiting) = head.as_ref().filter(|_| may_wait_for_turn) {
            turn = Some(Arc::clone(&waiting.turn).lock_owned().await);
            head = self.0.sequencer.head(key);
        }
        if let Some(head) = head {
            let version = Version {
                state: head.state,
                sequence: head.sequence,
                snapshot: head.snapshot,
                position: Position::START,
            };
            return Ok(Read {
                version,
                pending: true,
                cached: true,
                turn,
            });
        }
        let (version, cached) = self
            .0
            .states
            .get::<A>(&self.0.pool, key, self.0.answer_within)
            .await?;
        Ok(Read {
            version,
            pending: false,
            cached,
            turn,
        })
    }

    /// Reads a state from the log, once what waited for its commit is stored.
    pub(crate) async fn read_fresh<A: Decider>(&self, key: &StreamKey) -> Result<Read, LoadError> {
        if let Some(head) = self.0.sequencer.head(key) {
            self.0.sequencer.resolved(head.writer).await;
        }
        let version = cache::fetch::<A>(&self.0.pool, key, self.0.answer_within).await?;
        self.0.states.keep(key, version.clone());
        Ok(Read {
            version,
            pending: false,
            cached: false,
            turn: None,
        })
    }

    /// Stores a draft with whatever else waits. `turn` ends as soon as the draft has its place.
    pub(crate) async fn commit(
        &self,
        draft: Draft,
        turn: Option<OwnedMutexGuard<()>>,
    ) -> Result<Position, CommitError> {
        let queued = self.0.sequencer.enqueue(draft, &self.0.states);
        drop(turn);
        match queued {
            Ok(Queued { answer, start }) => {
                if let Some(lane) = start {
                    tokio::spawn(lane::run(Arc::clone(&self.0), lane));
                }
                let lost = || AppendError::Database(sqlx::Error::WorkerCrashed);
                answer.await.unwrap_or_else(|_| Err(lost().into()))
            }
            Err(Outdated::Moved) => Err(CommitError::Moved),
            Err(Outdated::After(place)) => {
                self.0.sequencer.resolved(place).await;
                Err(CommitError::Moved)
            }
            Err(Outdated::Twin(place)) => {
                self.0.sequencer.resolved(place).await;
                Err(AppendError::Duplicate.into())
            }
            Err(Outdated::Full) => Err(CommitError::Full),
        }
    }

    /// Stores a draft with effects of its own, in a transaction that it shares with nobody.
    pub(crate) async fn commit_alone(
        &self,
        draft: Draft,
        effects: Vec<Effect>,
    ) -> Result<Position, CommitError> {
        for touched in &draft.streams {
            if let Some(head) = self.0.sequencer.head(&touched.key) {
                self.0.sequencer.resolved(head.writer).await;
                return Err(CommitError::Moved);
            }
            // What was read waited for its commit, and may have failed.
            if touched.pending {
                return Err(CommitError::Moved);
            }
        }
        let within = self.0.answer_within;
        let storing = unit_of_work::alone(&self.0.pool, effects, &draft);
        let stored = tokio::time::timeout(within, storing)
            .await
            .unwrap_or_else(|_| Err(AppendError::Database(no_answer(within))));
        for touched in &draft.streams {
            self.0.states.forget(&touched.key);
        }
        if stored.is_ok() {
            self.0.wake.events();
        }
        Ok(stored?)
    }
}
