//! /api/admin: what the products of stores mean, whose an id of a store is, and which events are taken again.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use domain::ids::TenantId;
use domain::store_catalogue::{Mapping, StoreCatalogueCommand};
use domain::tier::Tier;
use serde::{Deserialize, Serialize};
use store::unit_of_work::Owner;
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::AdminCaller;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::Empty;
use crate::store_events::catalogue;
use crate::store_events::inbox::Which;

pub fn routes(app: &mut ServiceConfig) {
    app.service(map_product)
        .service(retire_product)
        .service(link_user)
        .service(retry);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProductMapping {
    /// As the store calls it; of `subscription:baseplan` the first part stands for all base plans.
    product: String,
    /// `basic`, `premium` or `enterprise`.
    #[schema(value_type = String)]
    tier: Tier,
    /// How long it gives the tier where the store names no end.
    #[serde(default)]
    days: Option<u32>,
}

/// Says which tier a product of a store gives, to purchases from now on; the first time, to earlier ones too.
#[utoipa::path(tag = "admin", params(("Idempotency-Key" = String, Header)), request_body = ProductMapping,
    responses((status = 200), (status = 400, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/store-products")]
async fn map_product(
    write: Data<WriteSide>,
    caller: AdminCaller,
    command: Command<ProductMapping>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let ProductMapping { product, tier, days } = command.input;
    let command = StoreCatalogueCommand::Map {
        product,
        mapping: Mapping { tier, days },
        at: cause.at,
    };
    let done = catalogue::change(&write, &cause, command).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetiredProduct {
    product: String,
}

/// Retires a product: purchases from now on give nothing, earlier ones keep what they gave.
#[utoipa::path(tag = "admin", params(("Idempotency-Key" = String, Header)), request_body = RetiredProduct,
    responses((status = 200), (status = 404, body = Problem)))]
#[post("/admin/store-products/retire")]
async fn retire_product(
    write: Data<WriteSide>,
    caller: AdminCaller,
    command: Command<RetiredProduct>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let retire = StoreCatalogueCommand::Retire {
        product: command.input.product,
        at: cause.at,
    };
    let done = catalogue::change(&write, &cause, retire).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreUserLink {
    /// The customer's id in the store, or one of its aliases.
    app_user_id: String,
    customer_id: Uuid,
    /// Whether it is an id of the test environment.
    #[serde(default)]
    sandbox: bool,
}

/// Says which customer an id of a store is. What waited for it takes effect at once.
#[utoipa::path(tag = "admin", params(("Idempotency-Key" = String, Header)), request_body = StoreUserLink,
    responses((status = 200), (status = 404, body = Problem)))]
#[post("/admin/store-users/link")]
async fn link_user(
    write: Data<WriteSide>,
    caller: AdminCaller,
    command: Command<StoreUserLink>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let StoreUserLink {
        app_user_id,
        customer_id,
        sandbox,
    } = command.input;
    let done = catalogue::link(&write, &cause, app_user_id.trim(), sandbox, TenantId(customer_id)).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct Replayed {
    /// How many events are taken again.
    events: u64,
}

/// Has an event of a store taken again. What it has done is not done again.
#[utoipa::path(tag = "admin", params(("event" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 202, body = Replayed), (status = 404, body = Problem)))]
#[post("/admin/store-events/{event}/retry")]
async fn retry(
    write: Data<WriteSide>,
    _caller: AdminCaller,
    event: Path<String>,
    _command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let events = catalogue::replay(&write, &Which::Event(event.into_inner())).await?;
    Ok(HttpResponse::Accepted().json(Replayed { events }))
}
