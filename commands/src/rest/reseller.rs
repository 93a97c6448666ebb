//! /api/reseller: customers and their access.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::ids::TenantId;
use domain::tenant::TenantCommand;
use domain::tier::Tier;
use serde::{Deserialize, Serialize};
use store::unit_of_work::Owner;
use uuid::Uuid;

use crate::WriteSide;
use crate::customers::{self, FirstAccess};
use crate::error::{CommandError, Problem};
use crate::identity::caller::ResellerCaller;
use crate::people;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::{NewPerson, Reason, shown_once};

pub fn routes(app: &mut ServiceConfig) {
    app.service(create)
        .service(extend)
        .service(suspend)
        .service(resume);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCustomer {
    name: String,
    /// The code of a tier on offer, for example `premium`.
    #[schema(value_type = String)]
    tier: Tier,
    /// Length of the access; a day costs what the tier says. Left out for a trial.
    #[serde(default)]
    days: Option<u32>,
    /// The trial that the tier has, in place of paid days.
    #[serde(default)]
    trial: bool,
    first_user: NewPerson,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedCustomer {
    tenant_id: Uuid,
    user_id: Uuid,
    subscription_id: Uuid,
    debited: i64,
    balance: i64,
    expires_at: DateTime<Utc>,
    /// Shown once: a repeated request does not get it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary_password: Option<String>,
}

impl CreatedCustomer {
    pub(super) fn new(created: customers::Created, temporary_password: Option<String>) -> Self {
        Self {
            tenant_id: created.tenant_id,
            user_id: created.user_id,
            subscription_id: created.subscription_id,
            debited: created.debited,
            balance: created.balance,
            expires_at: created.expires_at,
            temporary_password,
        }
    }
}

/// Creates a customer with its first user and its access, and debits what its days cost; a trial costs nothing.
#[utoipa::path(tag = "reseller", params(("Idempotency-Key" = String, Header)), request_body = NewCustomer,
    responses((status = 201, body = CreatedCustomer), (status = 409, body = Problem)))]
#[post("/reseller/customers")]
async fn create(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    command: Command<NewCustomer>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(
        caller.user_id,
        Owner::reseller(caller.reseller_id),
        write.clock.now(),
    );
    let NewCustomer {
        name,
        tier,
        days,
        trial,
        first_user,
    } = command.input;
    let access = match (days, trial) {
        (Some(days), false) => FirstAccess::Paid { days },
        (None, true) => FirstAccess::Trial,
        (Some(_), true) | (None, false) => {
            let detail =
                "a customer begins with paid days or with a trial: send either `days` or `\"trial\": true`";
            return Err(Problem::invalid(detail.to_owned()).into());
        }
    };
    let user = people::prepare(&write, &first_user.name, &first_user.email, first_user.password).await?;
    let done = customers::create(&write, &cause, caller.reseller_id, &name, tier, access, &user).await?;
    let temporary_password = shown_once(user.temporary_password, done.replayed);
    Ok(answer(StatusCode::CREATED, done, |created| {
        CreatedCustomer::new(created, temporary_password)
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    days: u32,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtendedCustomer {
    debited: i64,
    balance: i64,
    expires_at: DateTime<Utc>,
}

/// Extends a customer's access and debits what its days cost.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Extension,
    responses((status = 200, body = ExtendedCustomer), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/extensions")]
async fn extend(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Extension>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(
        caller.user_id,
        Owner::reseller(caller.reseller_id),
        write.clock.now(),
    );
    let days = command.input.days;
    let done = customers::extend(&write, &cause, caller.reseller_id, TenantId(*id), days).await?;
    Ok(answer(StatusCode::OK, done, |extended| ExtendedCustomer {
        debited: extended.debited,
        balance: extended.balance,
        expires_at: extended.expires_at,
    }))
}

/// Suspends a customer.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/suspend")]
async fn suspend(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    change(&write, caller, TenantId(*id), command, |Reason { reason }| {
        TenantCommand::Suspend { reason }
    })
    .await
}

/// Resumes a suspended customer.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/customers/{id}/resume")]
async fn resume(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    change(&write, caller, TenantId(*id), command, |Reason { reason }| {
        TenantCommand::Resume { reason }
    })
    .await
}

async fn change(
    write: &WriteSide,
    caller: ResellerCaller,
    tenant_id: TenantId,
    command: Command<Reason>,
    wanted: fn(Reason) -> TenantCommand,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(
        caller.user_id,
        Owner::reseller(caller.reseller_id),
        write.clock.now(),
    );
    let done = customers::change(
        write,
        &cause,
        caller.reseller_id,
        tenant_id,
        wanted(command.input),
    )
    .await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
