//! Several aggregates, one append.
//!
//! Commands are decided against states loaded in this unit; their events wait here until [`UnitOfWork::commit`]
//! stores all of them or none.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use cqrs_es::event_sink::EventSink;
use domain::Decider;
use domain::ids::{PLATFORM, ResellerId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use crate::answered::ANSWER_WITHIN;
use crate::append::{AppendError, Claim, NewEvent, Part, Read, Receipt};
use crate::cache::{self, State, StreamKey, Version};
use crate::committer::{CommitError, Committer, Draft, Touched};
use crate::effects::{self, Effect};
use crate::load::LoadError;
use crate::origins::{Origin, SentFrom};
use crate::{Metadata, Position};

/// Whom a fact belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    pub reseller_id: Option<ResellerId>,
    pub tenant_id: Option<TenantId>,
}

impl Owner {
    pub const PLATFORM: Self = Self {
        reseller_id: None,
        tenant_id: None,
    };

    pub fn reseller(reseller_id: ResellerId) -> Self {
        Self {
            reseller_id: Some(reseller_id),
            tenant_id: None,
        }
    }

    pub fn tenant(reseller_id: ResellerId, tenant_id: TenantId) -> Self {
        Self {
            reseller_id: Some(reseller_id),
            tenant_id: Some(tenant_id),
        }
    }

    /// The tenant, else the reseller, else the platform.
    pub fn id(self) -> Uuid {
        self.tenant_id
            .map(|id| id.0)
            .or(self.reseller_id.map(|id| id.0))
            .unwrap_or(PLATFORM)
    }
}

/// By whom a command is carried out, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    who: Who,
    /// `None` where that is not known, or the program itself sends.
    sent_from: Option<Arc<SentFrom>>,
}

/// By whom a command is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    User(Uuid),
    /// As the user, by somebody else.
    Impersonated {
        user: Uuid,
        by: Uuid,
    },
    /// A program with this key.
    ApiKey(Uuid),
}

impl From<Who> for Actor {
    fn from(who: Who) -> Self {
        Self { who, sent_from: None }
    }
}

impl Actor {
    pub fn from_where(who: Who, sent_from: SentFrom) -> Self {
        Self {
            who,
            sent_from: Some(Arc::new(sent_from)),
        }
    }

    pub fn who(&self) -> Who {
        self.who
    }

    /// The person in whose name it is done; none where a program acts.
    pub fn user(&self) -> Option<Uuid> {
        match self.who {
            Who::User(user) | Who::Impersonated { user, .. } => Some(user),
            Who::ApiKey(_) => None,
        }
    }

    fn impersonator(&self) -> Option<Uuid> {
        match self.who {
            Who::Impersonated { by, .. } => Some(by),
            Who::User(_) | Who::ApiKey(_) => None,
        }
    }

    fn api_key(&self) -> Option<Uuid> {
        match self.who {
            Who::ApiKey(key) => Some(key),
            Who::User(_) | Who::Impersonated { .. } => None,
        }
    }

    /// From where it was sent, and by which person.
    fn origin(&self, owner: Owner) -> Option<Origin> {
        self.sent_from.as_deref().map(|sent_from| Origin {
            person_id: self.impersonator().or(self.user()),
            reseller_id: owner.reseller_id.map(|id| id.0),
            tenant_id: owner.tenant_id.map(|id| id.0),
            sent_from: sent_from.clone(),
        })
    }
}

/// Which command is carried out, by whom, when.
#[derive(Clone, Debug)]
pub struct Cause {
    pub command_id: Uuid,
    /// SHA-256 of the command's payload.
    pub fingerprint: Vec<u8>,
    /// `None` where the system acts by itself.
    pub actor: Option<Actor>,
    pub owner: Owner,
    pub at: DateTime<Utc>,
    /// When it happened in the business, where that is earlier.
    pub happened_at: Option<DateTime<Utc>>,
    /// What whoever gave it says of it, for whoever reads its events.
    pub comment: Option<String>,
}

impl Cause {
    /// When it happened in the business.
    pub fn happened(&self) -> DateTime<Utc> {
        self.happened_at.unwrap_or(self.at)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<E: std::error::Error> {
    #[error(transparent)]
    Refused(E),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("an event cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
}

#[derive(Clone)]
struct Stream {
    state: Arc<dyn State>,
    /// With what this unit has decided.
    sequence: i64,
    snapshot: i64,
    seen: Option<Arc<dyn State>>,
    seen_sequence: i64,
    pending: bool,
}

impl Stream {
    fn read(version: &Version, pending: bool) -> Self {
        Self {
            state: Arc::clone(&version.state),
            sequence: version.sequence,
            snapshot: version.snapshot,
            seen: Some(Arc::clone(&version.state)),
            seen_sequence: version.sequence,
            pending,
        }
    }
}

/// A place in a unit to which it can be taken back.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    changes: usize,
    events: usize,
    claims: usize,
    effects: usize,
}

/// Where states come from and where events go.
enum Through<'a> {
    /// Each state from the log, each unit by a statement of its own.
    Pool(&'a PgPool),
    Shared {
        committer: &'a Committer,
        fresh: bool,
    },
}

/// See the module's text.
pub struct UnitOfWork<'a> {
    through: Through<'a>,
    cause: &'a Cause,
    streams: HashMap<StreamKey, Stream>,
    events: Vec<NewEvent>,
    claims: Vec<Claim>,
    effects: Vec<Effect>,
    /// Streams as they were before each change since the first mark.
    changes: Option<Vec<(StreamKey, Option<Stream>)>>,
    seen: Position,
    /// Whether a state was read that may be older than the log.
    cached: bool,
    turn: Option<OwnedMutexGuard<()>>,
}

impl<'a> UnitOfWork<'a> {
    /// On the pool alone: nothing is cached and nothing is shared.
    pub fn new(pool: &'a PgPool, cause: &'a Cause) -> Self {
        Self::through(Through::Pool(pool), cause)
    }

    pub(crate) fn shared(committer: &'a Committer, cause: &'a Cause, fresh: bool) -> Self {
        Self::through(Through::Shared { committer, fresh }, cause)
    }

    fn through(through: Through<'a>, cause: &'a Cause) -> Self {
        Self {
            through,
            cause,
            streams: HashMap::new(),
            events: Vec::new(),
            claims: Vec::new(),
            effects: Vec::new(),
            changes: None,
            seen: Position::START,
            cached: false,
            turn: None,
        }
    }

    /// When the command was given.
    pub fn at(&self) -> DateTime<Utc> {
        self.cause.at
    }

    /// The command that is carried out.
    pub fn command_id(&self) -> Uuid {
        self.cause.command_id
    }

    /// Whether a decision of this unit rests on a state that may be older than the log.
    pub fn is_cached(&self) -> bool {
        self.cached
    }

    /// The state of an aggregate, with what this unit has decided so far.
    ///
    /// # Errors
    /// The stream cannot be read.
    pub async fn load<A: Decider>(&mut self, id: &str) -> Result<A, LoadError> {
        let key = key::<A>(id);
        if let Some(stream) = self.streams.get(&key) {
            return stream
                .state
                .as_any()
                .downcast_ref::<A>()
                .cloned()
                .ok_or(LoadError::Aggregate);
        }
        let (version, pending) = match &self.through {
            Through::Pool(pool) => (cache::fetch::<A>(pool, &key, ANSWER_WITHIN).await?, false),
            Through::Shared { committer, fresh } => {
                let read = if *fresh {
                    committer.read_fresh::<A>(&key).await?
                } else {
                    committer.read::<A>(&key, self.turn.is_none()).await?
                };
                self.cached |= read.cached;
                if read.turn.is_some() {
                    self.turn = read.turn;
                }
                (read.version, read.pending)
            }
        };
        self.seen = self.seen.max(version.position);
        let state = version.state.as_any().downcast_ref::<A>().cloned();
        self.streams.insert(key, Stream::read(&version, pending));
        state.ok_or(LoadError::Aggregate)
    }

    /// Decides a command; answers the state with its events applied.
    ///
    /// # Errors
    /// The aggregate refuses, or its stream cannot be read.
    pub async fn execute<A: Decider>(
        &mut self,
        owner: Owner,
        id: &str,
        command: A::Command,
    ) -> Result<A, ExecuteError<A::Error>> {
        let mut state = self.load::<A>(id).await?;
        let sink = EventSink::<A>::default();
        state
            .handle(command, &(), &sink)
            .await
            .map_err(ExecuteError::Refused)?;
        let events = sink.collect().await;
        self.note_change(&key::<A>(id));
        let Some(stream) = self.streams.get_mut(&key::<A>(id)) else {
            return Ok(state);
        };
        let metadata = metadata(self.cause, owner);
        for event in events {
            stream.sequence += 1;
            self.events.push(NewEvent {
                aggregate_type: A::TYPE,
                aggregate_id: id.to_owned(),
                sequence: stream.sequence,
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: serde_json::to_value(&event)?,
                metadata: metadata.clone(),
            });
        }
        stream.state = Arc::new(state.clone());
        Ok(state)
    }

    /// What has been decided so far.
    pub fn events(&self) -> &[NewEvent] {
        &self.events
    }

    /// Takes a stream to be new, without looking: its id has just been made. The append tells if it is not, and
    /// the next attempt looks.
    pub fn begin<A: Decider>(&mut self, id: &str) {
        if matches!(self.through, Through::Shared { fresh: true, .. }) {
            return;
        }
        if self.streams.contains_key(&key::<A>(id)) {
            return;
        }
        self.note_change(&key::<A>(id));
        self.streams.entry(key::<A>(id)).or_insert_with(|| Stream {
            state: Arc::new(A::default()),
            sequence: 0,
            snapshot: 0,
            seen: None,
            seen_sequence: 0,
            pending: false,
        });
    }

    /// Remembers where the unit is: what is decided after it can be taken back.
    pub fn mark(&mut self) -> Mark {
        Mark {
            changes: self.changes.get_or_insert_default().len(),
            events: self.events.len(),
            claims: self.claims.len(),
            effects: self.effects.len(),
        }
    }

    /// Takes back what was decided since the mark. What was read stays read.
    pub fn back_to(&mut self, mark: Mark) {
        self.events.truncate(mark.events);
        self.claims.truncate(mark.claims);
        self.effects.truncate(mark.effects);
        let changes = self.changes.get_or_insert_default();
        for (key, before) in changes.drain(mark.changes.min(changes.len())..).rev() {
            match before {
                Some(stream) => self.streams.insert(key, stream),
                None => self.streams.remove(&key),
            };
        }
    }

    fn note_change(&mut self, key: &StreamKey) {
        if let Some(changes) = &mut self.changes {
            changes.push((key.clone(), self.streams.get(key).cloned()));
        }
    }

    /// Claims a name for a stream of this unit.
    pub fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    /// Adds what has to be stored in the append's transaction. Such a unit shares no commit.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Stores everything, or nothing. Answers the position that a reader has to reach to see it.
    ///
    /// # Errors
    /// As [`crate::append::append`]; and what was read has moved on.
    pub async fn commit(mut self, outcome: serde_json::Value) -> Result<Position, CommitError> {
        let turn = self.turn.take();
        let draft = Draft {
            receipt: Receipt {
                command_id: self.cause.command_id,
                tenant_id: self.cause.owner.id(),
                fingerprint: self.cause.fingerprint.clone(),
                outcome,
                origin: self
                    .cause
                    .actor
                    .as_ref()
                    .and_then(|actor| actor.origin(self.cause.owner)),
            },
            claims: self.claims,
            events: self.events,
            streams: self.streams.into_iter().map(touched).collect(),
            seen: self.seen,
        };
        match self.through {
            Through::Shared { committer, .. } if self.effects.is_empty() => {
                committer.commit(draft, turn).await
            }
            Through::Shared { committer, .. } => committer.commit_alone(draft, self.effects).await,
            Through::Pool(pool) => Ok(alone(pool, self.effects, &draft).await?),
        }
    }
}

fn key<A: Decider>(id: &str) -> StreamKey {
    StreamKey {
        aggregate_type: A::TYPE,
        aggregate_id: id.into(),
    }
}

fn metadata(cause: &Cause, owner: Owner) -> Metadata {
    Metadata {
        tenant_id: owner.id(),
        reseller_id: owner.reseller_id.map(|id| id.0),
        actor: cause.actor.as_ref().and_then(Actor::user),
        impersonator: cause.actor.as_ref().and_then(Actor::impersonator),
        api_key: cause.actor.as_ref().and_then(Actor::api_key),
        command_id: cause.command_id,
        at: cause.at,
        happened_at: cause.happened_at,
        comment: cause.comment.clone(),
    }
}

fn touched((key, stream): (StreamKey, Stream)) -> Touched {
    let written = stream.sequence > stream.seen_sequence;
    Touched {
        key,
        seen: stream.seen,
        seen_sequence: stream.seen_sequence,
        pending: stream.pending,
        snapshot: stream.snapshot,
        after: written.then_some((stream.state, stream.sequence)),
    }
}

/// Appends a draft by a statement or a transaction of its own.
pub(crate) async fn alone(
    pool: &PgPool,
    effects: Vec<Effect>,
    draft: &Draft,
) -> Result<Position, AppendError> {
    let reads: Vec<_> = draft
        .streams
        .iter()
        .filter(|touched| touched.after.is_none())
        .map(|touched| Read {
            key: touched.key.clone(),
            sequence: touched.seen_sequence,
        })
        .collect();
    let part = Part {
        receipt: &draft.receipt,
        claims: &draft.claims,
        events: &draft.events,
        reads: &reads,
    };
    let appended = effects::append_with(pool, effects, part).await?;
    Ok(appended.last.unwrap_or(draft.seen))
}
