//! /api/admin and /api/reseller: what moves a reseller's credits, and the settings of its account.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post, put};
use chrono::{DateTime, Utc};
use domain::credit_account::{self, AdjustmentKind, CreditAccountCommand};
use domain::credits::Credits;
use domain::ids::{ResellerId, ReservationId, TenantId};
use platform::Scope;
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::credits::{self, Moved, Transferred};
use crate::error::{CommandError, Problem};
use crate::happened;
use crate::identity::caller::{AdminCaller, ResellerCaller};
use crate::rest::answer::answer;
use crate::rest::request::Command;
use crate::rest::shapes::Empty;

pub fn routes(app: &mut ServiceConfig) {
    app.service(adjust)
        .service(refund)
        .service(reverse)
        .service(transfer)
        .service(transfer_below)
        .service(expire)
        .service(set_credit_line)
        .service(set_alerts_for)
        .service(set_alerts)
        .service(reserve)
        .service(capture)
        .service(release);
}

/// An account after a movement.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Account {
    /// The movement's number in the account: refunds and reversals name it.
    movement: u64,
    /// What is available.
    balance: i64,
    /// What reservations hold.
    held: i64,
}

fn told(status: StatusCode, done: Done<Moved>) -> HttpResponse {
    answer(status, done, |moved| Account {
        movement: moved.movement,
        balance: moved.balance,
        held: moved.held,
    })
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Adjustment {
    /// `bonus` or `adjustment`; a refund names its debit and has a route of its own.
    #[schema(value_type = String)]
    kind: AdjustmentKind,
    /// Signed for an adjustment, positive for a bonus.
    credits: i64,
    note: String,
    /// When they expire; never where left out.
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
    /// When it happened, where that is earlier than now; not before the account was opened.
    #[serde(default)]
    happened_at: Option<DateTime<Utc>>,
}

/// Gives credits free or corrects them, with a note.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Adjustment, responses((status = 201, body = Account), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/credits/adjustments")]
async fn adjust(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Adjustment>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_admin(&write, caller, &command);
    let Adjustment {
        kind,
        credits,
        note,
        expires_at,
        happened_at,
    } = command.input;
    let cause = happened::at(&write, cause, ResellerId(*id), happened_at).await?;
    let adjustment = credits::Adjustment {
        kind,
        credits: Credits(credits),
        expires_at,
        note,
    };
    let done = credits::adjust(&write, &cause, ResellerId(*id), adjustment).await?;
    Ok(told(StatusCode::CREATED, done))
}

fn by_admin<T>(write: &WriteSide, caller: AdminCaller, command: &Command<T>) -> Cause {
    command.cause(caller.user_id, Owner::PLATFORM, write.clock.now())
}

fn by_reseller<T>(write: &WriteSide, caller: ResellerCaller, command: &Command<T>) -> Cause {
    let owner = Owner::reseller(caller.reseller_id);
    command.cause(caller.user_id, owner, write.clock.now())
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    /// Number of the debit or capture.
    debit: u64,
    /// All that is left of it where left out.
    #[serde(default)]
    credits: Option<i64>,
    note: String,
}

/// Gives back what a debit took, to the lots that it was taken from.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Refund, responses((status = 201, body = Account), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/credits/refunds")]
async fn refund(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Refund>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_admin(&write, caller, &command);
    let Refund { debit, credits, note } = command.input;
    let credits = credits.map(Credits);
    let done = credits::refund(&write, &cause, ResellerId(*id), debit, credits, note).await?;
    Ok(told(StatusCode::CREATED, done))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reversal {
    /// Number of the movement.
    movement: u64,
    note: String,
}

/// Takes a movement back, once, at its own lots; a transfer on both accounts.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reversal, responses((status = 201, body = Account), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/credits/reversals")]
async fn reverse(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Reversal>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_admin(&write, caller, &command);
    let Reversal { movement, note } = command.input;
    let done = credits::reverse(&write, &cause, ResellerId(*id), movement, &note).await?;
    Ok(told(StatusCode::CREATED, done))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewTransfer {
    /// The reseller that receives.
    to_reseller_id: Uuid,
    credits: i64,
    note: String,
}

/// Moves credits from a reseller to another, with the terms of their lots. The answer tells the giver's account.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = NewTransfer, responses((status = 201, body = Account), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/credits/transfers")]
async fn transfer(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<NewTransfer>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_admin(&write, caller, &command);
    let NewTransfer {
        to_reseller_id,
        credits,
        note,
    } = command.input;
    let transferred = Transferred {
        from: ResellerId(*id),
        to: ResellerId(to_reseller_id),
        credits: Credits(credits),
        note,
    };
    let done = credits::transfer(&write, &cause, Scope::Platform, &transferred).await?;
    Ok(told(StatusCode::CREATED, done))
}

/// Which way credits go between a reseller and one below it.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the one below.
    Down,
    /// Back from it.
    Up,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferBelow {
    direction: Direction,
    credits: i64,
    note: String,
}

/// Moves credits to a reseller below, or back from it. The answer tells the caller's account.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = TransferBelow, responses((status = 201, body = Account), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/reseller/resellers/{id}/credits/transfers")]
async fn transfer_below(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<TransferBelow>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_reseller(&write, caller, &command);
    let TransferBelow {
        direction,
        credits,
        note,
    } = command.input;
    let (from, to) = match direction {
        Direction::Down => (caller.reseller_id, ResellerId(*id)),
        Direction::Up => (ResellerId(*id), caller.reseller_id),
    };
    let transferred = Transferred {
        from,
        to,
        credits: Credits(credits),
        note,
    };
    let scope = Scope::Reseller(caller.reseller_id);
    let done = credits::transfer(&write, &cause, scope, &transferred).await?;
    Ok(told(StatusCode::CREATED, done))
}

/// Ends lots and reservations whose time is over; a timer does so as well.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 200, body = Account), (status = 404, body = Problem)))]
#[post("/admin/resellers/{id}/credits/expiries")]
async fn expire(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_admin(&write, caller, &command);
    let expire = CreditAccountCommand::ExpireDue { at: cause.at };
    let done = credits::change(&write, &cause, ResellerId(*id), expire).await?;
    Ok(told(StatusCode::OK, done))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditLine {
    /// How far below zero the balance may go; 0 for no line.
    limit: i64,
    reason: String,
}

/// Sets how far below zero a reseller's credits may go.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = CreditLine, responses((status = 200, body = Account), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[put("/admin/resellers/{id}/credits/line")]
async fn set_credit_line(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<CreditLine>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_admin(&write, caller, &command);
    let CreditLine { limit, reason } = command.input;
    let set = CreditAccountCommand::SetCreditLine {
        limit: Credits(limit),
        reason,
        at: cause.at,
    };
    let done = credits::change(&write, &cause, ResellerId(*id), set).await?;
    Ok(told(StatusCode::OK, done))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// Balances at which an alert is raised, at most 10; none to raise no alerts.
    thresholds: Vec<i64>,
}

/// Sets at which balances a reseller is alerted.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Alerts, responses((status = 200, body = Account), (status = 400, body = Problem)))]
#[put("/admin/resellers/{id}/credits/alerts")]
async fn set_alerts_for(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Alerts>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_admin(&write, caller, &command);
    alert_at(&write, &cause, ResellerId(*id), command.input).await
}

/// Sets at which balances the reseller is alerted.
#[utoipa::path(tag = "reseller", params(("Idempotency-Key" = String, Header)),
    request_body = Alerts, responses((status = 200, body = Account), (status = 400, body = Problem)))]
#[put("/reseller/credits/alerts")]
async fn set_alerts(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    command: Command<Alerts>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_reseller(&write, caller, &command);
    alert_at(&write, &cause, caller.reseller_id, command.input).await
}

async fn alert_at(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    alerts: Alerts,
) -> Result<HttpResponse, CommandError> {
    let set = CreditAccountCommand::SetAlerts {
        thresholds: alerts.thresholds.into_iter().map(Credits).collect(),
        at: cause.at,
    };
    let done = credits::change(write, cause, reseller_id, set).await?;
    Ok(told(StatusCode::OK, done))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewReservation {
    credits: i64,
    /// For whom, where it is known.
    #[serde(default)]
    customer_id: Option<Uuid>,
    /// When it ends by itself, at most 400 days from now.
    expires_at: DateTime<Utc>,
    note: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reserved {
    reservation_id: Uuid,
    movement: u64,
    balance: i64,
    held: i64,
}

/// Holds credits, so that nothing else spends them.
#[utoipa::path(tag = "reseller", params(("Idempotency-Key" = String, Header)), request_body = NewReservation,
    responses((status = 201, body = Reserved), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/reseller/credits/reservations")]
async fn reserve(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    command: Command<NewReservation>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_reseller(&write, caller, &command);
    let input = command.input;
    let wanted = credit_account::NewReservation {
        // Follows from the command, so that a repetition is answered with the first one's id.
        reservation_id: ReservationId(cause.command_id),
        credits: Credits(input.credits),
        tenant_id: input.customer_id.map(TenantId),
        expires_at: input.expires_at,
        note: input.note,
    };
    let done = credits::reserve(&write, &cause, caller.reseller_id, &wanted).await?;
    Ok(answer(StatusCode::CREATED, done, |moved| Reserved {
        reservation_id: wanted.reservation_id.0,
        movement: moved.movement,
        balance: moved.balance,
        held: moved.held,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// All that is held where left out; the rest is released.
    #[serde(default)]
    credits: Option<i64>,
    note: String,
}

/// Spends held credits.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Capture, responses((status = 200, body = Account), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/reseller/credits/reservations/{id}/capture")]
async fn capture(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Capture>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_reseller(&write, caller, &command);
    let Capture { credits, note } = command.input;
    let capture = CreditAccountCommand::Capture {
        reservation_id: ReservationId(*id),
        credits: credits.map(Credits),
        note,
        at: cause.at,
    };
    let done = credits::change(&write, &cause, caller.reseller_id, capture).await?;
    Ok(told(StatusCode::OK, done))
}

/// Makes held credits available again.
#[utoipa::path(tag = "reseller", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 200, body = Account), (status = 404, body = Problem)))]
#[post("/reseller/credits/reservations/{id}/release")]
async fn release(
    write: Data<WriteSide>,
    caller: ResellerCaller,
    id: Path<Uuid>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let cause = by_reseller(&write, caller, &command);
    let release = CreditAccountCommand::Release {
        reservation_id: ReservationId(*id),
        at: cause.at,
    };
    let done = credits::change(&write, &cause, caller.reseller_id, release).await?;
    Ok(told(StatusCode::OK, done))
}
