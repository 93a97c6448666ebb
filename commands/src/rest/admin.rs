//! /api/admin: resellers, credit packs, balances.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post, put};
use chrono::{DateTime, Utc};
use domain::credit_account::AdjustmentKind;
use domain::credits::{Credits, Money};
use domain::ids::ResellerId;
use domain::price_list::PriceListCommand;
use domain::reseller::ResellerCommand;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::unit_of_work::Owner;
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::AdminCaller;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::{Empty, NewPerson, Reason, shown_once};
use crate::{credits, happened, people, resellers};

pub fn routes(app: &mut ServiceConfig) {
    app.service(register)
        .service(suspend)
        .service(resume)
        .service(sell)
        .service(adjust)
        .service(publish_pack)
        .service(retire_pack);
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
}

fn utc() -> String {
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
    let input = command.input;
    let owner = people::prepare(
        &write,
        &input.owner.name,
        &input.owner.email,
        input.owner.password,
    )
    .await?;
    let reseller = resellers::NewReseller {
        name: input.name,
        contact_email: input.contact_email,
        commission_rate: input.commission_rate,
        time_zone: input.time_zone,
    };
    let done = resellers::register(&write, &cause, reseller, &owner).await?;
    let temporary_password = shown_once(owner.temporary_password, done.replayed);
    Ok(answer(StatusCode::CREATED, done, |registered| {
        RegisteredReseller {
            reseller_id: registered.reseller_id,
            owner_user_id: registered.owner_user_id,
            temporary_password,
        }
    }))
}

/// Suspends a reseller.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Reason, responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/suspend")]
async fn suspend(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let wanted = |Reason { reason }| ResellerCommand::Suspend { reason };
    change(&write, caller, ResellerId(*id), command, wanted).await
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
    let wanted = |Reason { reason }| ResellerCommand::Resume { reason };
    change(&write, caller, ResellerId(*id), command, wanted).await
}

async fn change(
    write: &WriteSide,
    caller: AdminCaller,
    reseller_id: ResellerId,
    command: Command<Reason>,
    wanted: fn(Reason) -> ResellerCommand,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let done = resellers::change(write, &cause, reseller_id, wanted(command.input)).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sale {
    pack_code: String,
    #[serde(default)]
    note: Option<String>,
    /// When it was sold, where that is earlier than now; not before the account was opened.
    #[serde(default)]
    happened_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sold {
    credits: i64,
    balance: i64,
    price: Price,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    amount_minor: i64,
    currency: String,
}

/// Sells a credit pack to a reseller.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Sale, responses((status = 201, body = Sold), (status = 404, body = Problem)))]
#[post("/admin/resellers/{id}/credits/purchases")]
async fn sell(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Sale>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let Sale {
        pack_code,
        note,
        happened_at,
    } = command.input;
    let cause = happened::at(&write, cause, ResellerId(*id), happened_at).await?;
    let done = credits::sell_pack(&write, &cause, ResellerId(*id), &pack_code, note.as_deref()).await?;
    Ok(answer(StatusCode::CREATED, done, |sold| Sold {
        credits: sold.credits,
        balance: sold.balance,
        price: Price {
            amount_minor: sold.price.amount_minor,
            currency: sold.price.currency,
        },
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Adjustment {
    /// `refund`, `bonus` or `adjustment`.
    #[schema(value_type = String)]
    kind: AdjustmentKind,
    /// Signed for an adjustment, positive otherwise.
    credits: i64,
    note: String,
    /// When it happened, where that is earlier than now; not before the account was opened.
    #[serde(default)]
    happened_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct Balance {
    balance: i64,
}

/// Refunds, grants or corrects credits, with a note.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = Adjustment, responses((status = 201, body = Balance), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/credits/adjustments")]
async fn adjust(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<Adjustment>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let Adjustment {
        kind,
        credits,
        note,
        happened_at,
    } = command.input;
    let cause = happened::at(&write, cause, ResellerId(*id), happened_at).await?;
    let done = credits::adjust(&write, &cause, ResellerId(*id), kind, Credits(credits), &note).await?;
    Ok(answer(StatusCode::CREATED, done, |balance| Balance { balance }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackTerms {
    name: String,
    credits: i64,
    price_minor: i64,
    /// ISO 4217.
    currency: String,
}

/// Publishes a credit pack, or new terms of one.
#[utoipa::path(tag = "admin", params(("code" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = PackTerms, responses((status = 200), (status = 400, body = Problem)))]
#[put("/admin/packs/{code}")]
async fn publish_pack(
    write: Data<WriteSide>,
    caller: AdminCaller,
    code: Path<String>,
    command: Command<PackTerms>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let PackTerms {
        name,
        credits,
        price_minor,
        currency,
    } = command.input;
    let price = Money {
        amount_minor: price_minor,
        currency,
    };
    let publish = PriceListCommand::PublishPack {
        code: code.into_inner(),
        name,
        credits: Credits(credits),
        price,
    };
    let done = credits::change_price_list(&write, &cause, publish).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Takes a credit pack off the list.
#[utoipa::path(tag = "admin", params(("code" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 200), (status = 404, body = Problem)))]
#[post("/admin/packs/{code}/retire")]
async fn retire_pack(
    write: Data<WriteSide>,
    caller: AdminCaller,
    code: Path<String>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let retire = PriceListCommand::RetirePack {
        code: code.into_inner(),
    };
    let done = credits::change_price_list(&write, &cause, retire).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
