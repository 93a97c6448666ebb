//! /api/admin: the books, and what the platform does on a reseller's behalf with effect on an earlier day.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::ids::{ResellerId, TenantId};
use domain::period::Period;
use domain::tier::Tier;
use serde::{Deserialize, Serialize};
use store::unit_of_work::Owner;
use uuid::Uuid;

use crate::WriteSide;
use crate::customers::{self, FirstAccess};
use crate::error::{CommandError, Problem};
use crate::identity::caller::{AdminCaller, FinanceCaller};
use crate::rest::answer::answer;
use crate::rest::request::Command;
use crate::rest::reseller::CreatedCustomer;
use crate::rest::shapes::{Empty, NewPerson, shown_once};
use crate::{books, happened, people};

pub fn routes(app: &mut ServiceConfig) {
    app.service(close_period)
        .service(create_customer)
        .service(extend_customer);
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClosedPeriod {
    /// The month, for example 2026-11.
    period: String,
    /// How many entries of the ledger could be in it; later ones are late.
    entries: u64,
    /// SHA-256 of the trial balance.
    digest: String,
}

/// Closes a month of the books, in UTC. Closing a closed one answers the first close.
#[utoipa::path(tag = "admin", params(("month" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty,
    responses((status = 200, body = ClosedPeriod), (status = 400, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/periods/{month}/close")]
async fn close_period(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    month: Path<String>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let period: Period = month.parse().map_err(|error| {
        let detail = format!("{error}");
        Problem::new(StatusCode::BAD_REQUEST, "INVALID_PERIOD", detail)
    })?;
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let done = books::close_period(&write, &cause, period).await?;
    Ok(answer(StatusCode::OK, done, |closed| ClosedPeriod {
        period: closed.period.to_string(),
        entries: closed.entries,
        digest: closed.digest,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackDatedCustomer {
    name: String,
    /// The code of a tier on offer, for example `premium`.
    #[schema(value_type = String)]
    tier: Tier,
    /// Length of the access, from the day it happened; a day costs what the tier says.
    days: u32,
    first_user: NewPerson,
    /// When it was agreed, where that is earlier than now; not before the account was opened.
    #[serde(default)]
    happened_at: Option<DateTime<Utc>>,
}

/// Creates a customer on the reseller's behalf, and debits the reseller what its days cost.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = BackDatedCustomer,
    responses((status = 201, body = CreatedCustomer), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/customers")]
async fn create_customer(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<BackDatedCustomer>,
) -> Result<HttpResponse, CommandError> {
    let reseller_id = ResellerId(*id);
    let cause = command.cause(caller.user_id, Owner::reseller(reseller_id), write.clock.now());
    let BackDatedCustomer {
        name,
        tier,
        days,
        first_user,
        happened_at,
    } = command.input;
    let cause = happened::at(&write, cause, reseller_id, happened_at).await?;
    let user = people::prepare(&write, &first_user.name, &first_user.email, first_user.password).await?;
    let done = customers::create(
        &write,
        &cause,
        reseller_id,
        &name,
        tier,
        FirstAccess::Paid { days },
        &user,
    )
    .await?;
    let temporary_password = shown_once(user.temporary_password, done.replayed);
    Ok(answer(StatusCode::CREATED, done, |created| {
        CreatedCustomer::new(created, temporary_password)
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackDatedExtension {
    days: u32,
    /// When it was agreed, where that is earlier than now; not before the account was opened.
    #[serde(default)]
    happened_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtendedByPlatform {
    debited: i64,
    balance: i64,
    expires_at: DateTime<Utc>,
}

/// Extends a customer's access on the reseller's behalf, and debits the reseller a credit per day.
#[utoipa::path(tag = "admin",
    params(("id" = Uuid, Path), ("customer" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = BackDatedExtension,
    responses((status = 200, body = ExtendedByPlatform), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/customers/{customer}/extensions")]
async fn extend_customer(
    write: Data<WriteSide>,
    caller: AdminCaller,
    path: Path<(Uuid, Uuid)>,
    command: Command<BackDatedExtension>,
) -> Result<HttpResponse, CommandError> {
    let (reseller_id, tenant_id) = (ResellerId(path.0), TenantId(path.1));
    let cause = command.cause(caller.user_id, Owner::reseller(reseller_id), write.clock.now());
    let BackDatedExtension { days, happened_at } = command.input;
    let cause = happened::at(&write, cause, reseller_id, happened_at).await?;
    let done = customers::extend(&write, &cause, reseller_id, tenant_id, days).await?;
    Ok(answer(StatusCode::OK, done, |extended| ExtendedByPlatform {
        debited: extended.debited,
        balance: extended.balance,
        expires_at: extended.expires_at,
    }))
}
