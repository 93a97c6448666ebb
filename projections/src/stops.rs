//! Which projections stand still at an event that they cannot fold: kept in the database, for processes and people that
//! ask another one than the one that folds.

use sqlx::PgPool;

use crate::projection::{ProjectionError, ReadModel};

/// Notes that a projection stands still, and why; the first moment stays.
///
/// # Errors
/// The database fails.
pub(crate) async fn note(pool: &PgPool, model: &dyn ReadModel, error: &ProjectionError) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO es.stops AS s (projection, version, error) VALUES ($1, $2, $3)
         ON CONFLICT (projection) DO UPDATE SET version = excluded.version, error = excluded.error
         WHERE s.version <> excluded.version OR s.error <> excluded.error",
    )
    .bind(model.name())
    .bind(model.version())
    .bind(error.to_string())
    .execute(pool)
    .await?;
    Ok(())
}

/// Notes that a projection goes on.
///
/// # Errors
/// The database fails.
pub(crate) async fn clear(pool: &PgPool, model: &dyn ReadModel) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM es.stops WHERE projection = $1")
        .bind(model.name())
        .execute(pool)
        .await?;
    Ok(())
}
