//! Reads a long stretch of the log: COPY in binary, decoded while what was decoded before is worked on.

use futures::TryStreamExt;
use sqlx::PgPool;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::FeedError;
use super::columns::{Columns, SELECTED};
use crate::{Position, Recorded};

/// Events in one batch of a stretch.
pub const BATCH_EVENTS: usize = 1000;
/// Batches decoded ahead, unless told otherwise. With the one that is worked on they bound the memory of a replay.
const BATCHES_AHEAD: usize = 3;
/// Rows of one COPY: its snapshot is given back after them. While it is held, row versions that folding leaves behind
/// cannot be pruned, and rows that are written again and again get slower with each of them.
const COPY_ROWS: usize = 20_000;

/// Batches of events, in order, ahead of whoever takes them. Reading ends with it.
pub struct Stretch {
    batches: mpsc::Receiver<Result<Vec<Recorded>, FeedError>>,
    /// What ended the reading, kept until the events before it are taken.
    failed: Option<FeedError>,
    _reading: AbortOnDropHandle<()>,
}

impl Stretch {
    /// The next batch; `None` at the end of what may be read.
    ///
    /// # Errors
    /// The database fails, or an event cannot be decoded; all events before it have been given.
    pub async fn next(&mut self) -> Result<Option<Vec<Recorded>>, FeedError> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.batches.recv().await.transpose(),
        }
    }

    /// The next batches as one, of at least `wanted` events where there are so many.
    ///
    /// # Errors
    /// As [`Stretch::next`].
    pub async fn next_joined(&mut self, wanted: usize) -> Result<Option<Vec<Recorded>>, FeedError> {
        let Some(mut events) = self.next().await? else {
            return Ok(None);
        };
        while events.len() < wanted {
            match self.batches.recv().await {
                Some(Ok(batch)) => events.extend(batch),
                Some(Err(error)) => {
                    self.failed = Some(error);
                    break;
                }
                None => break,
            }
        }
        Ok(Some(events))
    }
}

/// Reads everything after `after` that may be read now, over one connection of the pool.
pub fn stretch(pool: &PgPool, after: Position) -> Stretch {
    stretch_ahead(pool, after, BATCHES_AHEAD)
}

/// As [`stretch`], with so many batches decoded ahead: for who takes several at a time.
pub fn stretch_ahead(pool: &PgPool, after: Position, batches_ahead: usize) -> Stretch {
    let (batches, taken) = mpsc::channel(batches_ahead);
    let reading = tokio::spawn(read(pool.clone(), after, batches));
    Stretch {
        batches: taken,
        failed: None,
        _reading: AbortOnDropHandle::new(reading),
    }
}

type Batches = mpsc::Sender<Result<Vec<Recorded>, FeedError>>;

async fn read(pool: PgPool, mut after: Position, batches: Batches) {
    loop {
        let copied = match pool.acquire().await {
            Ok(connection) => copy(connection, after, &batches).await,
            Err(error) => Err(error.into()),
        };
        match copied {
            Ok(Some(last)) => after = last,
            Ok(None) => return,
            Err(error) => {
                // Whoever took the batches may have gone.
                let _ = batches.send(Err(error)).await;
                return;
            }
        }
    }
}

/// One COPY. Returns the last position, if more may follow it.
async fn copy(
    mut connection: PoolConnection<sqlx::Postgres>,
    after: Position,
    batches: &Batches,
) -> Result<Option<Position>, FeedError> {
    match copy_over(&mut connection, after, batches).await {
        Ok(copied) => Ok(copied),
        Err(error) => {
            // In the middle of a COPY it can serve nobody else.
            drop(connection.detach());
            match error {
                Ended::Unwanted => Ok(None),
                Ended::Failed(error) => Err(error),
            }
        }
    }
}

enum Ended {
    /// Nobody takes the batches any more.
    Unwanted,
    Failed(FeedError),
}

impl<E: Into<FeedError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn copy_over(
    connection: &mut PgConnection,
    after: Position,
    batches: &Batches,
) -> Result<Option<Position>, Ended> {
    // COPY takes no parameters; the position is two numbers.
    let statement = format!(
        "COPY (SELECT {SELECTED} FROM es.events e
               WHERE (e.xid, e.position) > ('{}'::xid8, {}) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
               ORDER BY e.xid, e.position LIMIT {COPY_ROWS}) TO STDOUT (FORMAT binary)",
        after.xid, after.position
    );
    let mut rows = connection.copy_out_raw(&statement).await?;
    let mut batch = Vec::with_capacity(BATCH_EVENTS);
    let (mut read, mut last) = (0, None);
    let mut first = true;
    while let Some(row) = rows.try_next().await? {
        let Some(columns) = Columns::of_copied(&row, std::mem::take(&mut first))? else {
            continue;
        };
        let decoded = columns.decode();
        read += 1;
        match decoded {
            Ok(event) => {
                last = Some(event.position);
                batch.push(event);
            }
            Err(error) => {
                send(batches, std::mem::take(&mut batch)).await?;
                return Err(error.into());
            }
        }
        if batch.len() == BATCH_EVENTS {
            send(
                batches,
                std::mem::replace(&mut batch, Vec::with_capacity(BATCH_EVENTS)),
            )
            .await?;
        }
    }
    send(batches, batch).await?;
    Ok(last.filter(|_| read == COPY_ROWS))
}

async fn send(batches: &Batches, batch: Vec<Recorded>) -> Result<(), Ended> {
    if batch.is_empty() {
        return Ok(());
    }
    batches.send(Ok(batch)).await.map_err(|_| Ended::Unwanted)
}
