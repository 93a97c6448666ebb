//! Several aggregates, one append.
//!
//! Commands are decided against states loaded in this unit; their events wait here until [`UnitOfWork::commit`]
//! stores all of them or none.

use std::any::Any;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use cqrs_es::event_sink::EventSink;
use domain::Decider;
use domain::ids::{PLATFORM, ResellerId, TenantId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::append::{self, AppendError, Claim, NewEvent, Receipt};
use crate::effects::{self, Effect};
use crate::load::{self, LoadError};
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

    fn id(self) -> Uuid {
        self.tenant_id
            .map(|id| id.0)
            .or(self.reseller_id.map(|id| id.0))
            .unwrap_or(PLATFORM)
    }
}

/// Which command is carried out, by whom, when.
#[derive(Clone, Debug)]
pub struct Cause {
    pub command_id: Uuid,
    /// SHA-256 of the command's payload.
    pub fingerprint: Vec<u8>,
    pub actor: Option<Uuid>,
    pub owner: Owner,
    pub at: DateTime<Utc>,
    /// When it happened in the business, where that is earlier.
    pub happened_at: Option<DateTime<Utc>>,
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

struct Stream {
    state: Box<dyn Any + Send>,
    sequence: i64,
}

/// See the module's text.
pub struct UnitOfWork<'a> {
    pool: &'a PgPool,
    cause: &'a Cause,
    streams: HashMap<(&'static str, String), Stream>,
    events: Vec<NewEvent>,
    claims: Vec<Claim>,
    effects: Vec<Effect>,
    seen: Position,
}

impl<'a> UnitOfWork<'a> {
    pub fn new(pool: &'a PgPool, cause: &'a Cause) -> Self {
        Self {
            pool,
            cause,
            streams: HashMap::new(),
            events: Vec::new(),
            claims: Vec::new(),
            effects: Vec::new(),
            seen: Position::START,
        }
    }

    /// The state of an aggregate, with what this unit has decided so far.
    ///
    /// # Errors
    /// The stream cannot be read.
    pub async fn load<A: Decider>(&mut self, id: &str) -> Result<A, LoadError> {
        let key = (A::TYPE, id.to_owned());
        if let Some(state) = self
            .streams
            .get(&key)
            .and_then(|stream| stream.state.downcast_ref::<A>())
        {
            return Ok(state.clone());
        }
        let stream = format!("{}/{id}", A::TYPE);
        let mut connection = self
            .pool
            .acquire()
            .await
            .map_err(|source| LoadError::Database { stream, source })?;
        let loaded = load::load::<A>(&mut connection, id).await?;
        self.seen = self.seen.max(loaded.position);
        let state = loaded.state;
        self.streams.insert(
            key,
            Stream {
                state: Box::new(state.clone()),
                sequence: loaded.sequence,
            },
        );
        Ok(state)
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
        let key = (A::TYPE, id.to_owned());
        let mut sequence = self.streams.get(&key).map_or(0, |stream| stream.sequence);
        for event in events {
            sequence += 1;
            self.events.push(NewEvent {
                aggregate_type: A::TYPE,
                aggregate_id: id.to_owned(),
                sequence,
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: serde_json::to_value(&event)?,
                metadata: self.metadata(owner),
            });
        }
        self.streams.insert(
            key,
            Stream {
                state: Box::new(state.clone()),
                sequence,
            },
        );
        Ok(state)
    }

    /// Claims a name for a stream of this unit.
    pub fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    /// Adds what has to be stored in the append's transaction.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn metadata(&self, owner: Owner) -> Metadata {
        Metadata {
            tenant_id: owner.id(),
            reseller_id: owner.reseller_id.map(|id| id.0),
            actor: self.cause.actor,
            command_id: self.cause.command_id,
            at: self.cause.at,
            happened_at: self.cause.happened_at,
        }
    }

    /// Stores everything, or nothing. Answers the position that a reader has to reach to see it.
    ///
    /// # Errors
    /// As [`append::append`].
    pub async fn commit(self, outcome: serde_json::Value) -> Result<Position, AppendError> {
        let receipt = Receipt {
            command_id: self.cause.command_id,
            tenant_id: self.cause.owner.id(),
            fingerprint: self.cause.fingerprint.clone(),
            outcome,
        };
        let appended = if self.effects.is_empty() {
            let mut connection = self.pool.acquire().await.map_err(AppendError::Database)?;
            append::append(&mut connection, &receipt, &self.claims, &self.events).await?
        } else {
            effects::append_with(self.pool, self.effects, &receipt, &self.claims, &self.events).await?
        };
        Ok(appended.last.unwrap_or(self.seen))
    }
}
