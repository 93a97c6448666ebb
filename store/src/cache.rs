//! States of streams in memory, bounded. An entry may be stale where several processes write: who decides on one
//! has what it read checked by the append ([`crate::append`]), and refusals are decided again on a fresh load.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use domain::Decider;
use quick_cache::sync::Cache;
use sqlx::PgPool;

use crate::Position;
use crate::answered::no_answer;
use crate::load::{self, LoadError};

/// Names a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StreamKey {
    pub aggregate_type: &'static str,
    pub aggregate_id: Arc<str>,
}

/// The state of some aggregate.
pub(crate) trait State: Any + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    /// As JSON, for a snapshot.
    fn encode(&self) -> serde_json::Result<String>;
}

impl<A: Decider> State for A {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn encode(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// Whether both are the same fold, not only equal ones: another writer's state may have the same sequence.
pub(crate) fn same(one: &Arc<dyn State>, other: &Arc<dyn State>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

/// A stored state.
#[derive(Clone)]
pub(crate) struct Version {
    pub state: Arc<dyn State>,
    /// Sequence of the last event in it; 0 for a stream that does not exist.
    pub sequence: i64,
    /// Sequence of the last event in the newest snapshot that is known; 0 where none is.
    pub snapshot: i64,
    /// Where a reader finds it.
    pub position: Position,
}

pub(crate) struct States(Cache<StreamKey, Version>);

impl States {
    pub fn new(streams_max: usize) -> Self {
        Self(Cache::new(streams_max))
    }

    pub fn peek(&self, key: &StreamKey) -> Option<Version> {
        self.0.peek(key)
    }

    pub fn forget(&self, key: &StreamKey) {
        self.0.remove(key);
    }

    /// Keeps `version` unless a later one is there.
    pub fn keep(&self, key: &StreamKey, version: Version) {
        let later = self
            .0
            .peek(key)
            .is_some_and(|known| known.sequence > version.sequence);
        if !later {
            self.0.insert(key.clone(), version);
        }
    }

    /// The state in memory, or else as loaded: by one task, while others that want it wait. Answers also whether
    /// it was in memory.
    pub async fn get<A: Decider>(
        &self,
        pool: &PgPool,
        key: &StreamKey,
        within: Duration,
    ) -> Result<(Version, bool), LoadError> {
        match self.0.get_value_or_guard_async(key).await {
            Ok(version) => {
                metrics::counter!("stentor_append_cache_hits_total").increment(1);
                Ok((version, true))
            }
            Err(guard) => {
                metrics::counter!("stentor_append_cache_misses_total").increment(1);
                let version = fetch::<A>(pool, key, within).await?;
                // A commit may have been faster: then its version stays.
                let _ = guard.insert(version.clone());
                Ok((version, false))
            }
        }
    }
}

/// The state as the log says now.
pub(crate) async fn fetch<A: Decider>(
    pool: &PgPool,
    key: &StreamKey,
    within: Duration,
) -> Result<Version, LoadError> {
    let failed = |source| LoadError::Database {
        stream: format!("{}/{}", key.aggregate_type, key.aggregate_id),
        source,
    };
    let loading = async {
        let mut connection = pool.acquire().await.map_err(failed)?;
        load::load::<A>(&mut connection, &key.aggregate_id).await
    };
    let loaded = tokio::time::timeout(within, loading)
        .await
        .unwrap_or_else(|_| Err(failed(no_answer(within))))?;
    Ok(Version {
        state: Arc::new(loaded.state),
        sequence: loaded.sequence,
        snapshot: loaded.snapshot,
        position: loaded.position,
    })
}
