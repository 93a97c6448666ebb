//! /api/work: what a worker's links open. No session, no token of a person: the link is the right.

use actix_web::web::{Data, Payload, Query, ServiceConfig};
use actix_web::{HttpResponse, get, put};
use futures::TryStreamExt;
use platform::tokens::LinkKind;
use serde::Deserialize;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::jobs::links;
use crate::rest::request::collect;

/// Longest transcript: about 200 hours of speech.
const RESULT_BYTES_MAX: usize = 64 * 1024 * 1024;

pub fn routes(app: &mut ServiceConfig) {
    app.service(audio).service(result);
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Link {
    token: String,
}

/// The recording of one job.
#[utoipa::path(tag = "work", params(Link), responses((status = 200, content_type = "application/octet-stream"),
    (status = 403, body = Problem), (status = 410, body = Problem)))]
#[get("/work/audio")]
async fn audio(write: Data<WriteSide>, link: Query<Link>) -> Result<HttpResponse, CommandError> {
    let (_, request) = links::open(&write, &link.token, LinkKind::Audio).await?;
    let (bytes, content) = write.objects.stream(&request.audio_key).await?;
    let sized = actix_web::body::SizedStream::new(bytes, content.map_err(CommandError::from));
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .body(sized))
}

/// Takes the transcript of one job, as JSON.
#[utoipa::path(tag = "work", params(Link), responses((status = 204), (status = 400, body = Problem),
    (status = 403, body = Problem), (status = 410, body = Problem)))]
#[put("/work/result")]
async fn result(
    write: Data<WriteSide>,
    link: Query<Link>,
    body: Payload,
) -> Result<HttpResponse, CommandError> {
    let (job_id, job) = links::open(&write, &link.token, LinkKind::Result).await?;
    let body = collect(body.into_inner(), RESULT_BYTES_MAX).await?;
    links::store_result(&write, job_id, &job, body).await?;
    Ok(HttpResponse::NoContent().finish())
}
