//! /api/jobs: submitting and cancelling.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use domain::ids::{JobId, RecordingId};
use domain::job::SpeechTask;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::TenantCaller;
use crate::jobs::submit::{self, NewJob};
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::Empty;

pub fn routes(app: &mut ServiceConfig) {
    app.service(submit_route).service(cancel_route);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobRequest {
    recording_id: Uuid,
    /// For example `small`.
    model: String,
    /// Whisper's language code; left out, the model detects it.
    #[serde(default)]
    language: Option<String>,
    /// `transcribe` (default) or `translate` (to English).
    #[serde(default = "transcribe")]
    #[schema(value_type = Option<String>)]
    task: SpeechTask,
}

fn transcribe() -> SpeechTask {
    SpeechTask::Transcribe
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuedJob {
    job_id: Uuid,
}

impl QueuedJob {
    pub fn new(job_id: Uuid) -> Self {
        Self { job_id }
    }
}

/// Queues a transcription of an uploaded recording.
#[utoipa::path(tag = "jobs", params(("Idempotency-Key" = String, Header)), request_body = JobRequest,
    responses((status = 202, body = QueuedJob), (status = 403, body = Problem), (status = 404, body = Problem)))]
#[post("/jobs")]
async fn submit_route(
    write: Data<WriteSide>,
    caller: TenantCaller,
    command: Command<JobRequest>,
) -> Result<HttpResponse, CommandError> {
    let owner = caller.owner();
    let cause = command.cause(caller.user_id, owner, write.clock.now());
    let JobRequest {
        recording_id,
        model,
        language,
        task,
    } = command.input;
    let job = NewJob {
        recording_id: RecordingId(recording_id),
        model,
        language,
        task,
        workflow: None,
    };
    let done = submit::submit(&write, &cause, &caller, job).await?;
    Ok(answer(StatusCode::ACCEPTED, done, QueuedJob::new))
}

/// Cancels a job that has not ended.
#[utoipa::path(tag = "jobs", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/jobs/{id}/cancel")]
async fn cancel_route(
    write: Data<WriteSide>,
    caller: TenantCaller,
    id: Path<Uuid>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let owner = caller.owner();
    let cause = command.cause(caller.user_id, owner, write.clock.now());
    let done = submit::cancel(&write, &cause, &caller, JobId(*id)).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
