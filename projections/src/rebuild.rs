//! Rebuilds a read model beside the one that is served, and switches to it.
//!
//! It has tables in a schema of its own and a checkpoint of its own, so it goes on after any crash. It runs no
//! side effects: reactions follow the log by checkpoints that no rebuild touches, and nobody is woken. Progress
//! of jobs, which is not in the log, stays in the live tables.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::shutdown::pause;
use sqlx::{PgConnection, PgPool, Row};
use store::vault::Vault;
use store::{Position, feed};
use tokio_util::sync::CancellationToken;

use crate::fold::{self, Fold, Target};
use crate::projection::{Audited, ProjectionError, ReadModel};

/// Most that is still to fold when readers are made to wait for the switch, in events.
const SWITCH_EVENTS_MAX: usize = 1000;
const SWITCH_ATTEMPTS: u32 = 20;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// What is served stands still meanwhile.
const READER_LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

enum Exchanged {
    Yes,
    /// Some still read with what they saw before.
    ReadersWait,
}

/// How far a rebuild is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub at: Position,
    /// The last event of the log.
    pub head: Position,
    /// Folded by this run.
    pub events: u64,
}

pub struct Rebuild {
    /// Of the role `stentor_projections`.
    pub pool: PgPool,
    pub model: Arc<dyn ReadModel>,
    pub vault: Vault,
}

impl Rebuild {
    /// Folds the log into new tables until nothing is left to read; goes on where an earlier run was cut off.
    ///
    /// # Errors
    /// The database fails, or an event cannot be folded and the projection stops for it.
    pub async fn run(&self, told: &(dyn Fn(Progress) + Sync)) -> Result<Position, ProjectionError> {
        sqlx::query("SELECT es.begin_rebuild($1, $2, $3)")
            .bind(self.model.name())
            .bind(self.model.version())
            .bind(tables(self.model.as_ref()))
            .execute(&self.pool)
            .await?;
        let mut events = 0_u64;
        loop {
            let from = self.reached().await?;
            let head = feed::head(&mut *self.pool.acquire().await?).await?;
            let mut folded = 0_usize;
            let at = fold::stretch(&self.fold(), from, |batch, at| {
                folded += batch.len();
                events += u64::try_from(batch.len()).unwrap_or(u64::MAX);
                told(Progress { at, head, events });
            })
            .await?;
            if folded < SWITCH_EVENTS_MAX {
                return Ok(at);
            }
        }
    }

    /// Makes the new tables those that are served, with their checkpoint, in one transaction: what is still to
    /// fold is folded first.
    ///
    /// # Errors
    /// There is no rebuild, or readers would not let go of the old tables for too long.
    pub async fn switch(&self) -> Result<(), ProjectionError> {
        for attempt in 1.. {
            let mut transaction = self
                .pool
                .begin_with("BEGIN; SET LOCAL lock_timeout = '500ms'")
                .await?;
            let switched = match self.hold_live(&mut transaction).await {
                Ok(()) => {
                    // What is served stands still now, so this comes to an end.
                    fold::stretch(&self.fold(), self.reached().await?, |_, _| {}).await?;
                    self.exchange(&mut transaction).await
                }
                Err(error) => Err(error),
            };
            match switched {
                Ok(Exchanged::Yes) => {
                    transaction.commit().await?;
                    return Ok(());
                }
                Ok(Exchanged::ReadersWait) if attempt >= SWITCH_ATTEMPTS => {
                    return Err(ProjectionError::Readers(self.model.name()));
                }
                Ok(Exchanged::ReadersWait) => {
                    transaction.rollback().await?;
                    pause(BETWEEN_ATTEMPTS, &CancellationToken::new()).await;
                }
                Err(error) if attempt < SWITCH_ATTEMPTS && passes(&error) => {
                    transaction.rollback().await?;
                    pause(BETWEEN_ATTEMPTS, &CancellationToken::new()).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Drops what was rebuilt so far.
    ///
    /// # Errors
    /// The database fails.
    pub async fn abandon(&self) -> sqlx::Result<()> {
        sqlx::query("SELECT es.abandon_rebuild($1)")
            .bind(self.model.name())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Exchanges the tables once no reader is left to whom the new rows are invisible: one that had begun to look
    /// around before they were all folded would find a table that lacks some.
    async fn exchange(&self, connection: &mut PgConnection) -> sqlx::Result<Exchanged> {
        let folded: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()")
            .fetch_one(&mut *connection)
            .await?;
        for look in 1.. {
            let older: i64 = sqlx::query_scalar("SELECT es.older_readers($1)")
                .bind(folded)
                .fetch_one(&mut *connection)
                .await?;
            match older {
                0 => break,
                _ if look == READER_LOOKS => return Ok(Exchanged::ReadersWait),
                _ => pause(BETWEEN_LOOKS, &CancellationToken::new()).await,
            };
        }
        sqlx::query("SELECT es.switch_projection($1)")
            .bind(self.model.name())
            .execute(connection)
            .await?;
        Ok(Exchanged::Yes)
    }

    /// Keeps the checkpoint of what is served where it is until the transaction ends.
    async fn hold_live(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        sqlx::query("SELECT FROM es.checkpoints WHERE projection = $1 FOR UPDATE")
            .bind(self.model.name())
            .execute(connection)
            .await?;
        Ok(())
    }

    fn fold(&self) -> Fold<'_> {
        Fold {
            pool: &self.pool,
            model: self.model.as_ref(),
            vault: &self.vault,
            target: Target::Rebuild,
        }
    }

    async fn reached(&self) -> Result<Position, ProjectionError> {
        let row = sqlx::query(
            "SELECT last_xid, last_position FROM es.rebuilds WHERE projection = $1 AND version = $2",
        )
        .bind(self.model.name())
        .bind(self.model.version())
        .fetch_optional(&self.pool)
        .await?
        .ok_or(ProjectionError::NoRebuild(self.model.name()))?;
        Ok(Position {
            xid: row.try_get("last_xid")?,
            position: row.try_get("last_position")?,
        })
    }
}

/// Those that follow from the log alone, with their schemas; the others stay.
fn tables(model: &dyn ReadModel) -> Vec<String> {
    model
        .tables()
        .iter()
        .filter(|table| match table.audited {
            Audited::Everything => true,
            Audited::Part { .. } | Audited::Nothing => false,
        })
        .map(|table| format!("{}.{}", table.schema, table.name))
        .collect()
}

/// Whether a switch may succeed a moment later: somebody holds a table or the checkpoint.
fn passes(error: &sqlx::Error) -> bool {
    // lock_not_available, deadlock_detected.
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| ["55P03", "40P01"].contains(&code.as_ref()))
}
