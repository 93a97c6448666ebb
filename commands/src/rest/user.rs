//! /api/user: what a user does to its own account.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, post};
use secrecy::SecretString;
use serde::Deserialize;
use store::unit_of_work::Owner;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::Caller;
use crate::people;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;

pub fn routes(app: &mut ServiceConfig) {
    app.service(change_password);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPassword {
    #[schema(value_type = String)]
    current_password: SecretString,
    /// At least 10 characters.
    #[schema(value_type = String)]
    new_password: SecretString,
}

/// Sets a new password and ends all of the user's sessions.
#[utoipa::path(tag = "user", params(("Idempotency-Key" = String, Header)), request_body = NewPassword,
    responses((status = 200), (status = 400, body = Problem), (status = 403, body = Problem)))]
#[post("/user/password")]
async fn change_password(
    write: Data<WriteSide>,
    caller: Caller,
    command: Command<NewPassword>,
) -> Result<HttpResponse, CommandError> {
    let principal = caller.0;
    let owner = Owner {
        reseller_id: principal.home.reseller_id(),
        tenant_id: principal.home.tenant_id(),
    };
    let cause = command.cause(principal.user_id, owner, write.clock.now());
    let NewPassword {
        current_password,
        new_password,
    } = command.input;
    let done = people::change_password(
        &write,
        &cause,
        principal.user_id,
        owner,
        current_password,
        new_password,
    )
    .await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
