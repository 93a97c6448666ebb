//! Invoices and credit notes, for the platform and for whom they were issued to.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::invoice::{Business, Item};
use platform::Audience;
use projections::Projection;
use projections::invoices::{self, InvoiceBook, InvoiceRow};
use projections::page::Page;
use rust_decimal::Decimal;

use super::commissions::NOT_FOR_CUSTOMERS;
use super::page::{connection, cost, request};
use super::scalars::{Int64, id, int, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::invoice::DocumentKind")]
pub(super) enum InvoiceKind {
    Invoice,
    CreditNote,
}

#[derive(SimpleObject)]
pub(super) struct InvoiceParty {
    name: String,
    address: String,
    tax_id: String,
}

impl From<Business> for InvoiceParty {
    fn from(business: Business) -> Self {
        Self {
            name: business.name,
            address: business.address,
            tax_id: business.tax_id,
        }
    }
}

#[derive(SimpleObject)]
pub(super) struct InvoiceItem {
    text: String,
    at: DateTime<Utc>,
    net_minor: Int64,
}

impl From<Item> for InvoiceItem {
    fn from(item: Item) -> Self {
        Self {
            text: item.text,
            at: item.at,
            net_minor: Int64(item.net_minor),
        }
    }
}

/// An invoice or a credit note, frozen. Amounts are minor units; of a credit note they are negative.
#[derive(SimpleObject)]
pub(super) struct Invoice {
    id: ID,
    reseller_id: ID,
    kind: InvoiceKind,
    /// Counted per reseller, without a gap, invoices and credit notes together.
    number: i32,
    /// What it is called in print.
    reference: String,
    /// Number of the invoice that a credit note takes back.
    credits: Option<i32>,
    reason: Option<String>,
    issued_at: DateTime<Utc>,
    seller: InvoiceParty,
    buyer: InvoiceParty,
    currency: String,
    items: Vec<InvoiceItem>,
    net_minor: Int64,
    tax_rate: Decimal,
    tax_minor: Int64,
    total_minor: Int64,
    /// SHA-256 of the canonical JSON.
    digest: String,
    paid_at: Option<DateTime<Utc>>,
    paid_reference: Option<String>,
    /// Number of the credit note that took it back.
    credited_by: Option<i32>,
    /// Where it is downloaded: with `.json` or `.html`.
    download_path: String,
}

impl From<InvoiceRow> for Invoice {
    fn from(row: InvoiceRow) -> Self {
        let document = row.document;
        Self {
            id: id(document.invoice_id),
            reseller_id: id(document.reseller_id.0),
            kind: document.kind.into(),
            number: int(document.number),
            reference: document.reference(),
            credits: document.credits.map(int),
            reason: document.reason,
            issued_at: document.issued_at,
            seller: document.seller.into(),
            buyer: document.buyer.into(),
            currency: document.currency,
            items: document.items.into_iter().map(Into::into).collect(),
            net_minor: Int64(document.net_minor),
            tax_rate: document.tax_rate.decimal(),
            tax_minor: Int64(document.tax_minor),
            total_minor: Int64(document.total_minor),
            digest: row.digest,
            paid_at: row.paid_at,
            paid_reference: row.paid_reference,
            credited_by: row.credited_by.map(int),
            download_path: format!("/downloads/invoices/{}/invoice", document.invoice_id),
        }
    }
}

connection!(InvoiceConnection, InvoiceEdge, Invoice);

#[derive(Default)]
pub(super) struct InvoicesQuery;

#[Object]
impl InvoicesQuery {
    /// Invoices and credit notes, the newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn invoices(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        reseller_id: Option<ID>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<InvoiceConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let request = request(first, after.as_deref())?;
        let mut connection = session
            .read(&[InvoiceBook::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let page = match reseller_id.as_ref().map(parsed_id) {
            // No reseller has an id of that form.
            Some(None) => Page {
                rows: Vec::new(),
                has_next: false,
            },
            Some(known) => invoices::page(read, scope, known, request).await?,
            None => invoices::page(read, scope, None, request).await?,
        };
        Ok(InvoiceConnection::new(
            page,
            after.is_some(),
            InvoiceRow::key,
            Into::into,
        ))
    }
}
