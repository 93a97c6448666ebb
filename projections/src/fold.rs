//! One step of a projection: a batch of events, their rows and the checkpoint in one transaction.

use sqlx::{Connection, PgConnection, PgPool, Postgres, Row, Transaction};
use store::vault::Vault;
use store::{Position, Recorded, erasure, feed};
use uuid::Uuid;

use crate::dead_letters;
use crate::projection::{OnBadEvent, ProjectionError, ReadModel};

/// Most events in one transaction. It holds back the feed while it runs, so it is kept short.
pub(crate) const BATCH_EVENTS_MAX: i64 = 1000;

const LIVE_TABLES: &str = "read, live";

/// What a step did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Another process leads this projection.
    Follower,
    /// Nothing was left to fold.
    Idle { at: Position },
    Folded {
        events: usize,
        at: Position,
        jobs: Vec<Uuid>,
    },
}

/// Folds the next batch, unless another process is at it. A batch that fails because of one of its events is
/// folded again event by event, to find that one.
pub(crate) async fn step(
    pool: &PgPool,
    model: &dyn ReadModel,
    vault: &Vault,
) -> Result<Step, ProjectionError> {
    match step_by(pool, model, vault, How::Batch).await {
        Err(error) if error.is_of_event() => step_by(pool, model, vault, How::EventByEvent).await,
        outcome => outcome,
    }
}

#[derive(Clone, Copy)]
enum How {
    Batch,
    EventByEvent,
}

async fn step_by(
    pool: &PgPool,
    model: &dyn ReadModel,
    vault: &Vault,
    how: How,
) -> Result<Step, ProjectionError> {
    let mut transaction = pool.begin().await?;
    // Rows and checkpoint are lost together, if at all, and are folded again.
    sqlx::query("SET LOCAL synchronous_commit = off")
        .execute(&mut *transaction)
        .await?;
    if !lead(&mut transaction, model).await? {
        return Ok(Step::Follower);
    }
    // Before any row: names opened in this transaction are gone from the rows when an erasure has answered.
    erasure::hold_off(&mut transaction).await?;
    let from = checkpoint(&mut transaction, model).await?;
    let batch = feed::read(&mut transaction, from, BATCH_EVENTS_MAX).await?;
    if batch.is_empty() {
        return Ok(Step::Idle { at: from });
    }
    write_into(&mut transaction, LIVE_TABLES).await?;
    let folded = match how {
        How::Batch => {
            model.fold_batch(&mut transaction, &batch, vault).await?;
            batch.as_slice()
        }
        How::EventByEvent => one_by_one(&mut transaction, model, &batch, vault).await?,
    };
    let Some(last) = folded.last() else {
        return Ok(Step::Idle { at: from });
    };
    let mut jobs = Vec::new();
    for recorded in folded {
        jobs.extend(model.job_updated_by(recorded).filter(|job| !jobs.contains(job)));
    }
    advance(&mut transaction, model, from, last.position).await?;
    transaction.commit().await?;
    Ok(Step::Folded {
        events: folded.len(),
        at: last.position,
        jobs,
    })
}

/// Folds each event in a savepoint of its own. Returns those that are done with: a bad one is put aside or, where
/// the projection stops for it, ends the batch before it.
async fn one_by_one<'b>(
    transaction: &mut Transaction<'_, Postgres>,
    model: &dyn ReadModel,
    batch: &'b [Recorded],
    vault: &Vault,
) -> Result<&'b [Recorded], ProjectionError> {
    for (number, recorded) in batch.iter().enumerate() {
        let mut savepoint = transaction.begin().await?;
        let outcome = model
            .fold_batch(&mut savepoint, std::slice::from_ref(recorded), vault)
            .await;
        match (outcome, model.on_bad_event()) {
            (Ok(()), _) => savepoint.commit().await?,
            (Err(error), OnBadEvent::Park) if error.is_of_event() => {
                savepoint.rollback().await?;
                dead_letters::park(transaction, model, recorded.position, &error).await?;
            }
            (Err(error), OnBadEvent::Park | OnBadEvent::Stop) => {
                savepoint.rollback().await?;
                // What came before it stays; the next step begins with it.
                return match batch.get(..number) {
                    Some(before) if number > 0 => Ok(before),
                    Some(_) | None => Err(error),
                };
            }
        }
    }
    Ok(batch)
}

/// Lets the transaction's unqualified table names mean those of `schemas`.
pub(crate) async fn write_into(connection: &mut PgConnection, schemas: &str) -> sqlx::Result<()> {
    sqlx::query("SELECT set_config('search_path', $1, true)")
        .bind(schemas)
        .execute(connection)
        .await?;
    Ok(())
}

/// Leadership saves work; what keeps the rows right is the compare-and-set of the checkpoint.
async fn lead(connection: &mut PgConnection, model: &dyn ReadModel) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended('projection ' || $1, $2))")
        .bind(model.name())
        .bind(i64::from(model.version()))
        .fetch_one(connection)
        .await
}

async fn checkpoint(connection: &mut PgConnection, model: &dyn ReadModel) -> sqlx::Result<Position> {
    let row = sqlx::query(
        "SELECT last_xid, last_position FROM es.checkpoints WHERE projection = $1 AND version = $2",
    )
    .bind(model.name())
    .bind(model.version())
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(row) = row {
        return Ok(Position {
            xid: row.try_get("last_xid")?,
            position: row.try_get("last_position")?,
        });
    }
    sqlx::query(
        "INSERT INTO es.checkpoints (projection, version, last_xid, last_position) VALUES ($1, $2, 0, 0)
         ON CONFLICT DO NOTHING",
    )
    .bind(model.name())
    .bind(model.version())
    .execute(connection)
    .await?;
    Ok(Position::START)
}

async fn advance(
    connection: &mut PgConnection,
    model: &dyn ReadModel,
    from: Position,
    to: Position,
) -> Result<(), ProjectionError> {
    let moved = sqlx::query(
        "UPDATE es.checkpoints SET last_xid = $5, last_position = $6, updated_at = clock_timestamp()
         WHERE projection = $1 AND version = $2 AND last_xid = $3 AND last_position = $4",
    )
    .bind(model.name())
    .bind(model.version())
    .bind(from.xid)
    .bind(from.position)
    .bind(to.xid)
    .bind(to.position)
    .execute(connection)
    .await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(ProjectionError::Overtaken(model.name()))
    }
}
