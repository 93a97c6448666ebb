//! Reads the end of the log once per process, for all projections that are there.
//!
//! An event is shown only when no older transaction runs, and those of the projections count: the tail looks
//! again at once while something waits behind that barrier, and rarely while nothing does.

use std::sync::Arc;
use std::time::Duration;

use platform::shutdown::pause;
use sqlx::PgPool;
use store::answered::answered;
use store::feed::{self, FeedError};
use store::wake::Wake;
use store::{Position, Recorded};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::failures::Failures;
use crate::fold::BATCH_EVENTS_MAX;

const POLL_QUIET: Duration = Duration::from_millis(100);
const POLL_BEHIND_BARRIER: Duration = Duration::from_millis(5);
/// Batches kept for projections that are a little slower than the tail; who falls further behind reads for
/// itself.
const BATCHES_KEPT: usize = 64;
/// What is waiting is folded together up to about so many events.
const JOINED_EVENTS_MAX: usize = 1000;
/// Between two reads that found little: every batch costs each projection a transaction, and each of these holds
/// the readers of the log back.
const PACE: Duration = Duration::from_millis(10);
/// Longest that one read may take.
const LOOK_WITHIN: Duration = Duration::from_secs(30);
/// Fewer events than this are worth waiting for more.
const FEW: usize = 250;

/// Events that follow `after` without a hole.
pub(crate) struct Batch {
    pub after: Position,
    pub events: Vec<Recorded>,
}

impl Batch {
    pub fn last(&self) -> Position {
        self.events.last().map_or(self.after, |event| event.position)
    }
}

/// Where projections take what the tail has read.
#[derive(Clone)]
pub(crate) struct Tail {
    batches: broadcast::Sender<Arc<Batch>>,
    /// The last event that may be read; `None` until the tail has looked.
    head: watch::Sender<Option<Position>>,
}

impl Tail {
    pub fn new() -> Self {
        Self {
            batches: broadcast::Sender::new(BATCHES_KEPT),
            head: watch::Sender::new(None),
        }
    }

    /// The next batch, joined with those that came while the last one was folded; `None` where some were missed, or do
    /// not follow.
    pub async fn next(batches: &mut broadcast::Receiver<Arc<Batch>>) -> Option<Arc<Batch>> {
        let first = batches.recv().await.ok()?;
        if batches.is_empty() {
            return Some(first);
        }
        let (after, mut events, mut last) = (first.after, first.events.clone(), first.last());
        while events.len() < JOINED_EVENTS_MAX {
            match batches.try_recv() {
                Ok(batch) if batch.after == last => {
                    events.extend_from_slice(&batch.events);
                    last = batch.last();
                }
                Ok(_) => return None,
                Err(broadcast::error::TryRecvError::Empty) => break,
                Err(broadcast::error::TryRecvError::Lagged(_) | broadcast::error::TryRecvError::Closed) => {
                    return None;
                }
            }
        }
        Some(Arc::new(Batch { after, events }))
    }

    /// Batches from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Batch>> {
        self.batches.subscribe()
    }

    pub fn head(&self) -> Position {
        self.head.borrow().unwrap_or_default()
    }

    /// Waits until the tail has looked for the first time.
    pub async fn begun(&self) {
        // The sender lives as long as `self`.
        let _ = self.head.subscribe().wait_for(Option::is_some).await;
    }

    pub async fn run(self, pool: PgPool, wake: Wake, stop: CancellationToken) {
        let mut failures = Failures::default();
        let mut events = wake.watch_events();
        while !stop.is_cancelled() {
            match answered(LOOK_WITHIN, self.look(&pool)).await {
                Ok(Looked::Read { events }) => {
                    failures.over("the head of the log");
                    if events < FEW {
                        pause(PACE, &stop).await;
                    }
                }
                Ok(Looked::Nothing { behind_barrier }) => {
                    failures.over("the head of the log");
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

    async fn look(&self, pool: &PgPool) -> Result<Looked, FeedError> {
        let mut connection = pool.acquire().await?;
        let known = *self.head.borrow();
        let Some(after) = known else {
            let head = feed::head(&mut connection).await?;
            self.head.send_replace(Some(head));
            return Ok(Looked::Read { events: 0 });
        };
        let events = match feed::read(&mut connection, after, BATCH_EVENTS_MAX).await {
            Err(error) => return self.pass_by(error),
            Ok(events) => events,
        };
        if events.is_empty() {
            let behind_barrier = feed::holds_more(&mut connection, after).await?;
            return Ok(Looked::Nothing { behind_barrier });
        }
        let read = events.len();
        let batch = Batch { after, events };
        // The head first: who subscribes after the batch was sent finds it moved, and reads for itself.
        self.head.send_replace(Some(batch.last()));
        // No projection at the end of the log is no error.
        let _ = self.batches.send(Arc::new(batch));
        Ok(Looked::Read { events: read })
    }
}

impl Tail {
    /// Goes on behind an event that this program cannot read. A batch that does not follow sends every projection to
    /// the log, where it meets the event and does with it what it does with bad ones.
    fn pass_by(&self, error: FeedError) -> Result<Looked, FeedError> {
        let Some(position) = error.unreadable() else {
            return Err(error);
        };
        self.head.send_replace(Some(position));
        // No projection at the end of the log is no error.
        let _ = self.batches.send(Arc::new(Batch {
            after: position,
            events: Vec::new(),
        }));
        Ok(Looked::Read { events: 0 })
    }
}

enum Looked {
    Read {
        events: usize,
    },
    Nothing {
        /// Events are stored that may not be read yet.
        behind_barrier: bool,
    },
}
