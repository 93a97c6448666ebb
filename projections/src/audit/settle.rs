//! Waits until projections and chain include what the log held when the audit began.

use std::time::{Duration, Instant};

use platform::shutdown::pause;
use sqlx::{PgPool, Row};
use store::Position;
use store::chain::CHECKPOINT_NAME;
use tokio_util::sync::CancellationToken;

use crate::projection;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits for as long as they move; where nothing has moved for `patience`, nobody is folding, and the audit
/// compares what there is.
///
/// # Errors
/// The database fails.
pub async fn settle(pool: &PgPool, patience: Duration) -> sqlx::Result<()> {
    let end = sqlx::query_as::<_, (i64, i64)>(
        "SELECT e.xid::text::bigint, e.position FROM es.events e ORDER BY e.xid DESC, e.position DESC LIMIT 1",
    )
    .fetch_optional(pool)
    .await?;
    let Some((xid, position)) = end else {
        return Ok(());
    };
    let end = Position { xid, position };
    let endless = CancellationToken::new();
    let (mut slowest, mut moved) = (Position::START, Instant::now());
    loop {
        let now = slowest_checkpoint(pool).await?;
        if now >= end || (now == slowest && moved.elapsed() >= patience) {
            return Ok(());
        }
        if now != slowest {
            (slowest, moved) = (now, Instant::now());
        }
        pause(LOOK_EVERY, &endless).await;
    }
}

async fn slowest_checkpoint(pool: &PgPool) -> sqlx::Result<Position> {
    let rows = sqlx::query("SELECT projection, version, last_xid, last_position FROM es.checkpoints")
        .fetch_all(pool)
        .await?;
    let models = projection::all();
    let mut reached = Vec::new();
    for row in rows {
        let (name, version): (String, i32) = (row.try_get("projection")?, row.try_get("version")?);
        let is_live = models
            .iter()
            .any(|model| model.name() == name && model.version() == version);
        if is_live || name == CHECKPOINT_NAME {
            reached.push(Position {
                xid: row.try_get("last_xid")?,
                position: row.try_get("last_position")?,
            });
        }
    }
    // One that has not begun has no row.
    let all_began = reached.len() > models.len();
    Ok(reached
        .into_iter()
        .min()
        .filter(|_| all_began)
        .unwrap_or_default())
}
