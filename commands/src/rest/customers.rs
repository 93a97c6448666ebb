//! /api/reseller/customers and /api/admin/customers: a customer's life after its creation.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post, put};
use domain::ids::{ResellerId, TenantId};
use platform::Scope;
use serde::Deserialize;
use store::unit_of_work::{Cause, Owner};
use uuid::Uuid;

use crate::WriteSide;
use crate::customer_life;
use crate::error::{CommandError, Problem};
use crate::identity::caller::{AdminCaller, ResellerCaller};
use crate::profiles::{self, ProfileChange};
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::Reason;

pub fn routes(app: &mut ServiceConfig) {
    app.service(edit)
        .service(close)
        .service(reopen)
        .service(relocate_below)
        .service(relocate);
}

fn cause<T>(write: &WriteSide, caller: ResellerCaller, command: &Command<T>) -> Cause {
    let owner = Owner::reseller(caller.reseller_id);
    command.cause(caller.user_id, owner, write.clock.now())
}

/// What changes; what is left out stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomerProfile {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    contact_email: Option<String>,
    /// `version` as it was read: the change is refused if somebody else was faster.
    #[serde(default)]
    expected_version: Option<u64>,
}

/// Edits a customer.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = CustomerProfile, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[put("/reseller/customers/{id}")]
async fn edit(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<CustomerProfile>,
) -> Result<HttpResponse, CommandError> {
    let cause = cause(&write, caller, &command);
    let change = ProfileChange {
        name: command.input.name,
        contact_email: command.input.contact_email,
        expected_version: command.input.expected_version,
        ..ProfileChange::default()
    };
    let done = profiles::edit_customer(&write, &cause, caller.reseller_id, TenantId(*id), change).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Closes a customer: nobody of it signs in. It can be opened again for 30 days.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/close")]
async fn close(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let cause = cause(&write, caller, &command);
    let reason = &command.input.reason;
    let done = customer_life::close(&write, &cause, caller.reseller_id, TenantId(*id), reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Opens a closed customer again.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/reopen")]
async fn reopen(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let cause = cause(&write, caller, &command);
    let reason = &command.input.reason;
    let done = customer_life::reopen(&write, &cause, caller.reseller_id, TenantId(*id), reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NextReseller {
    reseller_id: Uuid,
    reason: String,
}

/// Gives a customer to another reseller of the caller's tree. What happened before stays the old one's.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = NextReseller,
    responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/move")]
async fn relocate_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<NextReseller>,
) -> Result<HttpResponse, CommandError> {
    let cause = cause(&write, caller, &command);
    let scope = Scope::Reseller(caller.reseller_id);
    relocated(&write, &cause, scope, TenantId(*id), command.input).await
}

/// Gives a customer to another reseller. What happened before stays the old one's.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = NextReseller,
    responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/customers/{id}/move")]
async fn relocate(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<NextReseller>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    relocated(&write, &cause, Scope::Platform, TenantId(*id), command.input).await
}

async fn relocated(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    tenant_id: TenantId,
    NextReseller { reseller_id, reason }: NextReseller,
) -> Result<HttpResponse, CommandError> {
    let to = ResellerId(reseller_id);
    let done = customer_life::relocate(write, cause, scope, tenant_id, to, &reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
