//! /api/admin/resellers/{id}/contracts: what the platform and a reseller have agreed on, and the fees of a month.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::commission::{Basis, Rate};
use domain::contract::{
    self, ContractError, ContractKind, ProductShare, RevenueShare, Step, Terms, Wholesale,
};
use domain::ids::ResellerId;
use domain::period::Period;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::unit_of_work::Owner;
use uuid::Uuid;

use crate::WriteSide;
use crate::contracts;
use crate::error::{CommandError, Problem};
use crate::identity::caller::{AdminCaller, FinanceCaller};
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;

pub fn routes(app: &mut ServiceConfig) {
    app.service(agree).service(end).service(charge_fees);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewContract {
    /// From when on; now where left out. The version before it ends here unless it has ended.
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    /// Up to, not including; as long as nothing else is agreed where left out.
    #[serde(default)]
    to: Option<DateTime<Utc>>,
    /// Either this: the platform owes the reseller a share of sales.
    #[serde(default)]
    revenue_share: Option<ShareTerms>,
    /// Or this: the reseller buys, and may owe fees.
    #[serde(default)]
    wholesale: Option<WholesaleTerms>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShareTerms {
    /// `gross`, `net_of_store`, `net_of_tax` or `net`.
    #[schema(value_type = String)]
    basis: Basis,
    /// 0 to 1, as text: "0.20".
    #[schema(value_type = String)]
    rate: Decimal,
    /// Other rates from more sales of a month on, in `currency`.
    #[serde(default)]
    steps: Vec<RateStep>,
    /// Other terms for single products.
    #[serde(default)]
    products: Vec<ProductTerms>,
    /// What of the share goes on to the reseller's parent, 0 to 1.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    parent_share: Option<Decimal>,
    /// What has to be due before it is paid out.
    #[serde(default)]
    payout_minimum_minor: i64,
    /// Of steps and minimum, ISO 4217.
    currency: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateStep {
    from_minor: i64,
    #[schema(value_type = String)]
    rate: Decimal,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProductTerms {
    product: String,
    #[schema(value_type = String)]
    basis: Basis,
    #[schema(value_type = String)]
    rate: Decimal,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WholesaleTerms {
    /// Products that earn no share.
    #[serde(default)]
    products: Vec<String>,
    #[serde(default)]
    monthly_fee_minor: i64,
    /// For each customer that had access in the month.
    #[serde(default)]
    customer_fee_minor: i64,
    /// ISO 4217.
    currency: String,
}

impl ShareTerms {
    fn parsed(self) -> Result<RevenueShare, ContractError> {
        let step = |RateStep { from_minor, rate }| contract::rate(rate).map(|rate| Step { from_minor, rate });
        let named = |named: ProductTerms| {
            contract::rate(named.rate).map(|rate| ProductShare {
                product: named.product,
                basis: named.basis,
                rate,
            })
        };
        Ok(RevenueShare {
            basis: self.basis,
            rate: contract::rate(self.rate)?,
            steps: self.steps.into_iter().map(step).collect::<Result<_, _>>()?,
            products: self.products.into_iter().map(named).collect::<Result<_, _>>()?,
            parent_share: self.parent_share.map_or(Ok(Rate::ZERO), contract::rate)?,
            payout_minimum_minor: self.payout_minimum_minor,
            currency: self.currency,
        })
    }
}

impl NewContract {
    fn terms(share: Option<ShareTerms>, wholesale: Option<WholesaleTerms>) -> Result<Terms, CommandError> {
        match (share, wholesale) {
            (Some(share), None) => {
                let parsed = share.parsed();
                parsed
                    .map(Terms::RevenueShare)
                    .map_err(|refusal| CommandError::refused(&refusal))
            }
            (None, Some(terms)) => Ok(Terms::Wholesale(Wholesale {
                products: terms.products,
                monthly_fee_minor: terms.monthly_fee_minor,
                customer_fee_minor: terms.customer_fee_minor,
                currency: terms.currency,
            })),
            (Some(_), Some(_)) | (None, None) => {
                let detail = "a contract has either revenueShare or wholesale: give exactly one of them";
                Err(Problem::invalid(detail).into())
            }
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgreedContract {
    version: u32,
}

/// Agrees with a reseller on new terms. What was sold before keeps its terms.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = NewContract,
    responses((status = 201, body = AgreedContract), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/contracts")]
async fn agree(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<NewContract>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let NewContract {
        from,
        to,
        revenue_share,
        wholesale,
    } = command.input;
    let terms = NewContract::terms(revenue_share, wholesale)?;
    let done = contracts::agree(&write, &cause, ResellerId(*id), from, to, terms).await?;
    Ok(answer(StatusCode::CREATED, done, |version| AgreedContract {
        version,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContractEnd {
    /// `revenue_share` or `wholesale`.
    #[schema(value_type = String)]
    kind: ContractKind,
    /// Up to, not including; now where left out.
    #[serde(default)]
    to: Option<DateTime<Utc>>,
}

/// Ends a reseller's last contract of a kind.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = ContractEnd,
    responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/contracts/end")]
async fn end(
    write: Data<WriteSide>,
    caller: AdminCaller,
    id: Path<Uuid>,
    command: Command<ContractEnd>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let ContractEnd { kind, to } = command.input;
    let done = contracts::end(&write, &cause, ResellerId(*id), kind, to).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeesOf {
    /// The month, in UTC, for example 2026-11.
    month: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChargedFees {
    /// Customers that had access in the month.
    customers: u32,
}

/// Charges a month's fees of a wholesale contract. Charging a charged month changes nothing.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = FeesOf,
    responses((status = 201, body = ChargedFees), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/fees")]
async fn charge_fees(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    id: Path<Uuid>,
    command: Command<FeesOf>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let month: Period = command
        .input
        .month
        .parse()
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "INVALID_PERIOD", format!("{error}")))?;
    let done = contracts::charge_fees(&write, &cause, ResellerId(*id), month).await?;
    Ok(answer(StatusCode::CREATED, done, |charged| ChargedFees {
        customers: charged.customers,
    }))
}
