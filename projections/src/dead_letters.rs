//! Events that a projection could not fold and put aside, and folding them again once the cause is mended.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool, Row};
use store::vault::Vault;
use store::{Position, feed};

use crate::fold::{Fold, Target};
use crate::projection::{ProjectionError, ReadModel};

/// An event that is missing from a read model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    pub projection: String,
    pub version: i32,
    /// Of tables that are being rebuilt and not served yet.
    pub rebuild: bool,
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
    rebuild: bool,
    position: Position,
    error: &ProjectionError,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO es.dead_letters AS d (projection, version, rebuild, log_xid, log_position, error)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (projection, rebuild, log_xid, log_position)
         DO UPDATE SET error = excluded.error, attempts = d.attempts + 1",
    )
    .bind(model.name())
    .bind(model.version())
    .bind(rebuild)
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
        "SELECT projection, version, rebuild, log_xid, log_position, error, attempts, parked_at FROM es.dead_letters
         WHERE $1::text IS NULL OR projection = $1
         ORDER BY projection, rebuild, log_xid, log_position",
    )
    .bind(projection)
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        Ok(DeadLetter {
            projection: row.try_get("projection")?,
            version: row.try_get("version")?,
            rebuild: row.try_get("rebuild")?,
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

/// Positions that are missing from the tables that are served.
pub(crate) async fn positions(
    connection: &mut PgConnection,
    projection: &str,
) -> sqlx::Result<HashSet<Position>> {
    let letters = list(connection, Some(projection)).await?;
    Ok(letters
        .into_iter()
        .filter(|letter| !letter.rebuild)
        .map(|letter| letter.position)
        .collect())
}

/// How a second attempt at the dead letters of a projection went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    pub folded: usize,
    pub left: usize,
}

/// Folds the dead letters of the tables that are served again, in the log's order, each in a transaction of its
/// own. They come later than they would have: what followed them is folded already.
///
/// # Errors
/// The database fails.
pub async fn retry(pool: &PgPool, model: &dyn ReadModel, vault: &Vault) -> Result<Retried, ProjectionError> {
    let mut connection = pool.acquire().await?;
    let mut letters: Vec<_> = positions(&mut connection, model.name())
        .await?
        .into_iter()
        .collect();
    letters.sort_unstable();
    let mut retried = Retried::default();
    let fold = Fold {
        pool,
        model,
        vault,
        target: Target::Live,
    };
    for position in letters {
        let event = match feed::at(&mut connection, position).await {
            Err(error) if error.unreadable().is_some() => {
                park(&mut connection, model, false, position, &error.into()).await?;
                retried.left += 1;
                continue;
            }
            event => event?,
        };
        let mut transaction = fold.begin().await?;
        match model.fold_batch(&mut transaction, event.as_slice(), vault).await {
            Ok(()) => {
                forget(&mut transaction, model, position).await?;
                transaction.commit().await?;
                retried.folded += 1;
            }
            Err(error) if error.is_of_event() => {
                transaction.rollback().await?;
                park(&mut connection, model, false, position, &error).await?;
                retried.left += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(retried)
}

async fn forget(
    connection: &mut PgConnection,
    model: &dyn ReadModel,
    position: Position,
) -> sqlx::Result<()> {
    sqlx::query(
        "DELETE FROM es.dead_letters
         WHERE projection = $1 AND NOT rebuild AND log_xid = $2 AND log_position = $3",
    )
    .bind(model.name())
    .bind(position.xid)
    .bind(position.position)
    .execute(connection)
    .await?;
    Ok(())
}
