//! /api/admin: credit packs, balances.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post, put};
use chrono::{DateTime, Utc};
use domain::credits::{Credits, Money};
use domain::ids::ResellerId;
use domain::price_list::PriceListCommand;
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner};
use uuid::Uuid;

use crate::WriteSide;
use crate::credits::prices;
use crate::error::{CommandError, Problem};
use crate::identity::caller::AdminCaller;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::{credits, happened};

pub fn routes(app: &mut ServiceConfig) {
    app.service(sell)
        .service(publish_pack)
        .service(publish_pack_for)
        .service(retire_pack)
        .service(retire_pack_for);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sale {
    pack_code: String,
    /// ISO 4217, where the pack is sold in several.
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    note: Option<String>,
    /// When the credits expire; never where left out.
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
    /// When it was sold, where that is earlier than now; not before the account was opened.
    #[serde(default)]
    happened_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sold {
    credits: i64,
    balance: i64,
    /// Number of the movement in the account.
    movement: u64,
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
    let input = command.input;
    let cause = happened::at(&write, cause, ResellerId(*id), input.happened_at).await?;
    let sale = credits::Sale {
        pack_code: input.pack_code,
        currency: input.currency,
        expires_at: input.expires_at,
        note: input.note,
    };
    let done = credits::sell_pack(&write, &cause, ResellerId(*id), &sale).await?;
    Ok(answer(StatusCode::CREATED, done, |sold| Sold {
        credits: sold.credits,
        balance: sold.balance,
        movement: sold.movement,
        price: Price {
            amount_minor: sold.price.amount_minor,
            currency: sold.price.currency,
        },
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackTerms {
    name: String,
    credits: i64,
    price_minor: i64,
    /// ISO 4217. The pack's prices in other currencies stay.
    currency: String,
    /// When the price begins to hold; at once where left out.
    #[serde(default)]
    valid_from: Option<DateTime<Utc>>,
    /// When it ends, and the one before holds again; never where left out.
    #[serde(default)]
    valid_until: Option<DateTime<Utc>>,
}

async fn published(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: Option<ResellerId>,
    code: String,
    terms: PackTerms,
) -> Result<HttpResponse, CommandError> {
    let publish = PriceListCommand::PublishPack {
        code,
        name: terms.name,
        credits: Credits(terms.credits),
        price: Money {
            amount_minor: terms.price_minor,
            currency: terms.currency,
        },
        valid_from: terms.valid_from,
        valid_until: terms.valid_until,
        at: cause.at,
    };
    let done = prices::change(write, cause, reseller_id, publish).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Publishes a credit pack, or another price of one: in another currency, or for a time.
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
    published(&write, &cause, None, code.into_inner(), command.input).await
}

/// Publishes a price for one reseller, which goes before everybody's.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("code" = String, Path),
    ("Idempotency-Key" = String, Header)), request_body = PackTerms,
    responses((status = 200), (status = 400, body = Problem), (status = 404, body = Problem)))]
#[put("/admin/resellers/{id}/packs/{code}")]
async fn publish_pack_for(
    write: Data<WriteSide>,
    caller: AdminCaller,
    path: Path<(Uuid, String)>,
    command: Command<PackTerms>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let (id, code) = path.into_inner();
    published(&write, &cause, Some(ResellerId(id)), code, command.input).await
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// In this currency alone; in all where left out.
    #[serde(default)]
    currency: Option<String>,
}

async fn retired(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: Option<ResellerId>,
    code: String,
    Retirement { currency }: Retirement,
) -> Result<HttpResponse, CommandError> {
    let retire = PriceListCommand::RetirePack { code, currency };
    let done = prices::change(write, cause, reseller_id, retire).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

/// Takes a credit pack off the list, in one currency or in all.
#[utoipa::path(tag = "admin", params(("code" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = Retirement, responses((status = 200), (status = 404, body = Problem)))]
#[post("/admin/packs/{code}/retire")]
async fn retire_pack(
    write: Data<WriteSide>,
    caller: AdminCaller,
    code: Path<String>,
    command: Command<Retirement>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    retired(&write, &cause, None, code.into_inner(), command.input).await
}

/// Takes a reseller's own price away: everybody's holds again.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("code" = String, Path),
    ("Idempotency-Key" = String, Header)), request_body = Retirement,
    responses((status = 200), (status = 404, body = Problem)))]
#[post("/admin/resellers/{id}/packs/{code}/retire")]
async fn retire_pack_for(
    write: Data<WriteSide>,
    caller: AdminCaller,
    path: Path<(Uuid, String)>,
    command: Command<Retirement>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let (id, code) = path.into_inner();
    retired(&write, &cause, Some(ResellerId(id)), code, command.input).await
}
