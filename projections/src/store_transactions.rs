//! Store transactions: the money that stores said has moved.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::store_account::{StoreAccountEvent, StoreSaleKind};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::vault::Vault;
use store::{Position, Recorded};
use uuid::Uuid;

use crate::page::{Page, PageRequest, last_recorded_first, parsed};
use crate::projection::{Projection, ProjectionError, Table};
use crate::scope::within;

/// One row per sale, refund and reversal of a refund.
pub struct StoreTransactions;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreTransactionRow {
    pub sale_id: Uuid,
    pub tenant_id: Uuid,
    pub event_id: String,
    pub kind: StoreSaleKind,
    pub store: String,
    pub product: String,
    pub transaction: String,
    pub currency: String,
    pub gross_minor: i64,
    pub tax_minor: i64,
    pub store_cut_minor: i64,
    pub sold_at: DateTime<Utc>,
    pub reverses: Option<Uuid>,
    pub position: Position,
}

impl StoreTransactionRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            sale_id: row.try_get("sale_id")?,
            tenant_id: row.try_get("tenant_id")?,
            event_id: row.try_get("event_id")?,
            kind: parsed(row, "kind")?,
            store: row.try_get("store")?,
            product: row.try_get("product")?,
            transaction: row.try_get("transaction")?,
            currency: row.try_get("currency")?,
            gross_minor: row.try_get("gross_minor")?,
            tax_minor: row.try_get("tax_minor")?,
            store_cut_minor: row.try_get("store_cut_minor")?,
            sold_at: row.try_get("sold_at")?,
            reverses: row.try_get("reverses")?,
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
        })
    }
}

impl Projection for StoreTransactions {
    const NAME: &'static str = "store_transactions";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("store_transactions", &["sale_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::StoreAccount(StoreAccountEvent::StoreTransactionRecorded(sale)) => {
                sqlx::query(
                    "INSERT INTO store_transactions (sale_id, reseller_id, tenant_id, event_id, kind, store, product,
                                                     transaction, currency, gross_minor, tax_minor, store_cut_minor,
                                                     sold_at, reverses, log_xid, log_position)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
                )
                .bind(sale.sale_id.0)
                .bind(sale.reseller_id.0)
                .bind(sale.tenant_id.0)
                .bind(&sale.event_id)
                .bind(sale.kind.as_ref())
                .bind(&sale.store)
                .bind(&sale.product)
                .bind(&sale.transaction)
                .bind(&sale.charge.gross.currency)
                .bind(sale.charge.gross.amount_minor)
                .bind(sale.charge.tax_minor)
                .bind(sale.charge.store_cut_minor)
                .bind(sale.sold_at)
                .bind(sale.reverses.map(|sale_id| sale_id.0))
                .bind(recorded.position.xid)
                .bind(recorded.position.position)
                .execute(connection)
                .await?;
            }
            AnyEvent::StoreAccount(
                StoreAccountEvent::StoreEventTaken { .. }
                | StoreAccountEvent::StoreUserLinked(_)
                | StoreAccountEvent::StoreEventsSettled { .. }
                | StoreAccountEvent::StoreAccessChanged { .. }
                | StoreAccountEvent::StoreDriftFound { .. }
                | StoreAccountEvent::StoreAccountsMerged { .. }
                | StoreAccountEvent::StoreAccountClosed { .. },
            )
            | AnyEvent::Reseller(_)
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
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_)
            | AnyEvent::TierList(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_)
            | AnyEvent::StoreCatalogue(_) => {}
        }
        Ok(())
    }
}

/// Transactions, the last one recorded first; of one customer where one is given.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    tenant_id: Option<Uuid>,
    request: PageRequest<Position>,
) -> sqlx::Result<Page<StoreTransactionRow>> {
    let mut query = QueryBuilder::new("SELECT t.* FROM read.store_transactions t WHERE true");
    within(&mut query, "t", scope);
    if let Some(tenant_id) = tenant_id {
        query.push(" AND t.tenant_id = ").push_bind(tenant_id);
    }
    last_recorded_first(&mut query, "t", &request);
    let rows = query.build().fetch_all(connection).await?;
    let rows = rows
        .iter()
        .map(StoreTransactionRow::read)
        .collect::<Result<_, _>>()?;
    Ok(Page::new(&request, rows))
}
