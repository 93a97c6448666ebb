//! Hands queued jobs to the broker: fairly between tenants, as many at one time as each may have.
//!
//! The queue is a fold of the log with its checkpoint in the same transaction. A job is published, then its
//! dispatch is recorded: a crash between the two publishes it again, which workers and the job bear.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::AnyEvent;
use domain::entitlement::{Feature, Question};
use domain::ids::JobId;
use domain::job::{Job, JobCommand, JobError, JobEvent};
use platform::broker::{JOBS_QUEUE, Route};
use platform::messages::{TranscriptionRequestedV1, WorkMessage};
use platform::shutdown::pause;
use sqlx::{Acquire, PgConnection, Row};
use store::answered::answered;
use store::unit_of_work::UnitOfWork;
use store::{Position, Recorded, feed, load};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::WriteSide;
use crate::entitlement;
use crate::error::CommandError;
use crate::jobs::{links, system_cause};
use crate::standing;

/// Key of the reaction's checkpoint: never changes.
const NAME: &str = "job_dispatch";
const BATCH: i64 = 500;
const POLL: Duration = Duration::from_millis(100);
/// Time between looks for lost jobs.
const RECOVER_EVERY: Duration = Duration::from_secs(5);
/// Until a tenant that may not run a job is asked for again, where nothing is heard of it before.
const HELD_FOR: TimeDelta = TimeDelta::seconds(5);
const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(3);
/// Longest that one step may take: without an answer the lock is lost.
const STEP_WITHIN: Duration = Duration::from_mins(1);
/// Advisory lock of the one process that dispatches: the name's bytes as a number.
const LEADER_LOCK: i64 = 0x6469_7370_6174_6368;

/// Dispatches until `stop`; one process at a time, the others wait to take over.
pub async fn run(write: WriteSide, stop: CancellationToken) {
    let mut wait = RETRY_MIN;
    while !stop.is_cancelled() {
        match lead(&write, &stop, &mut wait).await {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "dispatching is interrupted; trying again"),
        }
        if !pause(wait, &stop).await {
            return;
        }
        wait = (wait * 2).min(RETRY_MAX);
    }
}

async fn lead(write: &WriteSide, stop: &CancellationToken, wait: &mut Duration) -> Result<(), CommandError> {
    let mut leader = write.pool.acquire().await?.detach();
    let leads: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LEADER_LOCK)
        .fetch_one(&mut leader)
        .await?;
    if !leads {
        return Ok(());
    }
    let mut recover_at = tokio::time::Instant::now();
    while !stop.is_cancelled() {
        let mut events = write.wake.watch_events();
        if tokio::time::Instant::now() >= recover_at {
            answered(STEP_WITHIN, recover(write, &mut leader)).await?;
            recover_at += RECOVER_EVERY;
        }
        let moved = answered(STEP_WITHIN, step(write, &mut leader)).await?;
        *wait = RETRY_MIN;
        if !moved {
            tokio::select! {
                () = stop.cancelled() => {}
                () = events.wait(POLL) => {}
            }
        }
    }
    Ok(())
}

/// Folds what is new in the log and hands out one job. Answers whether there was anything to do.
///
/// # Errors
/// The database or the broker fails; the job stays queued.
pub async fn step(write: &WriteSide, connection: &mut PgConnection) -> Result<bool, CommandError> {
    let now = write.clock.now();
    let folded = fold(connection, now).await?;
    let Some(next) = next(connection, now).await? else {
        return Ok(folded);
    };
    if may_run(write, &next).await? {
        dispatch(write, connection, next.job_id).await?;
    } else {
        hold(connection, &next, now).await?;
    }
    Ok(true)
}

/// Whether the job's tenant may have one more job running. What stands in the way may pass: a suspension, a
/// subscription that is paused or has ended.
async fn may_run(write: &WriteSide, next: &Next) -> Result<bool, CommandError> {
    let cause = system_cause(write, next.job_id, "ask");
    let mut unit = UnitOfWork::new(&write.pool, &cause);
    let id = next.job_id.to_string();
    let job = unit.load::<Job>(&id).await?;
    let Some(request) = job.request().filter(|_| !job.state().is_final()) else {
        // Nothing is left to be run: the queue is told by the job's own end.
        return Ok(true);
    };
    let asked = async {
        let owner = standing::owner(&mut unit, request.tenant_id, request.reseller_id).await?;
        let reseller_id = owner.reseller_id.unwrap_or(request.reseller_id);
        let mut entitled = entitlement::load(&mut unit, reseller_id, request.tenant_id).await?;
        entitled.running_jobs = next.running;
        entitled.ask(&Question::of(Feature::ConcurrentJobs, 1), cause.at)
    };
    match asked.await {
        Ok(_) => Ok(true),
        Err(CommandError::Problem(problem)) => {
            tracing::debug!(job_id = %next.job_id, code = problem.code, "a job waits");
            Ok(false)
        }
        Err(error @ CommandError::Internal(_)) => Err(error),
    }
}

/// Asks for this tenant again when one of its jobs has ended, when its rights have changed, or after a while.
async fn hold(connection: &mut PgConnection, next: &Next, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query("UPDATE work.queue SET held_until = $2 WHERE tenant_id = $1 AND state = 'queued'")
        .bind(next.tenant_id)
        .bind(now + HELD_FOR)
        .execute(connection)
        .await?;
    Ok(())
}

async fn fold(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<bool, CommandError> {
    let mut transaction = connection.begin().await?;
    sqlx::query(
        "INSERT INTO es.checkpoints (projection, version, last_xid, last_position) VALUES ($1, 1, 0, 0)
         ON CONFLICT DO NOTHING",
    )
    .bind(NAME)
    .execute(&mut *transaction)
    .await?;
    let row = sqlx::query(
        "SELECT last_xid, last_position FROM es.checkpoints WHERE projection = $1 AND version = 1 FOR UPDATE",
    )
    .bind(NAME)
    .fetch_one(&mut *transaction)
    .await?;
    let after = Position {
        xid: row.try_get("last_xid")?,
        position: row.try_get("last_position")?,
    };
    let events = feed::read(&mut transaction, after, BATCH)
        .await
        .map_err(CommandError::internal)?;
    let Some(last) = events.last().map(|event| event.position) else {
        return Ok(false);
    };
    for event in &events {
        apply(&mut transaction, event, now).await?;
    }
    sqlx::query(
        "UPDATE es.checkpoints SET last_xid = $2, last_position = $3, updated_at = clock_timestamp()
         WHERE projection = $1 AND version = 1",
    )
    .bind(NAME)
    .bind(last.xid)
    .bind(last.position)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}

async fn apply(connection: &mut PgConnection, recorded: &Recorded, now: DateTime<Utc>) -> sqlx::Result<()> {
    let tenant_id = recorded.metadata.tenant_id;
    match &recorded.event {
        // What is held may be allowed now.
        AnyEvent::Subscription(_) | AnyEvent::Tenant(_) => return release(connection, Some(tenant_id)).await,
        AnyEvent::TierList(_) | AnyEvent::Reseller(_) | AnyEvent::Hierarchy(_) => {
            return release(connection, None).await;
        }
        AnyEvent::CreditAccount(_)
        | AnyEvent::PriceList(_)
        | AnyEvent::User(_)
        | AnyEvent::ApiKey(_)
        | AnyEvent::Recording(_)
        | AnyEvent::Job(_)
        | AnyEvent::WorkflowLibrary(_)
        | AnyEvent::Books(_)
        | AnyEvent::RecordedSale(_)
        | AnyEvent::StoreAccount(_)
        | AnyEvent::StoreCatalogue(_)
        | AnyEvent::Roster(_)
        | AnyEvent::Contracts(_)
        | AnyEvent::Payouts(_)
        | AnyEvent::Invoices(_)
        | AnyEvent::PermissionTemplates(_)
        | AnyEvent::ResellerPermissions(_)
        | AnyEvent::Bulk(_)
        | AnyEvent::Usage(_) => {}
    }
    let (AnyEvent::Job(event), Some(job_id)) = (&recorded.event, recorded.id()) else {
        return Ok(());
    };
    match event {
        JobEvent::JobQueued(request) => {
            sqlx::query(
                "INSERT INTO work.queue (job_id, tenant_id, state, queued_xid, queued_position)
                 VALUES ($1, $2, 'queued', $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(job_id)
            .bind(request.tenant_id.0)
            .bind(recorded.position.xid)
            .bind(recorded.position.position)
            .execute(connection)
            .await?;
        }
        JobEvent::JobDispatched { .. } | JobEvent::JobStarted { .. } => {
            mark_dispatched(connection, job_id, now).await?;
        }
        JobEvent::JobSucceeded { .. } | JobEvent::JobFailed { .. } | JobEvent::JobCancelled => {
            sqlx::query("DELETE FROM work.queue WHERE job_id = $1")
                .bind(job_id)
                .execute(&mut *connection)
                .await?;
            release(connection, Some(tenant_id)).await?;
        }
    }
    Ok(())
}

/// Has a tenant asked for again, or all.
async fn release(connection: &mut PgConnection, tenant_id: Option<Uuid>) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE work.queue SET held_until = NULL
         WHERE held_until IS NOT NULL AND ($1::uuid IS NULL OR tenant_id = $1)",
    )
    .bind(tenant_id)
    .execute(connection)
    .await?;
    Ok(())
}

async fn mark_dispatched(
    connection: &mut PgConnection,
    job_id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE work.queue SET state = 'dispatched', heard_at = $2 WHERE job_id = $1")
        .bind(job_id)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that a worker reported on a job.
///
/// # Errors
/// The database fails.
pub async fn heard(write: &WriteSide, job_id: JobId) -> sqlx::Result<()> {
    sqlx::query("UPDATE work.queue SET heard_at = $2 WHERE job_id = $1")
        .bind(job_id.0)
        .bind(write.clock.now())
        .execute(&write.pool)
        .await?;
    Ok(())
}

/// Puts jobs that were handed out and have been silent for long back into the queue, if the broker holds no
/// message that could still start them: its data was lost. Their next attempt closes the links of the last one.
///
/// # Errors
/// The database or the broker fails.
pub async fn recover(write: &WriteSide, connection: &mut PgConnection) -> Result<(), CommandError> {
    let silence = TimeDelta::minutes(write.config.speech.silence_minutes.into());
    let silent: Vec<Uuid> = sqlx::query_scalar(
        "SELECT job_id FROM work.queue WHERE state = 'dispatched' AND heard_at < $1 LIMIT 100",
    )
    .bind(write.clock.now() - silence)
    .fetch_all(&mut *connection)
    .await?;
    if silent.is_empty()
        || write
            .broker
            .waiting(JOBS_QUEUE)
            .await
            .map_err(CommandError::internal)?
            > 0
    {
        return Ok(());
    }
    tracing::warn!(
        jobs = silent.len(),
        "handing out again what neither the broker nor a worker has"
    );
    sqlx::query("UPDATE work.queue SET state = 'queued' WHERE job_id = ANY($1)")
        .bind(silent)
        .execute(connection)
        .await?;
    Ok(())
}

/// A job that could be next.
struct Next {
    job_id: JobId,
    tenant_id: Uuid,
    /// Jobs of the tenant.
    running: u64,
}

/// The oldest job of the tenant with the fewest running ones, among tenants that are not held.
async fn next(connection: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Option<Next>> {
    let row = sqlx::query(
        "SELECT q.job_id, q.tenant_id, tenant.running
         FROM work.queue q
         CROSS JOIN LATERAL (
             SELECT count(*) AS running FROM work.queue r
             WHERE r.tenant_id = q.tenant_id AND r.state = 'dispatched') AS tenant
         WHERE q.state = 'queued' AND (q.held_until IS NULL OR q.held_until <= $1)
         ORDER BY tenant.running, q.queued_xid, q.queued_position
         LIMIT 1",
    )
    .bind(now)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let running: i64 = row.try_get("running")?;
        Ok(Next {
            job_id: JobId(row.try_get("job_id")?),
            tenant_id: row.try_get("tenant_id")?,
            running: running.unsigned_abs(),
        })
    })
    .transpose()
}

async fn dispatch(
    write: &WriteSide,
    connection: &mut PgConnection,
    job_id: JobId,
) -> Result<(), CommandError> {
    let job = load::load::<Job>(connection, &job_id.to_string()).await?.state;
    if let Some(request) = job.request().filter(|_| !job.state().is_final()) {
        let attempt = job.attempt() + 1;
        let links = links::make(write, job_id, attempt)?;
        let message = WorkMessage::TranscriptionRequestedV1(TranscriptionRequestedV1 {
            job_id: job_id.0,
            attempt,
            model: request.model.clone(),
            language: request.language.clone(),
            task: request.task,
            audio_url: links.audio_url,
            result_url: links.result_url,
            links_expire_at: links.expire_at,
        });
        let message_id = format!("{job_id}-{attempt}");
        write
            .publisher
            .publish(Route::Jobs, &message_id, &message)
            .await
            .map_err(CommandError::internal)?;
        record(write, job_id, attempt).await?;
    }
    mark_dispatched(connection, job_id.0, write.clock.now()).await?;
    Ok(())
}

async fn record(write: &WriteSide, job_id: JobId, attempt: u32) -> Result<(), CommandError> {
    let cause = system_cause(write, job_id, &format!("dispatch {attempt}"));
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let id = job_id.to_string();
        let job = unit.load::<Job>(&id).await?;
        let request = job
            .request()
            .ok_or_else(|| CommandError::refused(&JobError::JobNotFound))?;
        let owner = standing::owner(unit, request.tenant_id, request.reseller_id).await?;
        unit.execute::<Job>(owner, &id, JobCommand::Dispatch { attempt })
            .await?;
        Ok(())
    };
    write.bus.run(&cause, decide).await?;
    Ok(())
}
