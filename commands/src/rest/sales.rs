//! /api/admin/sales: sales that no store tells of, and what comes back of them.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::commission::CommissionLine;
use domain::credits::Money;
use domain::ids::{ResellerId, SaleId, TenantId};
use domain::sale::{SaleError, SaleKind};
use serde::{Deserialize, Serialize};
use store::unit_of_work::Owner;
use uuid::Uuid;

use crate::WriteSide;
use crate::commissions::{self, NewSale, Recorded};
use crate::error::{CommandError, Problem};
use crate::happened;
use crate::identity::caller::FinanceCaller;
use crate::rest::answer::answer;
use crate::rest::request::Command;

pub fn routes(app: &mut ServiceConfig) {
    app.service(sell)
        .service(refund)
        .service(charge_back)
        .service(reverse_refund);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaleByHand {
    /// The reseller whose customer bought.
    reseller_id: Uuid,
    /// The customer, where it is one of ours.
    #[serde(default)]
    tenant_id: Option<Uuid>,
    product: String,
    /// What the customer paid, tax and the store's cut included.
    gross_minor: i64,
    /// ISO 4217.
    currency: String,
    #[serde(default)]
    tax_minor: i64,
    #[serde(default)]
    store_cut_minor: i64,
    /// When it was sold, where that is earlier than now; not before the credit account was opened.
    #[serde(default)]
    happened_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountedSale {
    sale_id: Uuid,
    /// What stands of the gross amount.
    kept_minor: i64,
    currency: String,
    /// What the sale earned, as it was when it was made; none where no contract covers it.
    lines: Vec<EarnedLine>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarnedLine {
    reseller_id: Uuid,
    contract_version: u32,
    /// `gross`, `net_of_store`, `net_of_tax`, `net`, or `commission` for a parent's share.
    basis: String,
    basis_minor: i64,
    /// 0 to 1, as text.
    rate: String,
    amount_minor: i64,
}

impl From<CommissionLine> for EarnedLine {
    fn from(line: CommissionLine) -> Self {
        Self {
            reseller_id: line.reseller_id.0,
            contract_version: line.contract_version,
            basis: line.basis.as_ref().to_owned(),
            basis_minor: line.figures.basis_minor,
            rate: line.rate.to_string(),
            amount_minor: line.figures.amount_minor,
        }
    }
}

impl From<Recorded> for AccountedSale {
    fn from(recorded: Recorded) -> Self {
        Self {
            sale_id: recorded.sale_id,
            kept_minor: recorded.kept_minor,
            currency: recorded.currency,
            lines: recorded.lines.into_iter().map(Into::into).collect(),
        }
    }
}

/// Records a sale that no store tells of, with the commission that it earns.
#[utoipa::path(tag = "admin", params(("Idempotency-Key" = String, Header)), request_body = SaleByHand,
    responses((status = 201, body = AccountedSale), (status = 400, body = Problem), (status = 404, body = Problem)))]
#[post("/admin/sales")]
async fn sell(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    command: Command<SaleByHand>,
) -> Result<HttpResponse, CommandError> {
    let reseller_id = ResellerId(command.input.reseller_id);
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let input = command.input;
    let cause = happened::at(&write, cause, reseller_id, input.happened_at).await?;
    let sale = NewSale {
        reseller_id,
        tenant_id: input.tenant_id.map(TenantId),
        product: input.product,
        gross: Money {
            amount_minor: input.gross_minor,
            currency: input.currency,
        },
        tax_minor: input.tax_minor,
        store_cut_minor: input.store_cut_minor,
    };
    let done = commissions::sell(&write, &cause, sale).await?;
    Ok(answer(StatusCode::CREATED, done, AccountedSale::from))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComesBack {
    /// Part of the gross amount; all that can come back where left out.
    #[serde(default)]
    amount_minor: Option<i64>,
    /// When it happened, where that is earlier than now; not before the sale.
    #[serde(default)]
    happened_at: Option<DateTime<Utc>>,
}

/// Refunds a sale, in whole or in part: its commission is taken back at the rates of its own lines.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = ComesBack,
    responses((status = 201, body = AccountedSale), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/sales/{id}/refunds")]
async fn refund(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    id: Path<Uuid>,
    command: Command<ComesBack>,
) -> Result<HttpResponse, CommandError> {
    comes_back(&write, caller, SaleId(*id), command, SaleKind::Refund).await
}

/// Records that the customer's bank took a sale back, in whole or in part.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = ComesBack,
    responses((status = 201, body = AccountedSale), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/sales/{id}/chargebacks")]
async fn charge_back(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    id: Path<Uuid>,
    command: Command<ComesBack>,
) -> Result<HttpResponse, CommandError> {
    comes_back(&write, caller, SaleId(*id), command, SaleKind::Chargeback).await
}

/// Takes a refund or chargeback back, in whole or in part: the commission is earned again.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = ComesBack,
    responses((status = 201, body = AccountedSale), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/sales/{id}/refund-reversals")]
async fn reverse_refund(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    id: Path<Uuid>,
    command: Command<ComesBack>,
) -> Result<HttpResponse, CommandError> {
    comes_back(&write, caller, SaleId(*id), command, SaleKind::RefundReversed).await
}

async fn comes_back(
    write: &WriteSide,
    caller: FinanceCaller,
    sale_id: SaleId,
    command: Command<ComesBack>,
    kind: SaleKind,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let ComesBack {
        amount_minor,
        happened_at,
    } = command.input;
    let reseller_id = commissions::reseller_of(write, sale_id)
        .await?
        .ok_or_else(|| CommandError::refused(&SaleError::SaleNotFound))?;
    let cause = happened::at(write, cause, reseller_id, happened_at).await?;
    let done = commissions::reverse(write, &cause, sale_id, kind, amount_minor).await?;
    Ok(answer(StatusCode::CREATED, done, AccountedSale::from))
}
