//! /api/admin/users: what a platform admin does with people.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use domain::ids::UserId;
use store::unit_of_work::Owner;
use uuid::Uuid;

use crate::WriteSide;
use crate::erasure;
use crate::error::{CommandError, Problem};
use crate::identity::caller::AdminCaller;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::Reason;

pub fn routes(app: &mut ServiceConfig) {
    app.service(erase);
}

/// Erases a person for good: name, address, password and sessions. What they did stays, without them.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)))]
#[post("/admin/users/{id}/erase")]
async fn erase(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let done = erasure::erase(&write, &cause, UserId(*id), &command.input.reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
