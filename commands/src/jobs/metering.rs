//! What a job uses: set aside when it is queued, metered when it has succeeded, free again when it has not. In the
//! append of the job's own fact, so that nothing is counted twice or forgotten.

use domain::ids::JobId;
use domain::job::{Job, JobCommand, JobError, JobState, SpeechTask};
use domain::usage::{Usage, UsageCommand};
use store::unit_of_work::{Owner, UnitOfWork};

use crate::error::CommandError;

/// Has a job carry out a command, and settles what it used where that ends it.
///
/// # Errors
/// There is no such job, or it refuses.
pub async fn execute(
    unit: &mut UnitOfWork<'_>,
    owner: Owner,
    job_id: JobId,
    command: JobCommand,
) -> Result<(), CommandError> {
    let id = job_id.to_string();
    let before = unit.load::<Job>(&id).await?;
    let heard_ms = match &command {
        JobCommand::Succeed { result, .. } => result.audio_ms,
        JobCommand::Submit { .. }
        | JobCommand::Dispatch { .. }
        | JobCommand::Start { .. }
        | JobCommand::Fail { .. }
        | JobCommand::Cancel => 0,
    };
    let after = unit.execute::<Job>(owner, &id, command).await?;
    if before.state().is_final() || !after.state().is_final() {
        return Ok(());
    }
    let request = after
        .request()
        .ok_or_else(|| CommandError::refused(&JobError::JobNotFound))?;
    let settled = if after.state() == JobState::Succeeded {
        UsageCommand::Meter {
            job_id,
            audio_ms: heard_ms,
            translated: request.task == SpeechTask::Translate,
            at: unit.at(),
        }
    } else {
        UsageCommand::Release { job_id }
    };
    unit.execute::<Usage>(owner, &request.tenant_id.to_string(), settled)
        .await?;
    Ok(())
}
