//! Invoices and credit notes.
//!
//! Figures for finance: folding stops at an event that cannot be read.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::invoice::{Document, InvoiceEvent};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::page::{NewestKey, Page, PageRequest, newest_first};
use crate::projection::{OnBadEvent, Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per document.
pub struct InvoiceBook;

/// An invoice or a credit note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceRow {
    pub document: Document,
    /// SHA-256 of its canonical JSON.
    pub digest: String,
    /// Reference of the payment.
    pub paid_reference: Option<String>,
    pub paid_at: Option<DateTime<Utc>>,
    /// Number of the credit note that took it back.
    pub credited_by: Option<i64>,
}

impl InvoiceRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.document.issued_at,
            id: self.document.invoice_id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let Json(document) = row.try_get("document")?;
        Ok(Self {
            document,
            digest: row.try_get("digest")?,
            paid_reference: row.try_get("paid_reference")?,
            paid_at: row.try_get("paid_at")?,
            credited_by: row.try_get("credited_by")?,
        })
    }
}

impl Projection for InvoiceBook {
    const NAME: &'static str = "invoices";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("invoices", &["invoice_id"])];
    const ON_BAD_EVENT: OnBadEvent = OnBadEvent::Stop;

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::Invoices(InvoiceEvent::InvoiceIssued { document, .. }) => {
                insert(connection, document).await?;
            }
            AnyEvent::Invoices(InvoiceEvent::CreditNoteIssued { document }) => {
                insert(connection, document).await?;
                sqlx::query("UPDATE invoices SET credited_by = $3 WHERE reseller_id = $1 AND number = $2")
                    .bind(document.reseller_id.0)
                    .bind(document.credits.map(i64::from))
                    .bind(i64::from(document.number))
                    .execute(connection)
                    .await?;
            }
            AnyEvent::Invoices(InvoiceEvent::InvoicePaid {
                number, reference, ..
            }) => {
                sqlx::query(
                    "UPDATE invoices SET paid_reference = $3, paid_at = $4 WHERE reseller_id = $1 AND number = $2",
                )
                .bind(stream_id(recorded)?)
                .bind(i64::from(*number))
                .bind(reference)
                .bind(recorded.metadata.at)
                .execute(connection)
                .await?;
            }
            AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Tenant(_)
            | AnyEvent::User(_)
            | AnyEvent::Subscription(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Usage(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_)
            | AnyEvent::RecordedSale(_)
            | AnyEvent::Contracts(_)
            | AnyEvent::StoreAccount(_)
            | AnyEvent::StoreCatalogue(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_)
            | AnyEvent::TierList(_)
            | AnyEvent::Payouts(_) => {}
        }
        Ok(())
    }
}

async fn insert(connection: &mut PgConnection, document: &Document) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO invoices (invoice_id, reseller_id, number, currency, total_minor, document, digest, issued_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(document.invoice_id)
    .bind(document.reseller_id.0)
    .bind(i64::from(document.number))
    .bind(&document.currency)
    .bind(document.total_minor)
    .bind(Json(document))
    .bind(document.digest())
    .bind(document.issued_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Documents of one reseller or of all in the scope, the newest first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Option<Uuid>,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<InvoiceRow>> {
    let mut query = QueryBuilder::new("SELECT i.* FROM read.invoices i WHERE true");
    within(&mut query, "i", scope);
    if let Some(reseller_id) = reseller_id {
        query.push(" AND i.reseller_id = ").push_bind(reseller_id);
    }
    newest_first(&mut query, "i.issued_at", "i.invoice_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(InvoiceRow::read).collect::<Result<_, _>>()?,
    ))
}

/// The document, if it is within the scope.
///
/// # Errors
/// The database fails.
pub async fn by_id(
    connection: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> sqlx::Result<Option<InvoiceRow>> {
    let mut query = QueryBuilder::new("SELECT i.* FROM read.invoices i WHERE i.invoice_id = ");
    query.push_bind(id);
    within(&mut query, "i", scope);
    let row = query.build().fetch_optional(connection).await?;
    row.as_ref().map(InvoiceRow::read).transpose()
}
