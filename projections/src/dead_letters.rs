//! Events that a projection could not fold and put aside, and folding them again once the cause is mended.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, Row};
use store::Position;

use crate::projection::{ProjectionError, ReadModel};

/// An event that is missing from a read model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    pub projection: String,
    pub version: i32,
    pub position: Position,
    /// What the last attempt said.
    pub error: String,
    pub attempts: i32,
    pub parked_at: DateTime<Utc>,
}

/// Puts an event aside, or counts one more attempt.
pub(crate) async fn park(
    connection: &mut PgConnection,
    model: &dyn ReadModel,
    position: Position,
    error: &ProjectionError,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO es.dead_letters AS d (projection, version, log_xid, log_position, error)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (projection, version, log_xid, log_position)
         DO UPDATE SET error = excluded.error, attempts = d.attempts + 1",
    )
    .bind(model.name())
    .bind(model.version())
    .bind(position.xid)
    .bind(position.position)
    .bind(error.to_string())
    .execute(connection)
    .await?;
    tracing::error!(projection = model.name(), %position, %error, "an event cannot be folded and is put aside");
    metrics::counter!("stentor_projection_dead_letters_total", "projection" => model.name()).increment(1);
    Ok(())
}

/// Dead letters in the log's order; with `projection`, of this one alone.
///
/// # Errors
/// The database fails.
pub async fn list(connection: &mut PgConnection, projection: Option<&str>) -> sqlx::Result<Vec<DeadLetter>> {
    sqlx::query(
        "SELECT projection, version, log_xid, log_position, error, attempts, parked_at FROM es.dead_letters
         WHERE $1::text IS NULL OR projection = $1
         ORDER BY projection, version, log_xid, log_position",
    )
    .bind(projection)
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        Ok(DeadLetter {
            projection: row.try_get("projection")?,
            version: row.try_get("version")?,
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
            error: row.try_get("error")?,
            attempts: row.try_get("attempts")?,
            parked_at: row.try_get("parked_at")?,
        })
    })
    .collect()
}

/// Positions that one version of a projection has put aside.
pub(crate) async fn positions(
    connection: &mut PgConnection,
    projection: &str,
    version: i32,
) -> sqlx::Result<HashSet<Position>> {
    let letters = list(connection, Some(projection)).await?;
    Ok(letters
        .into_iter()
        .filter(|letter| letter.version == version)
        .map(|letter| letter.position)
        .collect())
}
