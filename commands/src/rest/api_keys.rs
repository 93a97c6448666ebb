//! /api/api-keys: how programs come in.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, TimeDelta, Utc};
use domain::api_key::KeyScope;
use domain::ids::ApiKeyId;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::WriteSide;
use crate::api_keys::{self, Issued, Wanted};
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::identity::caller::Caller;
use crate::people::owner_of;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::Reason;

pub fn routes(app: &mut ServiceConfig) {
    app.service(issue).service(rotate).service(revoke);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewApiKey {
    /// What uses it.
    name: String,
    /// `read`, `resellers`, `customers`, `transcription`, `finance`; none that the caller does not have.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<KeyScope>,
    /// Where it may be used from, such as `192.0.2.0/24`; everywhere when left out.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    networks: Vec<IpNet>,
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuedApiKey {
    id: Uuid,
    /// How the secret begins.
    prefix: String,
    /// For `Authorization: Bearer`. Shown once: a repeated request does not get it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

fn issued(status: StatusCode, done: Done<Issued>, secret: &SecretString) -> HttpResponse {
    let secret = (!done.replayed).then(|| secret.expose_secret().to_owned());
    answer(status, done, |issued| IssuedApiKey {
        id: issued.key_id,
        prefix: issued.prefix,
        secret,
    })
}

/// Issues an API key for the platform, reseller or customer that the caller belongs to.
#[utoipa::path(tag = "api-keys", params(("Idempotency-Key" = String, Header)), request_body = NewApiKey,
    responses((status = 201, body = IssuedApiKey), (status = 400, body = Problem), (status = 403, body = Problem)))]
#[post("/api-keys")]
async fn issue(
    write: Data<WriteSide>,
    caller: Caller,
    command: Command<NewApiKey>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let input = command.input;
    let wanted = Wanted {
        name: input.name,
        scopes: input.scopes,
        networks: input.networks,
        expires_at: input.expires_at,
    };
    let (done, secret) = api_keys::issue(&write, &cause, &caller, wanted).await?;
    Ok(issued(StatusCode::CREATED, done, &secret))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rotation {
    /// How long the former secret holds beside the new one, at most a week; not at all when left out.
    #[serde(default)]
    overlap_seconds: u32,
}

/// Gives a key a new secret.
#[utoipa::path(tag = "api-keys", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Rotation, responses((status = 200, body = IssuedApiKey), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/api-keys/{id}/rotate")]
async fn rotate(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<Rotation>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let overlap = TimeDelta::seconds(command.input.overlap_seconds.into());
    let (done, secret) = api_keys::rotate(&write, &cause, &caller, ApiKeyId(*id), overlap).await?;
    Ok(issued(StatusCode::OK, done, &secret))
}

/// Ends a key at once.
#[utoipa::path(tag = "api-keys", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/api-keys/{id}/revoke")]
async fn revoke(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let reason = &command.input.reason;
    let done = api_keys::revoke(&write, &cause, &caller, ApiKeyId(*id), reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
