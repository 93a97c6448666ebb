//! Use cases of a customer around jobs.

use domain::entitlement::{Feature, Question};
use domain::ids::{JobId, RecordingId};
use domain::job::{Job, JobCommand, JobError, JobRequest, SpeechTask, WorkflowVersion};
use domain::recording::{Recording, RecordingError};
use domain::usage::{Usage, UsageCommand};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::entitlement;
use crate::error::CommandError;
use crate::identity::caller::TenantCaller;
use crate::jobs::metering;

/// What a customer asks for.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub recording_id: RecordingId,
    pub model: String,
    pub language: Option<String>,
    pub task: SpeechTask,
    /// The workflow that asks, if one does.
    pub workflow: Option<WorkflowVersion>,
}

/// Queues a job. Whether the broker runs does not matter here.
///
/// # Errors
/// The recording is not the customer's, or the tier does not allow what is asked.
pub async fn submit(
    write: &WriteSide,
    cause: &Cause,
    caller: &TenantCaller,
    job: NewJob,
) -> Result<Done<Uuid>, CommandError> {
    let job_id = JobId(Uuid::now_v7());
    let owner = Owner::tenant(caller.reseller_id, caller.tenant_id);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let entitled = entitlement::load(unit, caller.reseller_id, caller.tenant_id).await?;
        let recording = unit.load::<Recording>(&job.recording_id.to_string()).await?;
        let stored = recording
            .stored()
            .filter(|stored| stored.tenant_id == caller.tenant_id)
            .ok_or_else(|| CommandError::refused(&RecordingError::RecordingNotFound))?;
        let audio_ms = stored.duration_ms;
        let translated = job.task == SpeechTask::Translate;
        entitled.ask(&Question::model(&job.model), cause.at)?;
        entitled.ask(&Question::speech(Feature::AudioSeconds, audio_ms), cause.at)?;
        if translated {
            entitled.ask(&Question::speech(Feature::TranslationSeconds, audio_ms), cause.at)?;
        }
        let at_once = entitled.ask(&Question::of(Feature::ConcurrentJobs, 0), cause.at)?;
        let request = JobRequest {
            reseller_id: caller.reseller_id,
            tenant_id: caller.tenant_id,
            submitted_by: caller.user_id,
            recording_id: job.recording_id,
            audio_key: stored.object_key.clone(),
            model: job.model.clone(),
            language: job.language.clone(),
            task: job.task,
            concurrent_jobs_max: at_once
                .limit
                .and_then(|limit| limit.try_into().ok())
                .unwrap_or(u32::MAX),
            workflow: job.workflow,
        };
        let installed_models = write.config.speech.installed_models.clone();
        let command = JobCommand::Submit {
            request,
            installed_models,
        };
        unit.begin::<Job>(&job_id.to_string());
        unit.execute::<Job>(owner, &job_id.to_string(), command).await?;
        let held = UsageCommand::Hold {
            job_id,
            recording_id: job.recording_id,
            audio_ms,
            translated,
        };
        unit.execute::<Usage>(owner, &caller.tenant_id.to_string(), held)
            .await?;
        Ok(job_id.0)
    };
    write.bus.run(cause, decide).await
}

/// Cancels a job of the caller's customer.
///
/// # Errors
/// The job is not the customer's, or has ended.
pub async fn cancel(
    write: &WriteSide,
    cause: &Cause,
    caller: &TenantCaller,
    job_id: JobId,
) -> Result<Done<()>, CommandError> {
    let owner = Owner::tenant(caller.reseller_id, caller.tenant_id);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let job = unit.load::<Job>(&job_id.to_string()).await?;
        if job
            .request()
            .is_none_or(|request| request.tenant_id != caller.tenant_id)
        {
            return Err(CommandError::refused(&JobError::JobNotFound));
        }
        metering::execute(unit, owner, job_id, JobCommand::Cancel).await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}
