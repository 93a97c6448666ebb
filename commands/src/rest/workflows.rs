//! /api/workflows: saving, removing and running workflows.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, delete, post, put};
use domain::ids::WorkflowId;
use domain::workflow::Graph;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::TenantCaller;
use crate::jobs::submit;
use crate::rest::answer::{Nothing, answer};
use crate::rest::jobs::QueuedJob;
use crate::rest::request::{Command, Key};
use crate::workflows::{self, Saved};

pub fn routes(app: &mut ServiceConfig) {
    app.service(create).service(save).service(remove).service(run);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrawnWorkflow {
    /// 1 to 120 characters.
    name: String,
    /// xyflow's nodes and edges: one `recording` node, one `transcription` node with
    /// `data: {model, language?, task}`, one `transcript` node, connected in this order.
    #[schema(value_type = Object)]
    graph: Graph,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavedWorkflow {
    workflow_id: Uuid,
    version: u32,
}

impl From<Saved> for SavedWorkflow {
    fn from(saved: Saved) -> Self {
        Self {
            workflow_id: saved.workflow_id,
            version: saved.version,
        }
    }
}

/// Saves a new workflow.
#[utoipa::path(tag = "workflows", params(("Idempotency-Key" = String, Header)), request_body = DrawnWorkflow,
    responses((status = 201, body = SavedWorkflow), (status = 400, body = Problem), (status = 403, body = Problem)))]
#[post("/workflows")]
async fn create(
    write: Data<WriteSide>,
    caller: TenantCaller,
    command: Command<DrawnWorkflow>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, caller.owner(), write.clock.now());
    let DrawnWorkflow { name, graph } = command.input;
    let done = workflows::save(&write, &cause, &caller, None, &name, &graph).await?;
    Ok(answer(StatusCode::CREATED, done, SavedWorkflow::from))
}

/// Saves the next version of a workflow.
#[utoipa::path(tag = "workflows", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = DrawnWorkflow,
    responses((status = 200, body = SavedWorkflow), (status = 400, body = Problem), (status = 404, body = Problem)))]
#[put("/workflows/{id}")]
async fn save(
    write: Data<WriteSide>,
    caller: TenantCaller,
    id: Path<Uuid>,
    command: Command<DrawnWorkflow>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, caller.owner(), write.clock.now());
    let DrawnWorkflow { name, graph } = command.input;
    let done = workflows::save(&write, &cause, &caller, Some(WorkflowId(*id)), &name, &graph).await?;
    Ok(answer(StatusCode::OK, done, SavedWorkflow::from))
}

/// Removes a workflow.
#[utoipa::path(tag = "workflows", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200), (status = 404, body = Problem)))]
#[delete("/workflows/{id}")]
async fn remove(
    write: Data<WriteSide>,
    caller: TenantCaller,
    id: Path<Uuid>,
    request: HttpRequest,
) -> Result<HttpResponse, CommandError> {
    let key = Key::of(&request)?;
    let cause = key.cause(&[], caller.user_id, caller.owner(), write.clock.now());
    let done = workflows::remove(&write, &cause, &caller, WorkflowId(*id)).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkflowRun {
    recording_id: Uuid,
}

/// Queues a job that runs the latest version of a workflow on an uploaded recording.
#[utoipa::path(tag = "workflows", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = WorkflowRun,
    responses((status = 202, body = QueuedJob), (status = 403, body = Problem), (status = 404, body = Problem)))]
#[post("/workflows/{id}/jobs")]
async fn run(
    write: Data<WriteSide>,
    caller: TenantCaller,
    id: Path<Uuid>,
    command: Command<WorkflowRun>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, caller.owner(), write.clock.now());
    let job = workflows::job(&write, &caller, WorkflowId(*id), command.input.recording_id).await?;
    let done = submit::submit(&write, &cause, &caller, job).await?;
    Ok(answer(StatusCode::ACCEPTED, done, QueuedJob::new))
}
