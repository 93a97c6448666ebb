//! Carries bulks out from the work list, a process at a time for each. A row is a command of its own whose id follows
//! from bulk and number: whoever goes on after a crash does no row twice.

pub mod decide;

use std::collections::HashSet;
use std::time::Duration;

use domain::bulk::{Bulk, BulkCommand, BulkMode, BulkOutcome};
use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};
use metrics::counter;
use platform::shutdown::pause;
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use store::effects::failed;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::decide::Prepared;
use super::list::{self, Ended, Listed, RowDone};
use super::row::{Parsed, Refused, Row};
use crate::WriteSide;
use crate::error::CommandError;
use crate::people;

/// Bulks that a process works on at one time, and rows of each: the account that they are paid from takes part in
/// every commit, and interactive commands want it too.
const BULKS_AT_ONCE: i64 = 4;
const ROWS_AT_ONCE: usize = 128;
/// Rows that are taken, and ended, by one statement.
const BATCH: i64 = 512;
/// How often a process looks for bulks, and what it does after a failure.
const POLL: Duration = Duration::from_millis(250);
/// Attempts at a row that fails on our side, and the pause after the first.
const ATTEMPTS: u32 = 5;
const PAUSE_MS: u64 = 50;
/// Looks between two times that old rows are forgotten.
const PRUNE_EVERY: u32 = 14_400;

/// Works on bulks until `stop`. Any number of processes may do so at one time.
pub async fn run(write: WriteSide, stop: CancellationToken) {
    let mut working = FuturesUnordered::new();
    let mut busy: HashSet<Uuid> = HashSet::new();
    let mut looks: u32 = 0;
    while !stop.is_cancelled() {
        match look(&write, looks.is_multiple_of(PRUNE_EVERY)).await {
            Ok(bulks) => {
                for bulk in bulks {
                    if busy.insert(bulk.bulk_id) {
                        let (write, stop) = (&write, &stop);
                        working.push(async move { (bulk.bulk_id, lead(write, &bulk, stop).await) });
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "bulks wait; trying again"),
        }
        looks = looks.wrapping_add(1);
        tokio::select! {
            Some((bulk_id, outcome)) = working.next(), if !working.is_empty() => {
                if let Err(error) = outcome {
                    tracing::warn!(%bulk_id, %error, "a bulk waits; going on with it later");
                    pause(POLL, &stop).await;
                }
                busy.remove(&bulk_id);
            }
            _ = pause(POLL, &stop) => {}
        }
    }
    // What is under way is finished batch by batch, and goes on in the next process.
    while working.next().await.is_some() {}
}

async fn look(write: &WriteSide, prune: bool) -> Result<Vec<Listed>, CommandError> {
    let mut connection = write.pool.acquire().await?;
    if prune {
        list::prune(&mut connection, write.clock.now()).await?;
    }
    Ok(list::under_way(&mut connection, BULKS_AT_ONCE).await?)
}

/// Works on a bulk unless another process does.
async fn lead(write: &WriteSide, bulk: &Listed, stop: &CancellationToken) -> Result<(), CommandError> {
    // A connection of its own: the lock ends with it, however this ends.
    let mut leader: PgConnection = write.pool.acquire().await?.detach();
    let leads: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended('bulk ' || $1::uuid::text, 0))")
            .bind(bulk.bulk_id)
            .fetch_one(&mut leader)
            .await?;
    let done = if leads {
        carry_out(write, bulk, stop).await
    } else {
        Ok(())
    };
    leader.close().await?;
    done
}

async fn carry_out(write: &WriteSide, bulk: &Listed, stop: &CancellationToken) -> Result<(), CommandError> {
    let outcome = match bulk.mode {
        BulkMode::BestEffort => one_by_one(write, bulk, stop).await?,
        BulkMode::AllOrNothing => Some(decide::at_once(write, bulk).await?),
    };
    match outcome {
        Some(outcome) => end(write, bulk, outcome).await,
        // The process stops: another one goes on.
        None => Ok(()),
    }
}

async fn one_by_one(
    write: &WriteSide,
    bulk: &Listed,
    stop: &CancellationToken,
) -> Result<Option<BulkOutcome>, CommandError> {
    let mut follows = true;
    while !stop.is_cancelled() {
        let mut connection = write.pool.acquire().await?;
        if list::is_cancelled(&mut connection, bulk.bulk_id).await? {
            return Ok(Some(BulkOutcome::Cancelled));
        }
        let rows = list::waiting(&mut connection, bulk.bulk_id, BATCH).await?;
        if rows.is_empty() {
            return Ok(Some(BulkOutcome::Completed));
        }
        let rows = opened(write, &mut connection, bulk, rows).await?;
        drop(connection);
        let (mut ended, rows) = if std::mem::take(&mut follows) {
            answered(write, bulk, rows).await?
        } else {
            (Vec::new(), rows)
        };
        ended.append(&mut batch(write, bulk, rows).await?);
        counter!("stentor_bulk_rows_total", "kind" => bulk.kind.as_ref().to_owned())
            .increment(u64::try_from(ended.len()).unwrap_or_default());
        let mut connection = write.pool.acquire().await?;
        list::end_rows(&mut connection, bulk.bulk_id, &ended).await?;
    }
    Ok(None)
}

/// The rows as they were asked for.
pub(super) async fn opened(
    write: &WriteSide,
    connection: &mut PgConnection,
    bulk: &Listed,
    rows: Vec<(i32, String)>,
) -> Result<Vec<(i32, Parsed)>, CommandError> {
    let keys = write.vault.keys(connection, &[bulk.bulk_id]).await?;
    let subject = bulk.bulk_id;
    let mut opened = Vec::with_capacity(rows.len());
    for (number, text) in rows {
        let sealed = domain::personal::Sealed { subject, text };
        let text = keys
            .open(&sealed)?
            .ok_or_else(|| CommandError::internal("the key of a bulk is missing before its end"))?;
        opened.push((number, Ok(serde_json::from_str(&text)?)));
    }
    Ok(opened)
}

/// What whoever led before has carried out without noting it, and the rows that are left. Asked before anything is
/// decided: repetitions would fail at their commit one after the other, each with all that build on it.
async fn answered(
    write: &WriteSide,
    bulk: &Listed,
    rows: Vec<(i32, Parsed)>,
) -> Result<(Vec<(i32, Ended)>, Vec<(i32, Parsed)>), CommandError> {
    let (mut ended, mut left) = (Vec::new(), Vec::with_capacity(rows.len()));
    for (number, parsed) in rows {
        let done = match &parsed {
            Ok(row) => write.bus.carried(&cause_of(write, bulk, number, row)?).await?,
            Err(_) => None,
        };
        match done {
            Some(done) => ended.push((number, Ok(done.value))),
            None => left.push((number, parsed)),
        }
    }
    Ok((ended, left))
}

async fn batch(
    write: &WriteSide,
    bulk: &Listed,
    rows: Vec<(i32, Parsed)>,
) -> Result<Vec<(i32, Ended)>, CommandError> {
    let (numbers, rows): (Vec<i32>, Vec<Parsed>) = rows.into_iter().unzip();
    let prepared = decide::with_free_addresses(write, prepared(write, &rows).await?).await?;
    let carried = stream::iter(numbers.into_iter().zip(&prepared)).map(async |(number, prepared)| {
        let ended = match prepared {
            Ok(prepared) => carry(write, bulk, number, prepared).await?,
            Err(refused) => Err(refused.clone()),
        };
        Ok::<_, CommandError>((number, ended))
    });
    let carried: Vec<_> = carried.buffer_unordered(ROWS_AT_ONCE).collect().await;
    carried.into_iter().collect()
}

/// Rows with what they need before they are decided: a customer's first user, whose key is stored for all of them by
/// one statement.
pub(super) async fn prepared(
    write: &WriteSide,
    rows: &[Parsed],
) -> Result<Vec<Result<Prepared, Refused>>, CommandError> {
    let mut prepared = Vec::with_capacity(rows.len());
    let mut keys = Vec::new();
    for row in rows {
        let row = match row {
            Ok(row) => row,
            Err(refused) => {
                prepared.push(Err(refused.clone()));
                continue;
            }
        };
        let Row::Create {
            user_name,
            user_email,
            ..
        } = row
        else {
            prepared.push(Ok(Prepared::without_user(row.clone())));
            continue;
        };
        prepared.push(match people::with_key(write, user_name, user_email) {
            Ok((user, key)) => {
                keys.push(key);
                Ok(Prepared::with_user(row.clone(), user))
            }
            Err(error) => Err(decide::refused(error)?),
        });
    }
    let mut connection = write.pool.acquire().await?;
    store::vault::store_keys(&mut connection, &keys).await?;
    Ok(prepared)
}

/// One row as a command of its own.
async fn carry(
    write: &WriteSide,
    bulk: &Listed,
    number: i32,
    prepared: &Prepared,
) -> Result<Ended, CommandError> {
    let cause = cause_of(write, bulk, number, &prepared.row)?;
    let decide = async |unit: &mut UnitOfWork<'_>| decide::row(write, unit, &cause, bulk, prepared).await;
    let mut attempt = 0;
    loop {
        attempt += 1;
        match write.bus.run::<RowDone, _>(&cause, decide).await {
            Ok(done) => return Ok(Ok(done.value)),
            Err(CommandError::Problem(problem)) if problem.status < 500 => {
                return Ok(Err(decide::refused(CommandError::Problem(problem))?));
            }
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(_) => {
                pause(
                    Duration::from_millis(PAUSE_MS << attempt),
                    &CancellationToken::new(),
                )
                .await;
            }
        }
    }
}

/// The cause of a row: the same whoever carries it out, and how often.
fn cause_of(write: &WriteSide, bulk: &Listed, number: i32, row: &Row) -> Result<Cause, CommandError> {
    Ok(row_cause(
        write,
        bulk,
        &number.to_string(),
        &serde_json::to_vec(row)?,
    ))
}

/// The cause of a step of the bulk.
pub(super) fn row_cause(write: &WriteSide, bulk: &Listed, step: &str, payload: &[u8]) -> Cause {
    let fingerprint = Sha256::new()
        .chain_update(bulk.bulk_id)
        .chain_update(payload)
        .finalize();
    Cause {
        command_id: Uuid::new_v5(&bulk.bulk_id, step.as_bytes()),
        fingerprint: fingerprint.to_vec(),
        actor: bulk.actor.map(Into::into),
        owner: Owner::reseller(bulk.reseller_id),
        at: write.clock.now(),
        happened_at: None,
        comment: bulk.comment.clone(),
    }
}

/// The last word of a bulk.
async fn end(write: &WriteSide, bulk: &Listed, outcome: BulkOutcome) -> Result<(), CommandError> {
    let bulk_id = bulk.bulk_id;
    let counted = {
        let mut connection = write.pool.acquire().await?;
        list::counted(&mut connection, bulk_id).await?
    };
    let count = |rows: i64| u32::try_from(rows).unwrap_or(u32::MAX);
    let cause = Cause {
        actor: None,
        comment: None,
        ..row_cause(write, bulk, "end", &[])
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = BulkCommand::End {
            outcome,
            done: count(counted.0),
            failed: count(counted.1),
        };
        unit.execute::<Bulk>(Owner::reseller(bulk.reseller_id), &bulk_id.to_string(), command)
            .await?;
        let now = write.clock.now();
        unit.effect(Box::new(move |connection| {
            Box::pin(async move { list::end(connection, bulk_id, now).await.map_err(failed) })
        }));
        Ok(())
    };
    write.bus.run(&cause, decide).await?;
    Ok(())
}
