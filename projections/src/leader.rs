//! Which projections this process leads: one connection holds the advisory locks of them all.
//!
//! Leadership saves work and nothing more; what keeps the rows right is the compare-and-set of the checkpoint.

use std::collections::HashSet;
use std::time::Duration;

use platform::shutdown::pause;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use store::answered::answered;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often a follower asks whether the leader is gone.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How often a leader of all looks whether its connection, and so its locks, still lives.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Longest wait for an answer: without one the locks are lost, whether the server knows it yet or not.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A projection's name and version: programs of two versions lead beside each other.
pub(crate) type Led = (&'static str, i32);

/// Tells what is led, until `stop`.
pub(crate) async fn run(
    pool: PgPool,
    wanted: Vec<Led>,
    led: watch::Sender<HashSet<Led>>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        if let Err(error) = hold(&pool, &wanted, &led, &stop).await {
            tracing::warn!(%error, "the leadership of projections is lost with its connection; it is asked for again");
        }
        led.send_replace(HashSet::new());
        pause(ASK_EVERY, &stop).await;
    }
}

async fn hold(
    pool: &PgPool,
    wanted: &[Led],
    led: &watch::Sender<HashSet<Led>>,
    stop: &CancellationToken,
) -> sqlx::Result<()> {
    // Its end is what gives the locks back, so it never returns to the pool.
    let mut connection: PgConnection = PoolConnection::<Postgres>::detach(pool.acquire().await?);
    let mut held: HashSet<Led> = HashSet::new();
    loop {
        let missing: Vec<Led> = wanted.iter().filter(|one| !held.contains(one)).copied().collect();
        let taken = answered(ANSWER_WITHIN, take(&mut connection, &missing)).await?;
        if !taken.is_empty() {
            held.extend(taken);
            led.send_replace(held.clone());
        }
        let longest = if held.len() == wanted.len() {
            LOOK_EVERY
        } else {
            ASK_EVERY
        };
        if !pause(longest, stop).await {
            return Ok(());
        }
    }
}

/// Takes those locks that are free. With none to take, the query still tells whether the connection lives.
async fn take(connection: &mut PgConnection, missing: &[Led]) -> sqlx::Result<Vec<Led>> {
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let versions: Vec<i32> = missing.iter().map(|(_, version)| *version).collect();
    let free: Vec<bool> = sqlx::query_scalar(
        "SELECT pg_try_advisory_lock(hashtextextended('projection ' || w.name, w.version))
         FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS w (name, version, number)
         ORDER BY w.number",
    )
    .bind(names)
    .bind(versions.into_iter().map(i64::from).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(missing
        .iter()
        .zip(free)
        .filter_map(|(one, free)| free.then_some(*one))
        .collect())
}
