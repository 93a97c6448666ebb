//! /api/onboarding: becoming a reseller. Anybody may apply where the setting allows it; platform admins answer.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, post};
use domain::ids::{PLATFORM, ResellerId, UserId};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::unit_of_work::Owner;
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::AdminCaller;
use crate::profiles::ProfileChange;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::{Body, Command, client};
use crate::rest::resellers::utc;
use crate::rest::shapes::Reason;
use crate::{onboarding, people};

pub fn routes(app: &mut ServiceConfig) {
    app.service(apply)
        .service(state)
        .service(approve)
        .service(decline);
}

/// A business that wants to become a reseller, and the person who will own it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    name: String,
    #[serde(default)]
    company: Option<String>,
    contact_person: String,
    /// Also the address to sign in with.
    email: String,
    #[serde(default)]
    phone: Option<String>,
    /// IANA name; UTC where left out.
    #[serde(default = "utc")]
    time_zone: String,
    /// At least 10 characters.
    #[schema(value_type = String)]
    password: SecretString,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct ReceivedApplication {
    /// `pending`.
    status: &'static str,
}

/// Applies to become a reseller.
#[utoipa::path(tag = "onboarding", params(("Idempotency-Key" = String, Header)), request_body = Application,
    responses((status = 202, body = ReceivedApplication), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 429, body = Problem)))]
#[post("/onboarding/applications")]
async fn apply(
    write: Data<WriteSide>,
    request: HttpRequest,
    command: Command<Application>,
) -> Result<HttpResponse, CommandError> {
    onboarding::ensure_open(&write)?;
    let email = people::checked_email(&command.input.email)?;
    let keys = [format!("client {}", client(&request)), format!("email {email}")];
    write.application_limits.check(keys)?;
    let cause = command.cause(UserId(PLATFORM), Owner::PLATFORM, write.clock.now());
    let cause = store::unit_of_work::Cause { actor: None, ..cause };
    let input = command.input;
    let owner = people::prepare(&write, &input.contact_person, &email, Some(input.password)).await?;
    let business = ProfileChange {
        name: Some(input.name),
        company: input.company,
        contact_person: Some(input.contact_person),
        contact_email: Some(email),
        phone: input.phone,
        time_zone: Some(input.time_zone),
        expected_version: None,
    };
    onboarding::apply(&write, &cause, business, &owner).await?;
    Ok(HttpResponse::Accepted().json(ReceivedApplication { status: "pending" }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Applicant {
    email: String,
    #[schema(value_type = String)]
    password: SecretString,
    /// Of the device, or a recovery code, where the account has a second factor.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationView {
    reseller_id: Uuid,
    /// `pending`, `declined`, or the reseller's status since it was approved.
    status: String,
    /// Why it was approved or declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Where an application stands, for whoever applied.
#[utoipa::path(tag = "onboarding", request_body = Applicant, responses((status = 200, body = ApplicationView),
    (status = 401, body = Problem), (status = 429, body = Problem)))]
#[post("/onboarding/status")]
async fn state(
    write: Data<WriteSide>,
    request: HttpRequest,
    body: Body<Applicant>,
) -> Result<HttpResponse, CommandError> {
    let Body(Applicant {
        email,
        password,
        code,
    }) = body;
    let state = onboarding::state(&write, &email, password, code.as_ref(), &client(&request)).await?;
    Ok(HttpResponse::Ok().json(ApplicationView {
        reseller_id: state.reseller_id,
        status: state.status,
        reason: state.reason,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// The reseller's share of a sale, 0 to 1, as text: "0.20".
    #[schema(value_type = String)]
    commission_rate: Decimal,
    /// Shown to the applicant.
    reason: String,
}

/// Approves an application: the reseller gets its credit account, and its owner may sign in.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Approval, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/approve")]
async fn approve(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Approval>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let Approval {
        commission_rate,
        reason,
    } = command.input;
    let done = onboarding::approve(&write, &cause, ResellerId(*id), commission_rate, &reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Declines an application; the reason is shown to the applicant.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/decline")]
async fn decline(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let done = onboarding::decline(&write, &cause, ResellerId(*id), &command.input.reason).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
