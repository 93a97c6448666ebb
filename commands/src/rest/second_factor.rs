//! /api/user/totp: the own second factor; /api/users/{id}/totp: taking that of somebody who has lost it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use domain::ids::UserId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::Caller;
use crate::identity::totp;
use crate::people::owner_of;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::Reason;
use crate::second_factor;

pub fn routes(app: &mut ServiceConfig) {
    app.service(enrol)
        .service(confirm)
        .service(renew_codes)
        .service(disable)
        .service(reset);
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TotpSecret {
    /// To type in, where no picture can be taken.
    secret: String,
    /// `otpauth://…`
    uri: String,
    /// The address as a QR code, in SVG.
    qr_svg: String,
}

/// Makes a secret for the own device. It is asked for once a code has confirmed it.
#[utoipa::path(tag = "user", responses((status = 200, body = TotpSecret), (status = 409, body = Problem)))]
#[post("/user/totp")]
async fn enrol(write: Data<WriteSide>, caller: Caller) -> Result<HttpResponse, CommandError> {
    let enrolment = second_factor::enrol(&write, &caller.0).await?;
    Ok(HttpResponse::Ok().json(TotpSecret {
        secret: enrolment.secret.expose_secret().to_owned(),
        uri: enrolment.uri.expose_secret().to_owned(),
        qr_svg: enrolment.qr_svg.expose_secret().to_owned(),
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The six digits that the device shows.
    #[schema(value_type = String)]
    code: SecretString,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    /// Each opens once instead of a code. Shown once: a repeated request does not get them again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<String>,
}

/// Turns the second factor on.
#[utoipa::path(tag = "user", params(("Idempotency-Key" = String, Header)), request_body = Code,
    responses((status = 200, body = RecoveryCodes), (status = 401, body = Problem), (status = 409, body = Problem)))]
#[post("/user/totp/confirm")]
async fn confirm(
    write: Data<WriteSide>,
    caller: Caller,
    command: Command<Code>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let code = command.input.code.expose_secret();
    let (done, codes) = second_factor::confirm(&write, &cause, &caller, code).await?;
    let recovery_codes = totp::shown(&codes);
    Ok(answer(StatusCode::OK, done, |()| RecoveryCodes {
        recovery_codes,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnPassword {
    #[schema(value_type = String)]
    password: SecretString,
}

/// Makes new recovery codes; those before open nothing any more.
#[utoipa::path(tag = "user", params(("Idempotency-Key" = String, Header)), request_body = OwnPassword,
    responses((status = 200, body = RecoveryCodes), (status = 403, body = Problem), (status = 409, body = Problem)))]
#[post("/user/totp/recovery-codes")]
async fn renew_codes(
    write: Data<WriteSide>,
    caller: Caller,
    command: Command<OwnPassword>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let password = command.input.password;
    let (done, codes) = second_factor::renew_codes(&write, &cause, &caller, password).await?;
    let recovery_codes = if done.replayed {
        Vec::new()
    } else {
        totp::shown(&codes)
    };
    Ok(answer(StatusCode::OK, done, |()| RecoveryCodes {
        recovery_codes,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BothFactors {
    #[schema(value_type = String)]
    password: SecretString,
    /// Of the device, or a recovery code.
    #[schema(value_type = String)]
    code: SecretString,
}

/// Turns the second factor off.
#[utoipa::path(tag = "user", params(("Idempotency-Key" = String, Header)), request_body = BothFactors,
    responses((status = 200), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
#[post("/user/totp/disable")]
async fn disable(
    write: Data<WriteSide>,
    caller: Caller,
    command: Command<BothFactors>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let BothFactors { password, code } = command.input;
    let done = second_factor::disable(&write, &cause, &caller, password, code.expose_secret()).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Takes the second factor of a person who has lost device and codes.
#[utoipa::path(tag = "users", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/users/{id}/totp/reset")]
async fn reset(
    write: Data<WriteSide>,
    caller: Caller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let caller = caller.0;
    let cause = command.cause(caller.user_id, owner_of(caller.home), write.clock.now());
    let reason = &command.input.reason;
    let done = second_factor::reset(&write, &cause, &caller, UserId(*id), reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
