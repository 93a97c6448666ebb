//! /api/reseller/resellers: what a reseller does with those below it, and with its own profile.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post, put};
use domain::ids::ResellerId;
use domain::reseller::ResellerCommand;
use platform::Scope;
use store::unit_of_work::{Cause, Owner};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::ResellerCaller;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::resellers::{
    NewReseller, RegisteredReseller, ResellerLimits, ResellerProfile, changed, registered,
};
use crate::rest::shapes::Reason;
use crate::{profiles, resellers};

pub fn routes(app: &mut ServiceConfig) {
    app.service(register_below)
        .service(suspend_below)
        .service(resume_below)
        .service(close_below)
        .service(reopen_below)
        .service(set_limits_below)
        .service(edit_below)
        .service(edit_own);
}

pub(super) fn of_reseller<T>(
    write: &WriteSide,
    caller: ResellerCaller,
    command: &Command<T>,
) -> (Cause, Scope) {
    let owner = Owner::reseller(caller.reseller_id);
    let cause = command.cause(caller.user_id, owner, write.clock.now());
    (cause, Scope::Reseller(caller.reseller_id))
}

/// Registers a sub-reseller with its credit account and its owner.
#[utoipa::path(tag = "reseller", params(("Idempotency-Key" = String, Header)), request_body = NewReseller,
    responses((status = 201, body = RegisteredReseller), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/resellers")]
async fn register_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    command: Command<NewReseller>,
) -> Result<HttpResponse, CommandError> {
    let (cause, scope) = of_reseller(&write, caller, &command);
    let mut input = command.input;
    input.parent_id = input.parent_id.or(Some(caller.reseller_id.0));
    registered(&write, &cause, scope, input).await
}

/// Suspends a sub-reseller, and with it all below it.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/resellers/{id}/suspend")]
async fn suspend_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let by = of_reseller(&write, caller, &command);
    let reason = command.input.reason;
    changed(&write, by, *id, ResellerCommand::Suspend { reason }).await
}

/// Resumes a suspended sub-reseller.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/resellers/{id}/resume")]
async fn resume_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let by = of_reseller(&write, caller, &command);
    let reason = command.input.reason;
    changed(&write, by, *id, ResellerCommand::Resume { reason }).await
}

/// Closes a sub-reseller that has neither open sub-resellers nor open customers.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/resellers/{id}/close")]
async fn close_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let (cause, scope) = of_reseller(&write, caller, &command);
    let done = resellers::close(&write, &cause, scope, ResellerId(*id), &command.input.reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Opens a closed sub-reseller again.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/resellers/{id}/reopen")]
async fn reopen_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let (cause, scope) = of_reseller(&write, caller, &command);
    let done = resellers::reopen(&write, &cause, scope, ResellerId(*id), &command.input.reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Sets how many customers and sub-resellers a sub-reseller may have.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = ResellerLimits, responses((status = 200), (status = 404, body = Problem)))]
#[put("/reseller/resellers/{id}/limits")]
async fn set_limits_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<ResellerLimits>,
) -> Result<HttpResponse, CommandError> {
    let (cause, scope) = of_reseller(&write, caller, &command);
    let limits = command.input.into();
    let done = resellers::set_limits(&write, &cause, scope, ResellerId(*id), limits).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Edits a sub-reseller's profile.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = ResellerProfile, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[put("/reseller/resellers/{id}/profile")]
async fn edit_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<ResellerProfile>,
) -> Result<HttpResponse, CommandError> {
    let (cause, scope) = of_reseller(&write, caller, &command);
    let change = command.input.into();
    let done = profiles::edit_reseller(&write, &cause, scope, ResellerId(*id), change).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Edits the caller's own profile.
#[utoipa::path(tag = "reseller", params(("Idempotency-Key" = String, Header)), request_body = ResellerProfile,
    responses((status = 200), (status = 409, body = Problem)))]
#[put("/reseller/profile")]
async fn edit_own(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    command: Command<ResellerProfile>,
) -> Result<HttpResponse, CommandError> {
    let (cause, scope) = of_reseller(&write, caller, &command);
    let change = command.input.into();
    let done = profiles::edit_reseller(&write, &cause, scope, caller.reseller_id, change).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
