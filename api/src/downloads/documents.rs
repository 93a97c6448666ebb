//! Documents for resellers: `GET /downloads/statements/{id}/statement.{json|html|csv}` and
//! `GET /downloads/invoices/{id}/invoice.{json|html}`; and, for the platform, what a run pays whom:
//! `GET /downloads/payouts/{run}/payments.csv`.
//!
//! Each document is made again from its rows and compared with the digest that was frozen with it: what differs is not handed
//! out.

use std::{io, iter};

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, get};
use domain::payout::{Statement, page};
use projections::Projection;
use projections::commissions::Commissions;
use projections::invoices::{self, InvoiceBook};
use projections::payouts::PayoutRuns;
use projections::payouts::statements::{self, StatementRow};
use uuid::Uuid;

use super::{fresh, not_found, session, unread};
use crate::ReadSide;
use crate::problem::Problem;
use crate::session::{Fresh, Session};
use crate::table;

const NO_INVOICE: &str = "there is no such invoice";
const NO_PAYMENTS: &str = "there is no such payout run, or it pays nothing";
const NO_STATEMENT: &str = "there is no such statement";
/// A page with a style of its own and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

pub(super) fn routes(app: &mut ServiceConfig) {
    app.service(statement).service(payments).service(invoice);
}

#[get("/downloads/statements/{id}/statement.{format}")]
async fn statement(
    request: HttpRequest,
    path: Path<(String, String)>,
    read: Data<ReadSide>,
) -> Result<HttpResponse, Problem> {
    let session = match session(&request, &read, ("statements", NO_STATEMENT)).await {
        Ok(session) => session,
        Err(refused) => return Ok(*refused),
    };
    let (id, format) = path.into_inner();
    let id: Uuid = id.parse().map_err(|_| not_found(NO_STATEMENT))?;
    let row = find_statement(&session, id, fresh(&request)).await?;
    let document = made_again(&session, &row).await?;
    let head = document.head();
    if head.digest != row.digest || head.html_digest != row.html_digest {
        return Err(differs(id));
    }
    let (kind, body) = match format.as_str() {
        "json" => ("application/json", document.canonical().into()),
        "html" => ("text/html; charset=utf-8", page(&document).into()),
        "csv" => {
            let text = csv(&document).map_err(|error| Problem::internal(&error))?;
            ("text/csv; charset=utf-8", text)
        }
        _ => {
            return Err(not_found(
                "a statement comes as statement.json, .html or .csv: choose one of these",
            ));
        }
    };
    let name = format!("statement-{}-{}.{format}", row.currency, row.run_number);
    Ok(file(kind, &name, body))
}

async fn find_statement(session: &Session, id: Uuid, fresh: Fresh<'_>) -> Result<StatementRow, Problem> {
    let read = session.read(&[PayoutRuns::NAME], fresh).await;
    let mut connection = read.map_err(|error| unread(error, NO_STATEMENT))?;
    let (connection, scope) = connection.parts();
    let found = statements::by_id(connection, scope, id).await;
    found
        .map_err(|error| Problem::internal(&error))?
        .ok_or_else(|| not_found(NO_STATEMENT))
}

/// What a run pays whom, one reseller per row: what the bank is given.
#[get("/downloads/payouts/{id}/payments.csv")]
async fn payments(
    request: HttpRequest,
    id: Path<String>,
    read: Data<ReadSide>,
) -> Result<HttpResponse, Problem> {
    let session = match session(&request, &read, ("payoutRuns", NO_PAYMENTS)).await {
        Ok(session) => session,
        Err(refused) => return Ok(*refused),
    };
    let id: Uuid = id.parse().map_err(|_| not_found(NO_PAYMENTS))?;
    let read = session.read(&[PayoutRuns::NAME], fresh(&request)).await;
    let mut connection = read.map_err(|error| unread(error, NO_PAYMENTS))?;
    let (connection, scope) = connection.parts();
    let found = statements::payments(connection, scope, id).await;
    let rows = found.map_err(|error| Problem::internal(&error))?;
    let first = rows.first().ok_or_else(|| not_found(NO_PAYMENTS))?;
    let name = format!("payments-{}-{}.csv", first.currency, first.run_number);
    let text = payments_csv(&rows).map_err(|error| Problem::internal(&error))?;
    Ok(file("text/csv; charset=utf-8", &name, text))
}

/// From its lines, once all of them are there: the commissions may be behind the payout runs.
async fn made_again(session: &Session, row: &StatementRow) -> Result<Statement, Problem> {
    let position = row.position.to_string();
    let fresh = Fresh {
        min_position: Some(&position),
        wait_for: None,
    };
    let read = session.read(&[Commissions::NAME, PayoutRuns::NAME], fresh).await;
    let mut connection = read.map_err(|error| unread(error, NO_STATEMENT))?;
    let (connection, scope) = connection.parts();
    let document = statements::document(connection, scope, row).await;
    document.map_err(|error| Problem::internal(&error))
}

#[get("/downloads/invoices/{id}/invoice.{format}")]
async fn invoice(
    request: HttpRequest,
    path: Path<(String, String)>,
    read: Data<ReadSide>,
) -> Result<HttpResponse, Problem> {
    let session = match session(&request, &read, ("invoices", NO_INVOICE)).await {
        Ok(session) => session,
        Err(refused) => return Ok(*refused),
    };
    let (id, format) = path.into_inner();
    let id: Uuid = id.parse().map_err(|_| not_found(NO_INVOICE))?;
    let read = session.read(&[InvoiceBook::NAME], fresh(&request)).await;
    let mut connection = read.map_err(|error| unread(error, NO_INVOICE))?;
    let (connection, scope) = connection.parts();
    let found = invoices::by_id(connection, scope, id).await;
    let row = found
        .map_err(|error| Problem::internal(&error))?
        .ok_or_else(|| not_found(NO_INVOICE))?;
    let document = row.document;
    if document.digest() != row.digest {
        return Err(differs(id));
    }
    let (kind, body) = match format.as_str() {
        "json" => ("application/json", document.canonical().into()),
        "html" => ("text/html; charset=utf-8", document.page().into()),
        _ => {
            return Err(not_found(
                "an invoice comes as invoice.json or .html: choose one of these",
            ));
        }
    };
    Ok(file(kind, &format!("{}.{format}", document.reference()), body))
}

fn file(kind: &str, name: &str, body: Vec<u8>) -> HttpResponse {
    // A page is looked at and printed; the rest is stored.
    let disposition = if kind.starts_with("text/html") {
        "inline"
    } else {
        "attachment"
    };
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header(("Content-Security-Policy", POLICY))
        .insert_header((CONTENT_DISPOSITION, format!("{disposition}; filename=\"{name}\"")))
        .body(body)
}

fn differs(id: Uuid) -> Problem {
    tracing::error!(%id, "a document made again differs from the one that was frozen: run `stentor audit verify`");
    let detail = "the document differs from the one that was frozen and is not handed out: tell the platform";
    Problem::new(StatusCode::CONFLICT, "DOCUMENT_DIFFERS", detail)
}

/// The lines, one per row.
fn csv(document: &Statement) -> io::Result<Vec<u8>> {
    let titles = [
        "line",
        "date",
        "sold",
        "kind",
        "product",
        "contract",
        "basis",
        "basis_minor",
        "rate",
        "amount_minor",
        "currency",
    ];
    let lines = document.lines.iter().map(|line| {
        [
            line.line.clone(),
            line.at.to_rfc3339(),
            line.sold_at.to_rfc3339(),
            line.kind.as_ref().to_owned(),
            table::harmless(&line.product),
            line.contract_version.to_string(),
            line.basis.as_ref().to_owned(),
            line.basis_minor.to_string(),
            line.rate.to_string(),
            line.amount_minor.to_string(),
            document.currency.clone(),
        ]
    });
    table::csv(iter::once(titles.map(str::to_owned)).chain(lines))
}

/// One reseller per row.
fn payments_csv(rows: &[StatementRow]) -> io::Result<Vec<u8>> {
    let titles = ["reseller_id", "reseller", "amount_minor", "currency", "reference"];
    let paid = rows.iter().map(|row| {
        [
            row.reseller_id.to_string(),
            table::harmless(&row.reseller_name),
            row.payout_minor.to_string(),
            row.currency.clone(),
            format!("{}-{}", row.currency, row.run_number),
        ]
    });
    table::csv(iter::once(titles.map(str::to_owned)).chain(paid))
}
