//! /api/reseller/customers/{id}: another plan, a pause, an end, renewals. /api/admin/customers/{id}/grants.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post, put};
use chrono::{DateTime, Utc};
use domain::ids::TenantId;
use domain::subscription::CancelWhen;
use domain::tier::Tier;
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner, Who};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::{AdminCaller, ResellerCaller};
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::{Body, Command};
use crate::rest::shapes::Reason;
use crate::subscriptions::{self, plan};

pub fn routes(app: &mut ServiceConfig) {
    app.service(preview_plan)
        .service(change_plan)
        .service(pause)
        .service(resume)
        .service(cancel)
        .service(set_auto_renewal)
        .service(give);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedPlan {
    /// Code of a tier on offer.
    #[schema(value_type = String)]
    tier: Tier,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPlan {
    /// Code of a tier on offer.
    #[schema(value_type = String)]
    tier: Tier,
    /// The preview's `at`, not older than 15 minutes, to have exactly what it told.
    #[serde(default)]
    previewed_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanChange {
    from: String,
    to: String,
    /// From when on the new tier holds.
    at: DateTime<Utc>,
    /// When the paid days would have ended.
    ended_at: DateTime<Utc>,
    /// When they end now.
    ends_at: DateTime<Utc>,
    credits_per_day_before: u32,
    credits_per_day: u32,
}

impl From<plan::PlanChange> for PlanChange {
    fn from(change: plan::PlanChange) -> Self {
        Self {
            from: change.from.to_string(),
            to: change.to.to_string(),
            at: change.at,
            ended_at: change.ended_at,
            ends_at: change.ends_at,
            credits_per_day_before: change.credits_per_day_before,
            credits_per_day: change.credits_per_day,
        }
    }
}

/// Tells what a change of plan would do, and changes nothing.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path)), request_body = WantedPlan,
    responses((status = 200, body = PlanChange), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/plan-changes/preview")]
async fn preview_plan(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    body: Body<WantedPlan>,
) -> Result<HttpResponse, CommandError> {
    let cause = Cause {
        command_id: Uuid::now_v7(),
        fingerprint: Vec::new(),
        actor: Some(Who::User(caller.user_id.0).into()),
        owner: Owner::reseller(caller.reseller_id),
        at: write.clock.now(),
        happened_at: None,
        comment: None,
    };
    let Body(WantedPlan { tier }) = body;
    let change = plan::preview(&write, &cause, caller.reseller_id, TenantId(*id), tier).await?;
    Ok(HttpResponse::Ok().json(PlanChange::from(change)))
}

/// Changes the plan: what is left of the paid days becomes days of the other tier, at the same value.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = NewPlan,
    responses((status = 200, body = PlanChange), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/plan-changes")]
async fn change_plan(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<NewPlan>,
) -> Result<HttpResponse, CommandError> {
    let cause = cause(&write, caller, &command);
    let NewPlan { tier, previewed_at } = command.input;
    let tenant_id = TenantId(*id);
    let done = plan::change(&write, cause, caller.reseller_id, tenant_id, tier, previewed_at).await?;
    Ok(answer(StatusCode::OK, done, PlanChange::from))
}

/// Pauses the subscription: its time stands still, and nothing is allowed until it is resumed.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/subscription/pause")]
async fn pause(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let cause = cause(&write, caller, &command);
    let Reason { reason } = command.input;
    let done = subscriptions::pause(&write, &cause, caller.reseller_id, TenantId(*id), &reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedAccess {
    expires_at: DateTime<Utc>,
}

impl From<subscriptions::Changed> for ChangedAccess {
    fn from(changed: subscriptions::Changed) -> Self {
        Self {
            expires_at: changed.expires_at,
        }
    }
}

/// Resumes a paused subscription: what was left goes on from now.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason,
    responses((status = 200, body = ChangedAccess), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/subscription/resume")]
async fn resume(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let cause = cause(&write, caller, &command);
    let Reason { reason } = command.input;
    let done = subscriptions::resume(&write, &cause, caller.reseller_id, TenantId(*id), &reason).await?;
    Ok(answer(StatusCode::OK, done, ChangedAccess::from))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancellation {
    /// `at_end` or `now`; now, whole days that were paid come back as credits.
    #[schema(value_type = String)]
    when: CancelWhen,
    /// 1 to 500 characters.
    reason: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelledSubscription {
    /// Credits that went back to the reseller.
    returned: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<i64>,
}

/// Cancels the subscription, at its end or at once.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Cancellation,
    responses((status = 200, body = CancelledSubscription), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/subscription/cancel")]
async fn cancel(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Cancellation>,
) -> Result<HttpResponse, CommandError> {
    let cause = cause(&write, caller, &command);
    let Cancellation { when, reason } = command.input;
    let tenant_id = TenantId(*id);
    let done = subscriptions::cancel(&write, &cause, caller.reseller_id, tenant_id, when, &reason).await?;
    Ok(answer(StatusCode::OK, done, |cancelled| CancelledSubscription {
        returned: cancelled.returned,
        balance: cancelled.balance,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoRenewal {
    /// Length of each renewal; null for none.
    days: Option<u32>,
}

/// Has the subscription renew itself before its end, or no longer.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = AutoRenewal,
    responses((status = 200), (status = 404, body = Problem), (status = 400, body = Problem)))]
#[put("/reseller/customers/{id}/subscription/auto-renewal")]
async fn set_auto_renewal(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<AutoRenewal>,
) -> Result<HttpResponse, CommandError> {
    let cause = cause(&write, caller, &command);
    let (tenant_id, days) = (TenantId(*id), command.input.days);
    let done = subscriptions::set_auto_renewal(&write, &cause, caller.reseller_id, tenant_id, days).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManualGrant {
    /// Code of a tier on offer.
    #[schema(value_type = String)]
    tier: Tier,
    days: u32,
    /// 1 to 500 characters.
    reason: String,
}

/// Gives a customer days of a tier, on nobody's account.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = ManualGrant,
    responses((status = 201, body = ChangedAccess), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/customers/{id}/grants")]
async fn give(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<ManualGrant>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let ManualGrant { tier, days, reason } = command.input;
    let done = subscriptions::give(&write, &cause, TenantId(*id), tier, days, &reason).await?;
    Ok(answer(StatusCode::CREATED, done, ChangedAccess::from))
}

fn cause<T>(write: &WriteSide, caller: ResellerCaller, command: &Command<T>) -> Cause {
    let owner = Owner::reseller(caller.reseller_id);
    command.cause(caller.user_id, owner, write.clock.now())
}
