//! What waits for a commit, and the states it will leave behind.
//!
//! A command may be decided on the state that another one leaves which is not stored yet, if both go through the
//! same lane: they are stored in order, in one statement or in two, and when the first fails all that built on
//! it are decided again. So a hot account's commands wait for one commit together instead of colliding.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::CommitError;
use crate::Position;
use crate::append::{Claim, NewEvent, Part, Read, Receipt};
use crate::cache::{State, States, StreamKey, same};

/// Commands that may wait in all lanes together.
const WAITING_MAX: usize = 20_000;

/// A request's lane and its number, which grows along the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub lane: usize,
    pub id: u64,
}

/// The last state of a stream that waits for its commit.
#[derive(Clone)]
pub(crate) struct Head {
    pub state: Arc<dyn State>,
    pub sequence: i64,
    pub snapshot: i64,
    /// The request that leaves it.
    pub writer: Place,
    /// Commands that want the stream decide one after the other.
    pub turn: Arc<tokio::sync::Mutex<()>>,
}

/// A stream that a decision rests on.
pub(crate) struct Touched {
    pub key: StreamKey,
    /// The state that was read; `None` where the stream was taken to be new.
    pub seen: Option<Arc<dyn State>>,
    pub seen_sequence: i64,
    /// Whether what was read waited for its commit.
    pub pending: bool,
    pub snapshot: i64,
    /// What the command leaves, where it writes the stream.
    pub after: Option<(Arc<dyn State>, i64)>,
}

/// A decided command.
pub(crate) struct Draft {
    pub receipt: Receipt,
    pub claims: Vec<Claim>,
    pub events: Vec<NewEvent>,
    pub streams: Vec<Touched>,
    /// The last position that was read.
    pub seen: Position,
}

pub(crate) struct Write {
    pub key: StreamKey,
    pub state: Arc<dyn State>,
    pub sequence: i64,
    pub snapshot: i64,
}

/// A decided command on its way.
pub(crate) struct Request {
    pub place: Place,
    pub receipt: Receipt,
    claims: Vec<Claim>,
    events: Vec<NewEvent>,
    pub reads: Vec<Read>,
    pub writes: Vec<Write>,
    /// Numbers of the requests it builds on.
    depends: Vec<u64>,
    pub seen: Position,
    pub answer: oneshot::Sender<Result<Position, CommitError>>,
}

impl Request {
    /// Whether it rests on something that was not stored when it was decided.
    pub fn builds(&self) -> bool {
        !self.depends.is_empty()
    }

    pub fn part(&self) -> Part<'_> {
        Part {
            receipt: &self.receipt,
            claims: &self.claims,
            events: &self.events,
            reads: &self.reads,
        }
    }
}

/// Why a draft cannot wait for a commit as it is.
pub(crate) enum Outdated {
    /// Decide again: a stream has moved on.
    Moved,
    /// Decide again after this request: the draft builds on requests of two lanes.
    After(Place),
    /// The same command is under way.
    Twin(Place),
    /// Too many wait.
    Full,
}

#[derive(Default)]
struct Lane {
    queue: VecDeque<Request>,
    running: bool,
}

#[derive(Default)]
struct Inner {
    heads: HashMap<StreamKey, Head>,
    commands: HashMap<Uuid, Place>,
    lanes: Vec<Lane>,
    last_id: u64,
}

pub(crate) struct Sequencer {
    inner: Mutex<Inner>,
    /// By lane: the number up to which all are stored or refused.
    resolved: Vec<watch::Sender<u64>>,
}

/// A draft that has become a request.
pub(crate) struct Queued {
    pub answer: oneshot::Receiver<Result<Position, CommitError>>,
    /// The lane, where somebody has to start it.
    pub start: Option<usize>,
}

impl Sequencer {
    pub fn new(lanes: usize) -> Self {
        let inner = Inner {
            lanes: (0..lanes).map(|_| Lane::default()).collect(),
            ..Inner::default()
        };
        Self {
            inner: Mutex::new(inner),
            resolved: (0..lanes).map(|_| watch::Sender::new(0)).collect(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn head(&self, key: &StreamKey) -> Option<Head> {
        self.inner().heads.get(key).cloned()
    }

    /// Waits until the request is stored or refused.
    pub async fn resolved(&self, place: Place) {
        if let Some(resolved) = self.resolved.get(place.lane) {
            // The sender lives as long as this does.
            let _ = resolved.subscribe().wait_for(|id| *id >= place.id).await;
        }
    }

    pub fn resolve(&self, place: Place) {
        if let Some(resolved) = self.resolved.get(place.lane) {
            resolved.send_if_modified(|id| {
                let moved = place.id > *id;
                *id = place.id.max(*id);
                moved
            });
        }
    }

    /// Takes a draft into a lane, if what it rests on is still the last word.
    pub fn enqueue(&self, draft: Draft, states: &States) -> Result<Queued, Outdated> {
        let mut inner = self.inner();
        if let Some(twin) = inner.commands.get(&draft.receipt.command_id) {
            return Err(Outdated::Twin(*twin));
        }
        if inner.lanes.iter().map(|lane| lane.queue.len()).sum::<usize>() >= WAITING_MAX {
            return Err(Outdated::Full);
        }
        let mut depends = Vec::new();
        let mut wanted: Option<Place> = None;
        for touched in &draft.streams {
            let Some(writer) = inner.builds_on(touched, states)? else {
                continue;
            };
            match wanted {
                Some(other) if other.lane != writer.lane => return Err(Outdated::After(other)),
                Some(_) | None => wanted = Some(writer),
            }
            depends.push(writer.id);
        }
        let lane = wanted.map_or_else(|| inner.free_lane(), |place| place.lane);
        inner.last_id += 1;
        let place = Place {
            lane,
            id: inner.last_id,
        };
        let (answer, answered) = oneshot::channel();
        let request = request(draft, place, depends, answer);
        inner.publish(&request);
        let start = inner.lanes.get_mut(lane).and_then(|queue| {
            queue.queue.push_back(request);
            (!std::mem::replace(&mut queue.running, true)).then_some(lane)
        });
        Ok(Queued {
            answer: answered,
            start,
        })
    }

    /// What waits in a lane, up to `limit`. The lane has ended when nothing does.
    pub fn take(&self, lane: usize, limit: usize) -> Vec<Request> {
        let mut inner = self.inner();
        let Some(lane) = inner.lanes.get_mut(lane) else {
            return Vec::new();
        };
        let taken = lane.queue.len().min(limit);
        lane.running = taken > 0;
        lane.queue.drain(..taken).collect()
    }

    pub fn waiting(&self, lane: usize) -> usize {
        self.inner().lanes.get(lane).map_or(0, |lane| lane.queue.len())
    }

    /// Requests of a lane are stored, and their states are in the cache.
    pub fn stored(&self, requests: &[Request]) {
        let mut inner = self.inner();
        for request in requests {
            inner.commands.remove(&request.receipt.command_id);
            for write in &request.writes {
                if inner
                    .heads
                    .get(&write.key)
                    .is_some_and(|head| head.writer == request.place)
                {
                    inner.heads.remove(&write.key);
                }
            }
        }
    }

    /// A request of a lane has failed. Takes out all that build on it, from `next`, which the lane works on, and
    /// from its queue: they have to be decided again.
    pub fn failed(&self, failed: &Request, next: &mut VecDeque<Vec<Request>>) -> Vec<Request> {
        let mut inner = self.inner();
        let mut ids = HashSet::from([failed.place.id]);
        let mut doomed = Vec::new();
        for chunk in next.iter_mut() {
            let mut taken = split(std::mem::take(chunk), &mut ids, &mut doomed);
            chunk.append(&mut taken);
        }
        if let Some(lane) = inner.lanes.get_mut(failed.place.lane) {
            let kept = split(lane.queue.drain(..).collect(), &mut ids, &mut doomed);
            lane.queue.extend(kept);
        }
        for request in std::iter::once(failed).chain(&doomed) {
            inner.commands.remove(&request.receipt.command_id);
            for write in &request.writes {
                if inner.heads.get(&write.key).is_some_and(|head| {
                    head.writer.lane == failed.place.lane && ids.contains(&head.writer.id)
                }) {
                    inner.heads.remove(&write.key);
                }
            }
        }
        doomed
    }

    /// A lane ended before its time: what it had taken and what waits in it is given up. Answers the streams
    /// whose states are in doubt.
    pub fn abandon(&self, lane: usize) -> Vec<StreamKey> {
        let mut inner = self.inner();
        let last = Place {
            lane,
            id: inner.last_id,
        };
        if let Some(lane) = inner.lanes.get_mut(lane) {
            lane.running = false;
            lane.queue.clear();
        }
        inner.commands.retain(|_, place| place.lane != lane);
        let doubtful = inner.heads.iter().filter(|(_, head)| head.writer.lane == lane);
        let doubtful: Vec<_> = doubtful.map(|(key, _)| key.clone()).collect();
        for key in &doubtful {
            inner.heads.remove(key);
        }
        drop(inner);
        self.resolve(last);
        doubtful
    }
}

impl Inner {
    /// The request that left what the draft read, where it is not stored yet.
    fn builds_on(&self, touched: &Touched, states: &States) -> Result<Option<Place>, Outdated> {
        let is_seen = |state: &Arc<dyn State>| touched.seen.as_ref().is_some_and(|seen| same(seen, state));
        if let Some(head) = self.heads.get(&touched.key) {
            return if is_seen(&head.state) {
                Ok(Some(head.writer))
            } else {
                Err(Outdated::Moved)
            };
        }
        let holds = match states.peek(&touched.key) {
            Some(stored) if touched.pending => is_seen(&stored.state),
            Some(stored) => stored.sequence <= touched.seen_sequence,
            // What was read waited for its commit: it failed, or its place in the cache was needed.
            None => !touched.pending,
        };
        if holds { Ok(None) } else { Err(Outdated::Moved) }
    }

    /// One that rests, or else the one where the fewest wait.
    fn free_lane(&self) -> usize {
        let lanes = self.lanes.iter().enumerate();
        lanes
            .min_by_key(|(_, lane)| (lane.running, lane.queue.len()))
            .map_or(0, |(number, _)| number)
    }

    fn publish(&mut self, request: &Request) {
        self.commands.insert(request.receipt.command_id, request.place);
        for write in &request.writes {
            let turn = self.heads.get(&write.key).map(|head| Arc::clone(&head.turn));
            let head = Head {
                state: Arc::clone(&write.state),
                sequence: write.sequence,
                snapshot: write.snapshot,
                writer: request.place,
                turn: turn.unwrap_or_default(),
            };
            self.heads.insert(write.key.clone(), head);
        }
    }
}

fn request(
    draft: Draft,
    place: Place,
    depends: Vec<u64>,
    answer: oneshot::Sender<Result<Position, CommitError>>,
) -> Request {
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for touched in draft.streams {
        match touched.after {
            Some((state, sequence)) => writes.push(Write {
                key: touched.key,
                state,
                sequence,
                snapshot: touched.snapshot,
            }),
            None => reads.push(Read {
                key: touched.key,
                sequence: touched.seen_sequence,
            }),
        }
    }
    Request {
        place,
        receipt: draft.receipt,
        claims: draft.claims,
        events: draft.events,
        reads,
        writes,
        depends,
        seen: draft.seen,
        answer,
    }
}

/// Moves those that build on one of `failed` to `doomed`, and their numbers to `failed`; answers the others.
fn split(requests: Vec<Request>, failed: &mut HashSet<u64>, doomed: &mut Vec<Request>) -> Vec<Request> {
    let mut kept = Vec::with_capacity(requests.len());
    for request in requests {
        if request.depends.iter().any(|id| failed.contains(id)) {
            failed.insert(request.place.id);
            doomed.push(request);
        } else {
            kept.push(request);
        }
    }
    kept
}
