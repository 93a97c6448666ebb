//! Bulks: many rows by one command. The rows are read into a work list, and a task carries them out from there.

pub mod file;
pub mod list;
pub mod row;
pub mod run;

use std::fs::File;
use std::sync::Arc;

use domain::bulk::{Bulk, BulkCommand, BulkError, BulkKind, BulkMode, ROWS_AT_ONCE_MAX, rows_max};
use domain::ids::ResellerId;
use platform::Scope;
use serde::{Deserialize, Serialize};
use store::effects::failed;
use store::unit_of_work::{Actor, Cause, Owner, UnitOfWork};
use store::vault::NewKey;
use tokio::sync::mpsc;
use uuid::Uuid;

use self::file::Format;
use self::list::{Listed, NewRow};
use self::row::Parsed;
use self::run::decide::Told;
use crate::WriteSide;
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::standing;

/// Namespace of bulks' ids, each of which follows from its command.
const BULKS: Uuid = Uuid::from_u128(0x5d0b_7a38_2f6c_4f0b_a6b1_0c84_94d5_3e17);
/// Rows that go into the work list by one statement.
const BATCH: usize = 1_000;

/// What somebody asks for.
pub struct Order {
    pub reseller_id: ResellerId,
    pub kind: BulkKind,
    pub mode: BulkMode,
    /// Whether the platform asks: it moves customers between any two resellers.
    pub by_platform: bool,
    pub format: Format,
    pub file: File,
    /// Of the file, lower-case hex.
    pub sha256: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Begun {
    pub bulk_id: Uuid,
    pub rows: u32,
    /// Of a dry run: what would become of the rows.
    pub would: Option<Told>,
}

/// Begins a bulk: its rows are carried out from now on, one after the other, by whichever process is there.
///
/// # Errors
/// The file is none, has no rows or too many, or the reseller is not active.
pub async fn begin(write: &WriteSide, cause: &Cause, order: Order) -> Result<Done<Begun>, CommandError> {
    if let Some(done) = write.bus.carried(cause).await? {
        return Ok(done);
    }
    let bulk = Listed {
        bulk_id: Uuid::new_v5(&BULKS, cause.command_id.as_bytes()),
        reseller_id: order.reseller_id,
        kind: order.kind,
        mode: order.mode,
        by_platform: order.by_platform,
        actor: cause.actor.as_ref().map(Actor::who),
        comment: cause.comment.clone(),
        cancelled: false,
    };
    if write.bus.is_trial() {
        return try_out(write, cause, &bulk, order).await;
    }
    let key = Arc::new(write.vault.new_key(bulk.bulk_id)?);
    {
        let mut connection = write.pool.acquire().await?;
        list::open(&mut connection, &bulk, cause.at).await?;
    }
    let begun = async {
        let sha256 = order.sha256.clone();
        let rows = fill(write, &bulk, &key, order).await?;
        append(write, cause, &bulk, &key, rows, &sha256).await
    };
    let begun = begun.await;
    // Where nobody can say whether it has begun, its rows stay: a repetition of the request settles it.
    if let Err(CommandError::Problem(_)) = &begun {
        let mut connection = write.pool.acquire().await?;
        list::clear(&mut connection, bulk.bulk_id).await?;
    }
    begun
}

async fn append(
    write: &WriteSide,
    cause: &Cause,
    bulk: &Listed,
    key: &Arc<NewKey>,
    rows: u32,
    sha256: &str,
) -> Result<Done<Begun>, CommandError> {
    let bulk_id = bulk.bulk_id;
    let decide = async |unit: &mut UnitOfWork<'_>| {
        begin_in(unit, bulk, rows, sha256).await?;
        let key = Arc::clone(key);
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                list::release(connection, bulk_id, key.wrapped())
                    .await
                    .map_err(failed)
            })
        }));
        Ok(Begun {
            bulk_id,
            rows,
            would: None,
        })
    };
    write.bus.run(cause, decide).await
}

async fn begin_in(
    unit: &mut UnitOfWork<'_>,
    bulk: &Listed,
    rows: u32,
    sha256: &str,
) -> Result<(), CommandError> {
    let scope = if bulk.by_platform {
        Scope::Platform
    } else {
        Scope::Reseller(bulk.reseller_id)
    };
    standing::ensure_within(unit, scope, bulk.reseller_id).await?;
    standing::ensure_active(unit, bulk.reseller_id).await?;
    let command = BulkCommand::Begin {
        reseller_id: bulk.reseller_id,
        kind: bulk.kind,
        mode: bulk.mode,
        rows,
        sha256: sha256.to_owned(),
    };
    let owner = Owner::reseller(bulk.reseller_id);
    unit.execute::<Bulk>(owner, &bulk.bulk_id.to_string(), command)
        .await?;
    Ok(())
}

/// Reads the file into the work list, batch by batch. Answers how many rows it has.
async fn fill(
    write: &WriteSide,
    bulk: &Listed,
    key: &Arc<NewKey>,
    order: Order,
) -> Result<u32, CommandError> {
    let (sender, mut batches) = mpsc::channel(2);
    let (mode, key) = (order.mode, Arc::clone(key));
    let reading = tokio::task::spawn_blocking(move || read(order, rows_max(mode), &key, &sender));
    let mut rows: u32 = 0;
    while let Some(batch) = batches.recv().await {
        let batch: Vec<NewRow> = batch;
        rows = rows.saturating_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        let mut connection = write.pool.acquire().await?;
        list::insert(&mut connection, (bulk.bulk_id, bulk.reseller_id), &batch).await?;
    }
    reading.await.map_err(CommandError::internal)??;
    Ok(rows)
}

/// Off the runtime: reads, seals and hands over.
fn read(
    order: Order,
    max: u32,
    key: &NewKey,
    batches: &mpsc::Sender<Vec<NewRow>>,
) -> Result<(), CommandError> {
    let (mut batch, mut number) = (Vec::with_capacity(BATCH), 0_i32);
    let (mut unsealed, mut too_long) = (None, false);
    let mut take = |parsed: Parsed| {
        number = number.saturating_add(1);
        too_long = u32::try_from(number).is_ok_and(|number| number > max);
        match sealed(key, parsed) {
            Ok(input) => batch.push(NewRow { number, input }),
            Err(error) => unsealed = Some(error),
        }
        if batch.len() == BATCH && batches.blocking_send(std::mem::take(&mut batch)).is_err() {
            return false;
        }
        unsealed.is_none() && !too_long
    };
    file::read(order.format, order.kind, order.file, &mut take)?;
    if let Some(error) = unsealed {
        return Err(error);
    }
    if too_long {
        return Err(too_many(order.mode, max));
    }
    // Nobody listens where the other side has failed, which tells why.
    let _ = batches.blocking_send(batch);
    Ok(())
}

fn too_many(mode: BulkMode, max: u32) -> CommandError {
    CommandError::refused(&BulkError::BulkTooLong { max, mode })
}

fn sealed(key: &NewKey, parsed: Parsed) -> Result<Result<String, row::Refused>, CommandError> {
    Ok(match parsed {
        Ok(row) => Ok(key.seal(&serde_json::to_string(&row)?)?.text),
        Err(refused) => Err(refused),
    })
}

/// A dry run: the rows are decided one after the other on the present state, each with what those before it have
/// done, and nothing is stored.
async fn try_out(
    write: &WriteSide,
    cause: &Cause,
    bulk: &Listed,
    order: Order,
) -> Result<Done<Begun>, CommandError> {
    let (mode, sha256) = (order.mode, order.sha256.clone());
    let rows = all(order).await?;
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let prepared = run::prepared(write, &rows).await?;
    let decide = async |unit: &mut UnitOfWork<'_>| {
        begin_in(unit, bulk, count, &sha256).await?;
        let tally = run::decide::rows(write, unit, cause, bulk, &prepared).await?;
        Ok(Begun {
            bulk_id: bulk.bulk_id,
            rows: count,
            would: Some(tally.told(mode)),
        })
    };
    write.bus.run(cause, decide).await
}

/// All rows of a file that is to be tried.
async fn all(order: Order) -> Result<Vec<Parsed>, CommandError> {
    let reading = tokio::task::spawn_blocking(move || {
        let (mut rows, most) = (
            Vec::new(),
            usize::try_from(ROWS_AT_ONCE_MAX).unwrap_or(usize::MAX),
        );
        file::read(order.format, order.kind, order.file, &mut |row| {
            rows.push(row);
            rows.len() <= most
        })?;
        if rows.len() > most {
            let detail = format!("a dry run takes at most {ROWS_AT_ONCE_MAX} rows: try the first ones");
            let status = actix_web::http::StatusCode::BAD_REQUEST;
            return Err(Problem::new(status, "BULK_TOO_LONG", detail).into());
        }
        Ok(rows)
    });
    reading.await.map_err(CommandError::internal)?
}

/// Leaves what has not been carried out yet.
///
/// # Errors
/// There is no such bulk in the scope, or it has ended.
pub async fn cancel(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    bulk_id: Uuid,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let id = bulk_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let bulk: Bulk = unit.load(&id).await?;
        let not_found = || CommandError::refused(&BulkError::BulkNotFound);
        let reseller_id = bulk.reseller_id().ok_or_else(not_found)?;
        match scope {
            Scope::Platform => {}
            Scope::Reseller(own) if own == reseller_id => {}
            Scope::Reseller(_) | Scope::Tenant { .. } => return Err(not_found()),
        }
        let command = BulkCommand::Cancel {
            reason: reason.to_owned(),
        };
        unit.execute::<Bulk>(Owner::reseller(reseller_id), &id, command)
            .await?;
        unit.effect(Box::new(move |connection| {
            Box::pin(async move { list::cancel(connection, bulk_id).await.map_err(failed) })
        }));
        Ok(())
    };
    write.bus.run(cause, decide).await
}
