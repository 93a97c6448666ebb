//! /api/admin/resellers: registering resellers, their states, their place and limits, by the platform.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post, put};
use domain::hierarchy::Limits;
use domain::ids::ResellerId;
use domain::reseller::ResellerCommand;
use platform::Scope;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::AdminCaller;
use crate::profiles::{self, ProfileChange};
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::{NewPerson, Reason, shown_once};
use crate::{people, resellers};

pub fn routes(app: &mut ServiceConfig) {
    app.service(register)
        .service(suspend)
        .service(resume)
        .service(close)
        .service(reopen)
        .service(relocate)
        .service(set_limits)
        .service(edit);
}

/// How much a reseller is allowed; what is left out is without a limit.
#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResellerLimits {
    /// Customers of its own that are not closed.
    #[serde(default)]
    customers_max: Option<u32>,
    /// Sub-resellers right below it that are not closed.
    #[serde(default)]
    sub_resellers_max: Option<u32>,
}

impl From<ResellerLimits> for Limits {
    fn from(limits: ResellerLimits) -> Self {
        Self {
            customers_max: limits.customers_max,
            sub_resellers_max: limits.sub_resellers_max,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewReseller {
    name: String,
    contact_email: String,
    /// The reseller's share of a sale, 0 to 1, as text: "0.20".
    #[schema(value_type = String)]
    commission_rate: Decimal,
    /// IANA name; UTC where left out.
    #[serde(default = "utc")]
    time_zone: String,
    owner: NewPerson,
    /// The reseller that it hangs below. Left out, the platform's hang below the platform, and a reseller's below
    /// the reseller.
    #[serde(default)]
    pub(super) parent_id: Option<Uuid>,
    #[serde(default)]
    limits: ResellerLimits,
    /// Code of the permission template that it begins with; left out, it has every permission of its parent.
    #[serde(default)]
    permission_template: Option<String>,
}

pub(super) fn utc() -> String {
    "UTC".to_owned()
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredReseller {
    reseller_id: Uuid,
    owner_user_id: Uuid,
    /// Shown once: a repeated request does not get it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary_password: Option<String>,
}

/// Registers a reseller with its credit account and its owner.
#[utoipa::path(tag = "admin", params(("Idempotency-Key" = String, Header)), request_body = NewReseller,
    responses((status = 201, body = RegisteredReseller), (status = 400, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers")]
async fn register(
    write: Data<WriteSide>,
    caller: AdminCaller,
    command: Command<NewReseller>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    registered(&write, &cause, Scope::Platform, command.input).await
}

pub(super) async fn registered(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    input: NewReseller,
) -> Result<HttpResponse, CommandError> {
    let owner = people::prepare(write, &input.owner.name, &input.owner.email, input.owner.password).await?;
    let reseller = resellers::NewReseller {
        name: input.name,
        contact_email: input.contact_email,
        commission_rate: input.commission_rate,
        time_zone: input.time_zone,
        parent_id: input.parent_id.map(ResellerId),
        limits: input.limits.into(),
        permission_template: input.permission_template,
    };
    let done = resellers::register(write, cause, scope, reseller, &owner).await?;
    let temporary_password = shown_once(owner.temporary_password, done.replayed);
    Ok(answer(StatusCode::CREATED, done, |registered| {
        RegisteredReseller {
            reseller_id: registered.reseller_id,
            owner_user_id: registered.owner_user_id,
            temporary_password,
        }
    }))
}

pub(super) fn of_platform<T>(write: &WriteSide, caller: AdminCaller, command: &Command<T>) -> (Cause, Scope) {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    (cause, Scope::Platform)
}

/// Suspends a reseller, and with it all below it.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/suspend")]
async fn suspend(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let by = of_platform(&write, caller, &command);
    let reason = command.input.reason;
    changed(&write, by, *id, ResellerCommand::Suspend { reason }).await
}

/// Resumes a suspended reseller.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/resume")]
async fn resume(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let by = of_platform(&write, caller, &command);
    let reason = command.input.reason;
    changed(&write, by, *id, ResellerCommand::Resume { reason }).await
}

pub(super) async fn changed(
    write: &WriteSide,
    (cause, scope): (Cause, Scope),
    id: Uuid,
    command: ResellerCommand,
) -> Result<HttpResponse, CommandError> {
    let done = resellers::change(write, &cause, scope, ResellerId(id), command).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Closes a reseller that has neither open sub-resellers nor open customers.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/close")]
async fn close(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let (cause, scope) = of_platform(&write, caller, &command);
    let done = resellers::close(&write, &cause, scope, ResellerId(*id), &command.input.reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Opens a closed reseller again.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/reopen")]
async fn reopen(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let (cause, scope) = of_platform(&write, caller, &command);
    let done = resellers::reopen(&write, &cause, scope, ResellerId(*id), &command.input.reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewParent {
    /// Null hangs it below the platform.
    parent_id: Option<Uuid>,
    reason: String,
}

/// Hangs a reseller, with all below it, below another one.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = NewParent, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/move")]
async fn relocate(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<NewParent>,
) -> Result<HttpResponse, CommandError> {
    let (cause, _) = of_platform(&write, caller, &command);
    let NewParent { parent_id, reason } = command.input;
    let parent_id = parent_id.map(ResellerId);
    let done = resellers::relocate(&write, &cause, ResellerId(*id), parent_id, &reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Sets how many customers and sub-resellers a reseller may have.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = ResellerLimits, responses((status = 200), (status = 404, body = Problem)))]
#[put("/admin/resellers/{id}/limits")]
async fn set_limits(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<ResellerLimits>,
) -> Result<HttpResponse, CommandError> {
    let (cause, scope) = of_platform(&write, caller, &command);
    let limits = command.input.into();
    let done = resellers::set_limits(&write, &cause, scope, ResellerId(*id), limits).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// What changes; what is left out stays. An empty text takes company, person or phone away.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResellerProfile {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    company: Option<String>,
    #[serde(default)]
    contact_person: Option<String>,
    #[serde(default)]
    contact_email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    time_zone: Option<String>,
    /// `version` as it was read: the change is refused if somebody else was faster.
    #[serde(default)]
    expected_version: Option<u64>,
}

impl From<ResellerProfile> for ProfileChange {
    fn from(profile: ResellerProfile) -> Self {
        Self {
            name: profile.name,
            company: profile.company,
            contact_person: profile.contact_person,
            contact_email: profile.contact_email,
            phone: profile.phone,
            time_zone: profile.time_zone,
            expected_version: profile.expected_version,
        }
    }
}

/// Edits a reseller's profile.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = ResellerProfile, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[put("/admin/resellers/{id}/profile")]
async fn edit(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<ResellerProfile>,
) -> Result<HttpResponse, CommandError> {
    let (cause, scope) = of_platform(&write, caller, &command);
    let change = command.input.into();
    let done = profiles::edit_reseller(&write, &cause, scope, ResellerId(*id), change).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
