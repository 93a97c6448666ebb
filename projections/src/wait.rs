//! Reading one's own writes: waits until projections have come as far as a command's position.

use std::time::Duration;

use sqlx::{PgPool, Row};
use store::Position;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::projection::{self, ReadModel};

/// Longest wait for a position.
pub const WAIT_MAX: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(10);

#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    #[error(
        "the figures have reached position {reached}, not yet {wanted}: ask again shortly, or without minPosition"
    )]
    Stale { wanted: Position, reached: Position },
    #[error("the checkpoints cannot be read: {0}")]
    Database(#[from] sqlx::Error),
}

/// Returns once each of the named projections ([`crate::Projection::NAME`]) includes `position`.
///
/// # Errors
/// `timeout` has passed before, or the database fails.
pub async fn wait_for(
    pool: &PgPool,
    projections: &[&str],
    position: Position,
    timeout: Duration,
) -> Result<(), WaitError> {
    let deadline = Instant::now() + timeout;
    let mut polls = interval(POLL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        polls.tick().await;
        let reached = reached(pool, projections).await?;
        if reached >= position {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(WaitError::Stale {
                wanted: position,
                reached,
            });
        }
    }
}

/// The position that all of the named projections include.
///
/// # Errors
/// The database fails.
pub async fn reached<'e>(
    executor: impl sqlx::PgExecutor<'e>,
    projections: &[&str],
) -> sqlx::Result<Position> {
    let wanted: Vec<_> = projection::all()
        .into_iter()
        .filter(|model| projections.contains(&model.name()))
        .collect();
    let names: Vec<&str> = wanted.iter().map(|model| model.name()).collect();
    let versions: Vec<i32> = wanted.iter().map(|model| model.version()).collect();
    let row = sqlx::query(
        "SELECT coalesce(c.last_xid, 0) AS xid, coalesce(c.last_position, 0) AS position
         FROM unnest($1::text[], $2::int[]) AS w (projection, version)
         LEFT JOIN es.checkpoints c USING (projection, version)
         ORDER BY 1, 2 LIMIT 1",
    )
    .bind(names)
    .bind(versions)
    .fetch_optional(executor)
    .await?;
    row.map_or(Ok(Position::START), |row| {
        Ok(Position {
            xid: row.try_get("xid")?,
            position: row.try_get("position")?,
        })
    })
}

/// The names of all projections.
pub fn every_projection() -> Vec<&'static str> {
    projection::all()
        .iter()
        .map(|model: &std::sync::Arc<dyn ReadModel>| model.name())
        .collect()
}
