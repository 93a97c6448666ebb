//! /api/admin/payouts/{currency}/runs: what is paid out to resellers.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, SubsecRound, Utc};
use domain::payout::{PayoutCommand, TermsOfRun};
use serde::{Deserialize, Serialize};
use store::unit_of_work::Owner;
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::FinanceCaller;
use crate::payouts;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::{Empty, Reason};

pub fn routes(app: &mut ServiceConfig) {
    app.service(draft).service(approve).service(pay).service(cancel);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPayoutRun {
    /// Nothing later is in it; now where left out.
    #[serde(default)]
    cutoff: Option<DateTime<Utc>>,
    /// How long a sale has to stand before its commission is paid out; as the settings say where left out.
    #[serde(default)]
    holding_days: Option<u32>,
    /// Less than this is carried to the next run; as the settings say where left out.
    #[serde(default)]
    minimum_minor: Option<i64>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DraftedRun {
    run_id: Uuid,
    statements: u32,
    /// All that is paid out once the run is paid.
    payout_minor: i64,
}

/// Drafts a payout run with a frozen statement for every reseller that has something in it.
#[utoipa::path(tag = "admin", params(("currency" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = NewPayoutRun,
    responses((status = 201, body = DraftedRun), (status = 400, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/payouts/{currency}/runs")]
async fn draft(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    currency: Path<String>,
    command: Command<NewPayoutRun>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let settings = &write.config.payouts;
    let terms = TermsOfRun {
        currency: currency.into_inner(),
        // As exact as the database keeps it.
        cutoff: command.input.cutoff.unwrap_or(cause.at).trunc_subsecs(6),
        holding_days: command.input.holding_days.unwrap_or(settings.holding_days),
        minimum_minor: command.input.minimum_minor.unwrap_or(settings.minimum_minor),
    };
    let done = payouts::draft(&write, &cause, &terms).await?;
    Ok(answer(StatusCode::CREATED, done, |drafted| DraftedRun {
        run_id: drafted.run_id,
        statements: drafted.statements,
        payout_minor: drafted.payout_minor,
    }))
}

/// Approves a drafted run: somebody else than who drafted it, unless the settings say otherwise.
#[utoipa::path(tag = "admin",
    params(("currency" = String, Path), ("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty,
    responses((status = 200), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/admin/payouts/{currency}/runs/{id}/approve")]
async fn approve(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    path: Path<(String, Uuid)>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let (currency, run_id) = path.into_inner();
    let done = payouts::approve(&write, &cause, &currency, run_id).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// That of the bank transfer, for example; 1 to 140 characters.
    reference: String,
}

/// Records that an approved run was paid. Its statements are settled with it.
#[utoipa::path(tag = "admin",
    params(("currency" = String, Path), ("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Payment,
    responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/payouts/{currency}/runs/{id}/pay")]
async fn pay(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    path: Path<(String, Uuid)>,
    command: Command<Payment>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let (currency, run_id) = path.into_inner();
    let wanted = PayoutCommand::Pay {
        run_id,
        reference: command.input.reference,
    };
    let done = payouts::change(&write, &cause, &currency, wanted).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Cancels a run that is not paid yet. The next one takes what was in it.
#[utoipa::path(tag = "admin",
    params(("currency" = String, Path), ("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason,
    responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/payouts/{currency}/runs/{id}/cancel")]
async fn cancel(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    path: Path<(String, Uuid)>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let (currency, run_id) = path.into_inner();
    let wanted = PayoutCommand::Cancel {
        run_id,
        reason: command.input.reason,
    };
    let done = payouts::change(&write, &cause, &currency, wanted).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
