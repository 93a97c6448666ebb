//! The header `Dry-Run`: any command is tried instead of carried out, by whatever route it comes in.

use std::rc::Rc;

use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpResponse};
use platform::Principal;
use serde::Serialize;
use serde_json::{Value, json};
use store::vault::Notes;

use crate::WriteSide;
use crate::dry_run::{self, Trial, Tried, WouldAppend, WouldPost, unsupported};
use crate::error::{CommandError, Problem};
use crate::rest::openapi;

pub const HEADER: &str = "Dry-Run";

/// What a command would do.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// Always true.
    #[serde(rename = "dryRun")]
    tried: bool,
    /// Whether the command was carried out before under this key: it would be answered again, and nothing more.
    repeats: bool,
    /// With which the command would be answered.
    status: u16,
    /// What it would be answered, without a position and without what is shown once.
    answer: Value,
    /// How many events there would be.
    event_count: usize,
    /// The first 1,000 of them.
    events: Vec<WouldAppend>,
    postings: Vec<WouldPost>,
}

/// The header as the OpenAPI document has it.
pub(super) fn parameter() -> Value {
    json!({
        "name": HEADER,
        "in": "header",
        "required": false,
        "schema": {"type": "boolean"},
        "description": "true: nothing is stored. The command is answered with 200 and a DryRun, or refused as it would be.",
    })
}

/// Has a request with the header handled by a write side that keeps nothing.
pub async fn rehearse(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if !wanted(&request)? {
        return next.call(request).await;
    }
    let pattern = request.match_pattern().unwrap_or_default();
    if !openapi::takes_command(request.method().as_str(), &pattern) {
        return Err(CommandError::from(unsupported("it is not a command with an Idempotency-Key")).into());
    }
    let write = request
        .app_data::<Data<WriteSide>>()
        .ok_or_else(|| CommandError::internal("the write side is not part of this app"))?;
    let (rehearsal, trial, notes) = dry_run::rehearsal(write);
    let mut data = Extensions::new();
    data.insert(Data::new(rehearsal));
    request.add_data_container(Rc::new(data));
    let response = next.call(request).await?;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (request, response) = response.into_parts();
    // Whoever is not signed in may learn nothing of what is there.
    if request.extensions().get::<Principal>().is_none() {
        return Err(CommandError::from(unsupported("only those who are signed in may")).into());
    }
    let told = told(response, &trial, &notes).await?;
    Ok(ServiceResponse::new(request, HttpResponse::Ok().json(told)))
}

fn wanted(request: &ServiceRequest) -> Result<bool, CommandError> {
    let Some(value) = request.headers().get(HEADER) else {
        return Ok(false);
    };
    match value.as_bytes() {
        // A look changes nothing in any case.
        b"true" => Ok(!request.method().is_safe()),
        b"false" => Ok(false),
        _ => Err(Problem::invalid(format!("the header {HEADER} is true or false")).into()),
    }
}

async fn told(response: HttpResponse, trial: &Trial, notes: &Notes) -> Result<DryRun, CommandError> {
    let tried = trial
        .tried()
        .ok_or_else(|| unsupported("it does more than to append to the log"))?;
    let (events, repeats) = match tried {
        Tried::Events(events) => (events, false),
        Tried::Repeats => (Vec::new(), true),
    };
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body())
        .await
        .map_err(|error| CommandError::internal(error.to_string()))?;
    let mut answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(fields) = answer.as_object_mut() {
        // Nothing stands there.
        fields.remove("position");
    }
    Ok(DryRun {
        tried: true,
        repeats,
        status,
        answer,
        event_count: events.len(),
        events: dry_run::shown(&events, notes),
        postings: dry_run::postings(&events)?,
    })
}
