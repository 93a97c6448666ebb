//! /api/hooks: what others send by themselves. No session, no token of a person: the header is the right.

use actix_web::http::header;
use actix_web::web::{Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, post};

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::rest::request::collect;
use crate::store_events::intake;

pub fn routes(app: &mut ServiceConfig) {
    app.service(revenuecat);
}

/// Takes an event of RevenueCat. It answers when the event is stored, and is worked on afterwards.
#[utoipa::path(tag = "hooks", params(("hook" = String, Path), ("Authorization" = String, Header)),
    request_body(content_type = "application/json", description = "As RevenueCat sends it."),
    responses((status = 200), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 413, body = Problem)))]
#[post("/hooks/revenuecat/{hook}")]
async fn revenuecat(
    write: Data<WriteSide>,
    request: HttpRequest,
    hook: Path<String>,
    body: Payload,
) -> Result<HttpResponse, CommandError> {
    let authorization = request.headers().get(header::AUTHORIZATION);
    intake::admit(&write, &hook, authorization.map_or(&[], |value| value.as_bytes()))?;
    let body = collect(body.into_inner(), intake::BODY_BYTES_MAX).await?;
    intake::receive(&write, &hook, &body).await?;
    Ok(HttpResponse::Ok().finish())
}
