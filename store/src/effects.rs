//! What is stored in the transaction of an append besides events, receipt and claims: all of it or nothing.

use std::future::Future;
use std::pin::Pin;

use sqlx::{PgConnection, PgPool};

use crate::append::{self, AppendError, Appended, Part};

/// Runs on the append's connection, before the events are stored. [`AppendError::Conflict`] has the command
/// decided again.
pub type Effect = Box<
    dyn for<'c> FnOnce(
            &'c mut PgConnection,
        ) -> Pin<Box<dyn Future<Output = Result<(), AppendError>> + Send + 'c>>
        + Send,
>;

/// Appends with `effects`, in a transaction of its own where there are any.
///
/// # Errors
/// As [`append::append`], and as the effects say.
pub(crate) async fn append_with(
    pool: &PgPool,
    effects: Vec<Effect>,
    part: Part<'_>,
) -> Result<Appended, AppendError> {
    if effects.is_empty() {
        let mut connection = pool.acquire().await.map_err(AppendError::Database)?;
        return append::append_part(&mut connection, part).await;
    }
    let mut transaction = pool.begin().await.map_err(AppendError::Database)?;
    for effect in effects {
        effect(&mut transaction).await?;
    }
    let appended = append::append_part(&mut transaction, part).await?;
    transaction.commit().await.map_err(AppendError::Database)?;
    Ok(appended)
}

/// What the failure of an effect means: a deadlock took everything back, and the command may be decided again.
pub fn failed(error: sqlx::Error) -> AppendError {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    // 40P01: deadlock_detected.
    if code.as_deref() == Some("40P01") {
        AppendError::Conflict
    } else {
        AppendError::Database(error)
    }
}
