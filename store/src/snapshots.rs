//! States of long streams in the database, so that a first load reads the tail alone. Only a cache: what is
//! missing, deleted or folded by other rules costs time and nothing else.

use std::sync::Arc;

use sqlx::PgPool;
use tokio::sync::Semaphore;

use crate::cache::{StreamKey, Version};

/// Events after which a stream is worth a new snapshot.
const EVERY: i64 = 200;
/// Snapshots that are written at one time.
const WRITERS_MAX: usize = 2;

/// Writes snapshots beside the commands, never in their way.
pub(crate) struct Snapshots {
    pool: PgPool,
    writers: Arc<Semaphore>,
}

impl Snapshots {
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            writers: Arc::new(Semaphore::new(WRITERS_MAX)),
        }
    }

    /// Starts a snapshot of a stored state where its stream has grown enough. Answers the sequence of the newest
    /// snapshot, which is the old one while all writers are busy.
    pub fn offer(&self, key: &StreamKey, version: &Version) -> i64 {
        if version.sequence - version.snapshot < EVERY {
            return version.snapshot;
        }
        let Ok(permit) = Arc::clone(&self.writers).try_acquire_owned() else {
            return version.snapshot;
        };
        let (pool, key, written) = (self.pool.clone(), key.clone(), version.clone());
        tokio::spawn(async move {
            if let Err(error) = write(&pool, &key, &written).await {
                tracing::warn!(
                    stream = %key.aggregate_id,
                    %error,
                    "a snapshot was not written; loads take longer"
                );
            }
            drop(permit);
        });
        version.sequence
    }
}

#[derive(Debug, thiserror::Error)]
enum SnapshotError {
    #[error("the state cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

async fn write(pool: &PgPool, key: &StreamKey, version: &Version) -> Result<(), SnapshotError> {
    let state = version.state.encode()?;
    sqlx::query(
        "INSERT INTO es.snapshots AS s (aggregate_type, aggregate_id, fold_hash, last_sequence, state)
         VALUES ($1, $2, $3, $4, $5::text::jsonb)
         ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
         SET fold_hash = EXCLUDED.fold_hash, last_sequence = EXCLUDED.last_sequence, state = EXCLUDED.state,
             taken_at = clock_timestamp()
         WHERE s.last_sequence < EXCLUDED.last_sequence OR s.fold_hash <> EXCLUDED.fold_hash",
    )
    .bind(key.aggregate_type)
    .bind(&*key.aggregate_id)
    .bind(domain::FOLD_HASH)
    .bind(version.sequence)
    .bind(state)
    .execute(pool)
    .await?;
    metrics::counter!("stentor_append_snapshots_total").increment(1);
    Ok(())
}
