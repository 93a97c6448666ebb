//! A year of plausible history for an empty log: resellers, customers, their access and their jobs.
//!
//! Events are what the aggregates decide, so they keep every rule; they are stored by COPY, without receipts. People
//! of a history have no passwords, and recordings no bytes.

mod jobs;
mod names;
mod trade;
mod world;

use chrono::{DateTime, Utc};
use domain::ids::HOUSE;
use sqlx::PgPool;
use store::bulk::Bundle;
use store::vault::{Vault, VaultError};
use tokio::sync::mpsc;

use world::World;

/// Events of one transaction.
const BUNDLE_EVENTS: usize = 10_000;
/// Bundles made ahead of the one that is stored.
const BUNDLES_AHEAD: usize = 2;

/// Which history is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The same seed and end give the same business; what seals personal fields is random all the same.
    pub seed: u64,
    /// At least so many events, and a few more where the last command has several.
    pub events: u64,
    /// When the year ends.
    pub until: DateTime<Utc>,
}

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(
        "the log holds {0} events already, and a history is only made for an empty one: name a new database in \
         DATABASE_URL and run `stentor migrate`"
    )]
    NotEmpty(i64),
    #[error("the history cannot be stored: {0}")]
    Database(#[from] sqlx::Error),
    #[error("a personal field cannot be sealed: {0}")]
    Vault(#[from] VaultError),
    #[error("an event cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("the rules refuse what the history wants, which is a defect of this program: {0}")]
    Refused(String),
    #[error("making the history was given up: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// Fills a log that holds nothing but what an installation begins with, and answers how many events it has got. `told`
/// hears how many are stored.
///
/// # Errors
/// The log is not empty, or the database fails.
pub async fn append(
    pool: &PgPool,
    vault: &Vault,
    wanted: Wanted,
    told: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, HistoryError> {
    refuse_full_log(pool).await?;
    let (bundles, mut made) = mpsc::channel(BUNDLES_AHEAD);
    let world = World::new(vault.clone(), wanted);
    let making = tokio::task::spawn_blocking(move || make(world, &bundles));
    let mut stored = 0;
    while let Some(bundle) = made.recv().await {
        let events = u64::try_from(bundle.len()).unwrap_or(u64::MAX);
        bundle.store(&mut *pool.acquire().await?).await?;
        stored += events;
        told(stored);
    }
    making.await??;
    Ok(stored)
}

/// The price list, the tiers and the house are what `stentor migrate` leaves in a new log.
async fn refuse_full_log(pool: &PgPool) -> Result<(), HistoryError> {
    let events: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (
             SELECT FROM es.events e
             WHERE e.aggregate_type NOT IN ('price_list', 'tier_list', 'permission_templates')
               AND e.aggregate_id <> $1 LIMIT 1000) AS found",
    )
    .bind(HOUSE.to_string())
    .fetch_one(pool)
    .await?;
    if events > 0 {
        return Err(HistoryError::NotEmpty(events));
    }
    Ok(())
}

fn make(mut world: World, bundles: &mpsc::Sender<Bundle>) -> Result<(), HistoryError> {
    let mut bundle = Bundle::default();
    while !world.is_done() {
        world.step(&mut bundle)?;
        if bundle.len() >= BUNDLE_EVENTS && bundles.blocking_send(std::mem::take(&mut bundle)).is_err() {
            return Ok(());
        }
    }
    // Whoever stores them may have gone.
    let _ = bundles.blocking_send(bundle);
    Ok(())
}
