//! Folds events into one projection's tables: rows and checkpoint in one transaction, so each event exactly once.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection, PgPool, Postgres, Row, Transaction};
use store::answered::answered;
use store::feed::FeedError;
use store::vault::Vault;
use store::{Position, Recorded, erasure, feed};

use crate::dead_letters;
use crate::projection::{OnBadEvent, ProjectionError, ReadModel};

/// Most events in one transaction at the head of the log. It holds back the feed while it runs, so it is kept short.
pub(crate) const BATCH_EVENTS_MAX: i64 = 1000;
/// Events in one transaction far behind the head: as many as take about [`STRETCH_HOLDS`], within these bounds. A
/// row that sums up many events is then written once for more of them.
const STRETCH_EVENTS_MIN: usize = 2_000;
const STRETCH_EVENTS_MAX: usize = 32_000;
const STRETCH_HOLDS: Duration = Duration::from_millis(400);

/// Longest that one transaction may take.
const FOLD_WITHIN: Duration = Duration::from_mins(2);
/// Longest wait for the next events of a stretch.
const READ_WITHIN: Duration = Duration::from_mins(1);

/// Which tables are written, and whose checkpoint moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Those that are served.
    Live,
    /// Those of a rebuild, in a schema of their own.
    Rebuild,
}

/// Who folds into what.
#[derive(Clone, Copy)]
pub(crate) struct Fold<'a> {
    pub pool: &'a PgPool,
    pub model: &'a dyn ReadModel,
    pub vault: &'a Vault,
    pub target: Target,
}

/// How a projection's tables stand to the version in this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// They are of this version and include events up to here.
    Ours { at: Position },
    /// An older program's; a rebuild makes them ours.
    Older,
    /// A newer program's: not ours to touch.
    Newer { version: i32 },
}

impl Fold<'_> {
    /// Folds `events`, which follow `from`, and returns the position that is reached: that of the last event, or
    /// of the one before a bad event where the projection stops for it.
    ///
    /// # Errors
    /// Nothing is written; [`ProjectionError::Overtaken`] where the checkpoint is no longer `from`.
    pub async fn fold(&self, from: Position, events: &[Recorded]) -> Result<Position, ProjectionError> {
        let Some(last) = events.last() else {
            return Ok(from);
        };
        match answered(FOLD_WITHIN, self.batch(from, events, last.position)).await {
            Ok(()) => Ok(last.position),
            Err(error) if error.is_of_event() => {
                answered(FOLD_WITHIN, self.around_bad_event(from, events)).await
            }
            Err(error) => Err(error),
        }
    }

    async fn batch(&self, from: Position, events: &[Recorded], to: Position) -> Result<(), ProjectionError> {
        let mut transaction = self.begin().await?;
        // First, so that of two that fold the same batch the later one waits here and then has nothing to undo.
        self.advance(&mut transaction, from, to).await?;
        self.model
            .fold_batch(&mut transaction, events, self.vault)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A part of a batch that failed. Savepoints are dear: only so many events are folded singly as the bad one may
    /// be among.
    async fn around_bad_event(
        &self,
        from: Position,
        events: &[Recorded],
    ) -> Result<Position, ProjectionError> {
        let (first, rest) = events
            .split_at_checked(STRETCH_EVENTS_MIN)
            .unwrap_or((events, &[]));
        let to = first.last().map_or(from, |event| event.position);
        if rest.is_empty() {
            return self.one_by_one(from, first).await;
        }
        match self.batch(from, first, to).await {
            Ok(()) => Ok(to),
            Err(error) if error.is_of_event() => self.one_by_one(from, first).await,
            Err(error) => Err(error),
        }
    }

    /// Puts the event that could not be read aside, where the projection does so with bad events: nobody can say
    /// whether it concerns it. Returns its position.
    async fn pass_by(&self, from: Position, error: FeedError) -> Result<Position, ProjectionError> {
        let position = match (error.unreadable(), self.model.on_bad_event()) {
            (Some(position), OnBadEvent::Park) => position,
            (Some(_), OnBadEvent::Stop) | (None, OnBadEvent::Park | OnBadEvent::Stop) => {
                return Err(error.into());
            }
        };
        let mut transaction = self.begin().await?;
        self.advance(&mut transaction, from, position).await?;
        let rebuild = self.target == Target::Rebuild;
        dead_letters::park(&mut transaction, self.model, rebuild, position, &error.into()).await?;
        transaction.commit().await?;
        Ok(position)
    }

    /// Folds each event in a savepoint of its own, to find the bad one: it is put aside or, where the projection
    /// stops for it, ends the batch before it.
    async fn one_by_one(&self, from: Position, events: &[Recorded]) -> Result<Position, ProjectionError> {
        let mut transaction = self.begin().await?;
        self.advance(&mut transaction, from, from).await?;
        let mut reached = from;
        for recorded in events {
            let mut savepoint = transaction.begin().await?;
            let one = std::slice::from_ref(recorded);
            let outcome = self.model.fold_batch(&mut savepoint, one, self.vault).await;
            match (outcome, self.model.on_bad_event()) {
                (Ok(()), _) => savepoint.commit().await?,
                (Err(error), OnBadEvent::Park) if error.is_of_event() => {
                    savepoint.rollback().await?;
                    let rebuild = self.target == Target::Rebuild;
                    dead_letters::park(&mut transaction, self.model, rebuild, recorded.position, &error)
                        .await?;
                }
                (Err(error), OnBadEvent::Park | OnBadEvent::Stop) if reached == from => return Err(error),
                (Err(_), OnBadEvent::Park | OnBadEvent::Stop) => {
                    savepoint.rollback().await?;
                    break;
                }
            }
            reached = recorded.position;
        }
        self.advance(&mut transaction, from, reached).await?;
        transaction.commit().await?;
        Ok(reached)
    }

    pub(crate) async fn begin(&self) -> sqlx::Result<Transaction<'static, Postgres>> {
        // Rows and checkpoint are lost together, if at all, and are folded again.
        let statement = match self.target {
            Target::Live => {
                Cow::Borrowed("BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL search_path = read, live")
            }
            // What no rebuild can make, such as progress of jobs, stays where it is.
            Target::Rebuild => Cow::Owned(format!(
                "BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL search_path = rebuild_{}, live",
                self.model.name()
            )),
        };
        let mut transaction = self.pool.begin_with(statement).await?;
        // Before any row: names opened in this transaction are gone from the rows when an erasure has answered.
        erasure::hold_off(&mut transaction).await?;
        Ok(transaction)
    }

    async fn advance(
        &self,
        connection: &mut PgConnection,
        from: Position,
        to: Position,
    ) -> Result<(), ProjectionError> {
        let statement = match self.target {
            Target::Live => {
                "UPDATE es.checkpoints SET last_xid = $5, last_position = $6, updated_at = clock_timestamp()
                 WHERE projection = $1 AND version = $2 AND last_xid = $3 AND last_position = $4"
            }
            Target::Rebuild => {
                "UPDATE es.rebuilds SET last_xid = $5, last_position = $6, updated_at = clock_timestamp()
                 WHERE projection = $1 AND version = $2 AND last_xid = $3 AND last_position = $4"
            }
        };
        let moved = sqlx::query(statement)
            .bind(self.model.name())
            .bind(self.model.version())
            .bind(from.xid)
            .bind(from.position)
            .bind(to.xid)
            .bind(to.position)
            .execute(connection)
            .await?;
        if moved.rows_affected() == 1 {
            Ok(())
        } else {
            Err(ProjectionError::Overtaken(self.model.name()))
        }
    }
}

/// What is served of a projection. One that nobody has folded yet begins here.
pub(crate) async fn served(pool: &PgPool, model: &dyn ReadModel) -> sqlx::Result<Served> {
    loop {
        let row =
            sqlx::query("SELECT version, last_xid, last_position FROM es.checkpoints WHERE projection = $1")
                .bind(model.name())
                .fetch_optional(pool)
                .await?;
        if let Some(row) = row {
            let version: i32 = row.try_get("version")?;
            return Ok(match version.cmp(&model.version()) {
                Ordering::Equal => Served::Ours {
                    at: Position {
                        xid: row.try_get("last_xid")?,
                        position: row.try_get("last_position")?,
                    },
                },
                Ordering::Less => Served::Older,
                Ordering::Greater => Served::Newer { version },
            });
        }
        sqlx::query(
            "INSERT INTO es.checkpoints (projection, version, last_xid, last_position) VALUES ($1, $2, 0, 0)
             ON CONFLICT DO NOTHING",
        )
        .bind(model.name())
        .bind(model.version())
        .execute(pool)
        .await?;
    }
}

/// Folds everything after `from` that may be read now, the next batches being read meanwhile. `moved` is told
/// of each batch and of the position that is reached in it.
pub(crate) async fn stretch(
    fold: &Fold<'_>,
    from: Position,
    mut moved: impl FnMut(&[Recorded], Position),
) -> Result<Position, ProjectionError> {
    let mut at = from;
    let read_from = |at| feed::stretch_ahead(fold.pool, at, STRETCH_EVENTS_MAX / feed::BATCH_EVENTS);
    let mut stretch = read_from(at);
    let mut wanted = STRETCH_EVENTS_MIN;
    loop {
        let batch = match answered(READ_WITHIN, stretch.next_joined(wanted)).await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(at),
            Err(error) => {
                at = fold.pass_by(at, error).await?;
                moved(&[], at);
                stretch = read_from(at);
                continue;
            }
        };
        let began = Instant::now();
        let mut rest = batch.as_slice();
        while !rest.is_empty() {
            at = fold.fold(at, rest).await?;
            moved(rest, at);
            let folded = rest.partition_point(|event| event.position <= at);
            rest = rest.get(folded..).unwrap_or_default();
        }
        wanted = wanted_after(batch.len(), began.elapsed());
    }
}

/// How many events the next transaction takes, after one with `events` took so long: at most twice as many.
fn wanted_after(events: usize, took: Duration) -> usize {
    let took = took.as_micros().max(1);
    let fitting = u128::try_from(events)
        .unwrap_or(u128::MAX)
        .saturating_mul(STRETCH_HOLDS.as_micros())
        / took;
    usize::try_from(fitting)
        .unwrap_or(usize::MAX)
        .min(events.saturating_mul(2))
        .clamp(STRETCH_EVENTS_MIN, STRETCH_EVENTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_far_behind_takes_more_events_while_it_is_short() {
        assert_eq!(wanted_after(2_000, Duration::from_millis(10)), 4_000);
        assert_eq!(
            wanted_after(24_000, Duration::from_millis(10)),
            STRETCH_EVENTS_MAX
        );
        assert_eq!(wanted_after(8_000, STRETCH_HOLDS * 4 / 5), 10_000);
    }

    #[test]
    fn one_that_holds_readers_back_too_long_is_followed_by_a_smaller_one() {
        assert_eq!(wanted_after(8_000, STRETCH_HOLDS * 2), 4_000);
        assert_eq!(wanted_after(1_000, Duration::from_secs(3)), STRETCH_EVENTS_MIN);
        assert_eq!(wanted_after(0, Duration::ZERO), STRETCH_EVENTS_MIN);
    }
}
