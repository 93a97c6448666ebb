//! /api/admin/resellers/{id}/invoices: what resellers are charged.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post};
use domain::contract;
use domain::ids::ResellerId;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::unit_of_work::Owner;
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::FinanceCaller;
use crate::invoices::{self, Issued, NewInvoice};
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::Reason;

pub fn routes(app: &mut ServiceConfig) {
    app.service(issue).service(credit).service(record_payment);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvoiceWanted {
    /// ISO 4217; what was bought in other currencies stands on invoices of its own.
    currency: String,
    /// The reseller's, as it stands on the invoice; lines are ended by a line feed.
    #[serde(default)]
    address: String,
    #[serde(default)]
    tax_id: String,
    /// 0 to 1, as text; as the settings say where left out.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tax_rate: Option<Decimal>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuedDocument {
    invoice_id: Uuid,
    /// Counted per reseller, without a gap, invoices and credit notes together.
    number: u32,
}

impl From<Issued> for IssuedDocument {
    fn from(issued: Issued) -> Self {
        Self {
            invoice_id: issued.invoice_id,
            number: issued.number,
        }
    }
}

/// Invoices every pack and fee that stands on no invoice yet.
#[utoipa::path(tag = "admin", params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    request_body = InvoiceWanted,
    responses((status = 201, body = IssuedDocument), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/invoices")]
async fn issue(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    id: Path<Uuid>,
    command: Command<InvoiceWanted>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let input = command.input;
    let tax_rate = input.tax_rate.map(contract::rate).transpose();
    let new = NewInvoice {
        currency: input.currency,
        address: input.address,
        tax_id: input.tax_id,
        tax_rate: tax_rate.map_err(|refusal| CommandError::refused(&refusal))?,
    };
    let done = invoices::issue(&write, &cause, ResellerId(*id), &new).await?;
    Ok(answer(StatusCode::CREATED, done, IssuedDocument::from))
}

/// Takes the whole of an invoice back with a credit note.
#[utoipa::path(tag = "admin",
    params(("id" = Uuid, Path), ("number" = u32, Path), ("Idempotency-Key" = String, Header)), request_body = Reason,
    responses((status = 201, body = IssuedDocument), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/invoices/{number}/credit")]
async fn credit(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    path: Path<(Uuid, u32)>,
    command: Command<Reason>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let (id, number) = path.into_inner();
    let done = invoices::credit(&write, &cause, ResellerId(id), number, &command.input.reason).await?;
    Ok(answer(StatusCode::CREATED, done, IssuedDocument::from))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// That of the bank transfer, for example; 1 to 120 characters.
    reference: String,
}

/// Records that an invoice was paid.
#[utoipa::path(tag = "admin",
    params(("id" = Uuid, Path), ("number" = u32, Path), ("Idempotency-Key" = String, Header)), request_body = Receipt,
    responses((status = 200), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/admin/resellers/{id}/invoices/{number}/payment")]
async fn record_payment(
    write: Data<WriteSide>,
    caller: FinanceCaller,
    path: Path<(Uuid, u32)>,
    command: Command<Receipt>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let (id, number) = path.into_inner();
    let reference = &command.input.reference;
    let done = invoices::record_payment(&write, &cause, ResellerId(id), number, reference).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}
