//! /api/admin/permission-templates, and the permissions of resellers: by the platform under /api/admin/resellers, by
//! a reseller for those below it under /api/reseller/resellers.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post, put};
use domain::ids::ResellerId;
use domain::permission::Permission;
use domain::reseller_permissions::ResellerPermissionsCommand;
use domain::text;
use platform::Scope;
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::identity::caller::{AdminCaller, ResellerCaller};
use crate::permissions::{self, Versioned};
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::resellers::of_platform;
use crate::rest::shapes::{Empty, Reason};
use crate::rest::sub_resellers::of_reseller;

pub fn routes(app: &mut ServiceConfig) {
    app.service(publish)
        .service(retire)
        .service(assign)
        .service(except)
        .service(withdraw)
        .service(assign_below)
        .service(except_below)
        .service(withdraw_below);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPermissionTemplate {
    /// For people.
    name: String,
    /// Names of what it grants, such as `canCreateCustomers`; what is left out is denied.
    #[schema(value_type = Vec<String>)]
    permissions: BTreeSet<Permission>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct TemplateVersion {
    version: u32,
}

fn versioned(done: Done<Versioned>) -> HttpResponse {
    answer(StatusCode::OK, done, |Versioned { version }| TemplateVersion {
        version,
    })
}

/// Publishes a permission template, or the next version of one. Who has an earlier version keeps it.
#[utoipa::path(tag = "admin", params(("code" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = NewPermissionTemplate,
    responses((status = 200, body = TemplateVersion), (status = 400, body = Problem), (status = 409, body = Problem)))]
#[put("/admin/permission-templates/{code}")]
async fn publish(
    write: Data<WriteSide>,
    caller: AdminCaller,
    code: Path<String>,
    command: Command<NewPermissionTemplate>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let NewPermissionTemplate { name, permissions } = command.input;
    permissions::publish(&write, &cause, &code, &name, &permissions)
        .await
        .map(versioned)
}

/// Offers a permission template no longer; who has it keeps it.
#[utoipa::path(tag = "admin", params(("code" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 200), (status = 404, body = Problem)))]
#[post("/admin/permission-templates/{code}/retire")]
async fn retire(
    write: Data<WriteSide>,
    caller: AdminCaller,
    code: Path<String>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let done = permissions::retire(&write, &cause, &code).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Code of the template; its present version is assigned.
    template: String,
    /// 1 to 500 characters.
    reason: String,
}

async fn assigned(
    write: &WriteSide,
    (cause, scope): (Cause, Scope),
    id: Uuid,
    Assignment { template, reason }: Assignment,
) -> Result<HttpResponse, CommandError> {
    permissions::assign(write, &cause, scope, ResellerId(id), &template, &reason)
        .await
        .map(versioned)
}

/// Assigns the present version of a permission template to a reseller. Its exceptions stay.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Assignment, responses((status = 200, body = TemplateVersion), (status = 404, body = Problem)))]
#[put("/admin/resellers/{id}/permissions")]
async fn assign(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Assignment>,
) -> Result<HttpResponse, CommandError> {
    let by = of_platform(&write, caller, &command);
    assigned(&write, by, *id, command.input).await
}

/// Assigns a permission template to a sub-reseller, which has no more than the caller all the same.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Assignment, responses((status = 200, body = TemplateVersion), (status = 404, body = Problem)))]
#[put("/reseller/resellers/{id}/permissions")]
async fn assign_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Assignment>,
) -> Result<HttpResponse, CommandError> {
    let by = of_reseller(&write, caller, &command);
    assigned(&write, by, *id, command.input).await
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    granted: bool,
    /// 1 to 500 characters.
    reason: String,
}

fn parsed(name: &str) -> Result<Permission, CommandError> {
    name.parse().map_err(|_| {
        let detail = format!(
            "there is no such permission: {}",
            text::choice(&Permission::names())
        );
        Problem::new(StatusCode::NOT_FOUND, "PERMISSION_NOT_FOUND", detail).into()
    })
}

async fn changed(
    write: &WriteSide,
    (cause, scope): (Cause, Scope),
    id: Uuid,
    command: ResellerPermissionsCommand,
) -> Result<HttpResponse, CommandError> {
    let done = permissions::change(write, &cause, scope, ResellerId(id), &command).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

fn exception(
    name: &str,
    Exception { granted, reason }: Exception,
) -> Result<ResellerPermissionsCommand, CommandError> {
    Ok(ResellerPermissionsCommand::Override {
        permission: parsed(name)?,
        granted,
        reason,
    })
}

/// Grants or denies a reseller one permission, whatever its template says.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("permission" = String, Path),
    ("Idempotency-Key" = String, Header)), request_body = Exception,
    responses((status = 200), (status = 404, body = Problem)))]
#[put("/admin/resellers/{id}/permissions/{permission}")]
async fn except(
    write: Data<WriteSide>,
    caller: AdminCaller,
    path: Path<(Uuid, String)>,
    command: Command<Exception>,
) -> Result<HttpResponse, CommandError> {
    let by = of_platform(&write, caller, &command);
    let (id, name) = path.into_inner();
    changed(&write, by, id, exception(&name, command.input)?).await
}

/// Grants or denies a sub-reseller one permission, whatever its template says.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("permission" = String, Path),
    ("Idempotency-Key" = String, Header)), request_body = Exception,
    responses((status = 200), (status = 404, body = Problem)))]
#[put("/reseller/resellers/{id}/permissions/{permission}")]
async fn except_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    path: Path<(Uuid, String)>,
    command: Command<Exception>,
) -> Result<HttpResponse, CommandError> {
    let by = of_reseller(&write, caller, &command);
    let (id, name) = path.into_inner();
    changed(&write, by, id, exception(&name, command.input)?).await
}

fn withdrawal(name: &str, Reason { reason }: Reason) -> Result<ResellerPermissionsCommand, CommandError> {
    Ok(ResellerPermissionsCommand::WithdrawOverride {
        permission: parsed(name)?,
        reason,
    })
}

/// Takes an exception back: the reseller's template counts again.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("permission" = String, Path),
    ("Idempotency-Key" = String, Header)), request_body = Reason,
    responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/permissions/{permission}/withdraw")]
async fn withdraw(
    write: Data<WriteSide>,
    caller: AdminCaller,
    path: Path<(Uuid, String)>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let by = of_platform(&write, caller, &command);
    let (id, name) = path.into_inner();
    changed(&write, by, id, withdrawal(&name, command.input)?).await
}

/// Takes an exception of a sub-reseller back.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("permission" = String, Path),
    ("Idempotency-Key" = String, Header)), request_body = Reason,
    responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/resellers/{id}/permissions/{permission}/withdraw")]
async fn withdraw_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    path: Path<(Uuid, String)>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let by = of_reseller(&write, caller, &command);
    let (id, name) = path.into_inner();
    changed(&write, by, id, withdrawal(&name, command.input)?).await
}
