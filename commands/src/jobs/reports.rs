//! What workers report becomes facts (started, succeeded, failed) or progress (everything between).

use std::time::Duration;

use domain::ids::JobId;
use domain::job::{Job, JobCommand, JobError, JobResult};
use platform::broker::{self, DEAD_QUEUE, Incoming, Outcome, REDELIVERIES_MAX, REPORTS_QUEUE};
use platform::messages::{
    JobFailedV1, JobProgressedV1, JobStartedV1, JobSucceededV1, Report, ReportMessage, WorkMessage,
};
use platform::shutdown::pause;
use sqlx::types::Json;
use store::unit_of_work::UnitOfWork;
use store::{Position, load};
use tokio_util::sync::CancellationToken;

use crate::WriteSide;
use crate::error::CommandError;
use crate::jobs::{dispatcher, links, metering, system_cause};
use crate::standing;

/// Name of the projection that keeps the jobs' updates.
const UPDATES_PROJECTION: &str = "jobs";
/// How long progress waits for the start of its job to be projected.
const PROJECTED_WITHIN: Duration = Duration::from_secs(5);

/// Consumes reports until `stop`.
pub async fn run(write: WriteSide, stop: CancellationToken) {
    let ready = || tracing::info!("taking workers' reports");
    let handler = async |incoming: Incoming<ReportMessage>| handle(&write, &incoming.message, &stop).await;
    broker::consume(&write.broker, REPORTS_QUEUE, &stop, ready, handler).await;
}

async fn handle(write: &WriteSide, message: &ReportMessage, stop: &CancellationToken) -> Outcome {
    let job_id = JobId(message.job_id);
    if let Err(error) = dispatcher::heard(write, job_id).await {
        return settle(job_id, Err(error.into()), stop).await;
    }
    let handled = match &message.report {
        Report::JobStartedV1(started) => start(write, job_id, message, started, stop).await,
        Report::JobProgressedV1(progress) => self::progress(write, job_id, message, progress).await,
        Report::JobSucceededV1(succeeded) => succeed(write, job_id, message, succeeded).await,
        Report::JobFailedV1(failed) => fail(write, job_id, message, failed).await,
    };
    settle(job_id, handled, stop).await
}

async fn settle(job_id: JobId, handled: Result<(), CommandError>, stop: &CancellationToken) -> Outcome {
    match handled {
        Ok(()) => Outcome::Done,
        Err(CommandError::Problem(problem)) if problem.status < 500 => {
            tracing::warn!(%job_id, code = problem.code, detail = problem.detail, "a report was refused");
            Outcome::Done
        }
        Err(error @ (CommandError::Problem(_) | CommandError::Internal(_))) => {
            tracing::error!(%job_id, %error, "a report could not be handled; it will come again");
            pause(Duration::from_millis(500), stop).await;
            Outcome::Requeue
        }
    }
}

async fn start(
    write: &WriteSide,
    job_id: JobId,
    message: &ReportMessage,
    started: &JobStartedV1,
    stop: &CancellationToken,
) -> Result<(), CommandError> {
    let command = JobCommand::Start {
        attempt: message.attempt,
        delivery: message.delivery,
        worker: started.worker.clone(),
        device: started.device.clone(),
    };
    let position = carry_out(write, job_id, &step(message, "start"), command).await?;
    projected(write, position, stop).await
}

async fn progress(
    write: &WriteSide,
    job_id: JobId,
    message: &ReportMessage,
    progress: &JobProgressedV1,
) -> Result<(), CommandError> {
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let sequence: Option<i64> =
        sqlx::query_scalar("SELECT live.append_progress($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(job_id.0)
            .bind(number(message.attempt))
            .bind(number(message.delivery))
            .bind(number(message.number))
            .bind(progress.stage.as_ref())
            .bind(i32::from(progress.percent))
            .bind(Json(&progress.segments))
            .bind(write.clock.now())
            .fetch_one(&write.pool)
            .await?;
    if sequence.is_some() {
        write.wake.job(job_id.0);
    }
    Ok(())
}

async fn succeed(
    write: &WriteSide,
    job_id: JobId,
    message: &ReportMessage,
    succeeded: &JobSucceededV1,
) -> Result<(), CommandError> {
    let mut connection = write.pool.acquire().await?;
    let job = load::load::<Job>(&mut connection, &job_id.to_string())
        .await?
        .state;
    drop(connection);
    let request = job
        .request()
        .ok_or_else(|| CommandError::refused(&JobError::JobNotFound))?;
    let object_key = links::result_key(job_id, request, &succeeded.result_sha256);
    // Only what is really stored is a result.
    write.objects.get(&object_key).await?;
    let result = JobResult {
        object_key,
        sha256: succeeded.result_sha256.clone(),
        language: succeeded.language.clone(),
        audio_ms: succeeded.audio_ms,
        segments: succeeded.segments,
        model_sha256: succeeded.model_sha256.clone(),
        compute: succeeded.compute.clone(),
    };
    let command = JobCommand::Succeed {
        attempt: message.attempt,
        result,
    };
    carry_out(write, job_id, &step(message, "succeed"), command).await?;
    Ok(())
}

async fn fail(
    write: &WriteSide,
    job_id: JobId,
    message: &ReportMessage,
    failed: &JobFailedV1,
) -> Result<(), CommandError> {
    let command = JobCommand::Fail {
        attempt: message.attempt,
        code: failed.code.clone(),
        message: failed.message.clone(),
    };
    carry_out(write, job_id, &step(message, "fail"), command).await?;
    Ok(())
}

fn step(message: &ReportMessage, what: &str) -> String {
    format!("{what} {}.{}", message.attempt, message.delivery)
}

async fn carry_out(
    write: &WriteSide,
    job_id: JobId,
    step: &str,
    command: JobCommand,
) -> Result<Position, CommandError> {
    let cause = system_cause(write, job_id, step);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let id = job_id.to_string();
        let job = unit.load::<Job>(&id).await?;
        let request = job
            .request()
            .ok_or_else(|| CommandError::refused(&JobError::JobNotFound))?;
        let owner = standing::owner(unit, request.tenant_id, request.reseller_id).await?;
        metering::execute(unit, owner, job_id, command.clone()).await
    };
    Ok(write.bus.run(&cause, decide).await?.position)
}

/// Progress belongs behind the start of its job in the job's sequence, so the start has to be projected first.
/// When projections are down progress waits no longer than a moment: it is worth less than the facts behind it.
async fn projected(
    write: &WriteSide,
    position: Position,
    stop: &CancellationToken,
) -> Result<(), CommandError> {
    let deadline = tokio::time::Instant::now() + PROJECTED_WITHIN;
    loop {
        let reached: Option<bool> = sqlx::query_scalar(
            "SELECT bool_and((last_xid, last_position) >= ($2, $3)) FROM es.checkpoints WHERE projection = $1",
        )
        .bind(UPDATES_PROJECTION)
        .bind(position.xid)
        .bind(position.position)
        .fetch_one(&write.pool)
        .await?;
        if reached == Some(true) || tokio::time::Instant::now() > deadline || !pause(POLL, stop).await {
            return Ok(());
        }
    }
}

const POLL: Duration = Duration::from_millis(10);

/// Ends jobs whose message was delivered too often, until `stop`.
pub async fn run_dead_letters(write: WriteSide, stop: CancellationToken) {
    let handler = async |incoming: Incoming<WorkMessage>| {
        let WorkMessage::TranscriptionRequestedV1(request) = incoming.message;
        let job_id = JobId(request.job_id);
        let command = JobCommand::Fail {
            attempt: request.attempt,
            code: "WORKER_LOST".to_owned(),
            message: format!(
                "the job was started {} times and no worker finished it: submit it again, and tell us if it stays",
                REDELIVERIES_MAX + 1
            ),
        };
        let handled = carry_out(&write, job_id, &format!("lost {}", request.attempt), command).await;
        settle(job_id, handled.map(|_| ()), &stop).await
    };
    broker::consume(&write.broker, DEAD_QUEUE, &stop, || (), handler).await;
}
