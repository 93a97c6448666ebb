//! /api/tenant: a customer's users and recordings.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, delete, post};
use domain::ids::RecordingId;
use domain::user::{Home, Role};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::unit_of_work::UnitOfWork;
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::TenantCaller;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::{Command, Key, content_length};
use crate::rest::shapes::shown_once;
use crate::{entitlement, people, recordings};

pub fn routes(app: &mut ServiceConfig) {
    app.service(add_user).service(upload).service(remove);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenantUser {
    name: String,
    email: String,
    /// `customer_admin` or `customer_user`.
    #[schema(value_type = String)]
    role: Role,
    /// At least 10 characters; left out, a temporary one is made and shown once.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedUser {
    user_id: Uuid,
    /// Shown once: a repeated request does not get it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary_password: Option<String>,
}

/// Adds a user to the caller's customer.
#[utoipa::path(tag = "tenant", params(("Idempotency-Key" = String, Header)), request_body = NewTenantUser,
    responses((status = 201, body = AddedUser), (status = 403, body = Problem), (status = 409, body = Problem)))]
#[post("/tenant/users")]
async fn add_user(
    write: Data<WriteSide>,
    caller: TenantCaller,
    command: Command<NewTenantUser>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, caller.owner(), write.clock.now());
    let NewTenantUser {
        name,
        email,
        role,
        password,
    } = command.input;
    let user = people::prepare(&write, &name, &email, password).await?;
    let home = Home::Tenant {
        reseller_id: caller.reseller_id,
        tenant_id: caller.tenant_id,
    };
    let done = people::add(&write, &cause, &user, role, home).await?;
    let temporary_password = shown_once(user.temporary_password, done.replayed);
    Ok(answer(StatusCode::CREATED, done, |user_id| AddedUser {
        user_id: user_id.0,
        temporary_password,
    }))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct UploadQuery {
    /// The file's name, for people.
    name: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadedRecording {
    recording_id: Uuid,
    name: String,
    bytes: u64,
    format: String,
    duration_ms: u64,
    sha256: String,
}

/// Uploads a recording: WAV, MP3, FLAC, OGG (Opus, Vorbis) or M4A (AAC), as the body.
#[utoipa::path(tag = "tenant", params(UploadQuery, ("Idempotency-Key" = String, Header)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = UploadedRecording), (status = 403, body = Problem),
        (status = 413, body = Problem), (status = 422, body = Problem)))]
#[post("/tenant/recordings")]
async fn upload(
    write: Data<WriteSide>,
    request: HttpRequest,
    caller: TenantCaller,
    query: Query<UploadQuery>,
    body: Payload,
) -> Result<HttpResponse, CommandError> {
    let key = Key::of(&request)?;
    let now = write.clock.now();
    let probe = key.cause(&[], caller.user_id, caller.owner(), now);
    let mut unit = UnitOfWork::new(&write.pool, &probe);
    let entitled = entitlement::load(&mut unit, caller.reseller_id, caller.tenant_id).await?;
    // What is too large is refused before it is sent, where its size is announced.
    recordings::fits(&entitled, content_length(&request).unwrap_or_default(), now)?;
    let received = recordings::receive(&entitled, now, body).await?;
    let payload = Sha256::new()
        .chain_update(&query.name)
        .chain_update([0])
        .chain_update(&received.sha256);
    let cause = key.cause(&payload.finalize(), caller.user_id, caller.owner(), now);
    let done = recordings::store(&write, &cause, &caller, &query.name, received).await?;
    Ok(answer(StatusCode::CREATED, done, |uploaded| UploadedRecording {
        recording_id: uploaded.recording_id,
        name: uploaded.name,
        bytes: uploaded.bytes,
        format: uploaded.format,
        duration_ms: uploaded.duration_ms,
        sha256: uploaded.sha256,
    }))
}

/// Removes a recording: its room is free again. Transcripts that were made of it stay.
#[utoipa::path(tag = "tenant", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[delete("/tenant/recordings/{id}")]
async fn remove(
    write: Data<WriteSide>,
    caller: TenantCaller,
    id: Path<Uuid>,
    request: HttpRequest,
) -> Result<HttpResponse, CommandError> {
    let key = Key::of(&request)?;
    let cause = key.cause(&[], caller.user_id, caller.owner(), write.clock.now());
    let done = recordings::remove(&write, &cause, &caller, RecordingId(*id)).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
