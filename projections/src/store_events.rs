//! Store events: what stores said of customers, and what waits for somebody.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::store_account::{Hold, Settled, StoreAccountEvent, StoreFact};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::vault::Vault;
use store::{Position, Recorded};
use uuid::Uuid;

use crate::columns::column;
use crate::page::{Page, PageRequest, last_recorded_first, parsed_or_null};
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per event.
pub struct StoreEvents;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreEventRow {
    pub event_id: String,
    pub account_id: Uuid,
    pub tenant_id: Option<Uuid>,
    pub event_type: String,
    pub store: String,
    pub product: Option<String>,
    pub transaction: Option<String>,
    pub sandbox: bool,
    pub at: DateTime<Utc>,
    pub known_at: DateTime<Utc>,
    /// Why it waits; `None` where it does not.
    pub hold: Option<Hold>,
    pub position: Position,
}

impl StoreEventRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            event_id: row.try_get("event_id")?,
            account_id: row.try_get("account_id")?,
            tenant_id: row.try_get("tenant_id")?,
            event_type: row.try_get("event_type")?,
            store: row.try_get("store")?,
            product: row.try_get("product")?,
            transaction: row.try_get("transaction")?,
            sandbox: row.try_get("sandbox")?,
            at: row.try_get("at")?,
            known_at: row.try_get("known_at")?,
            hold: parsed_or_null(row, "hold")?,
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
        })
    }
}

impl Projection for StoreEvents {
    const NAME: &'static str = "store_events";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("store_events", &["event_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::StoreAccount(StoreAccountEvent::StoreEventTaken { fact }) => {
                taken(connection, recorded, stream_id(recorded)?, fact).await?;
            }
            AnyEvent::StoreAccount(StoreAccountEvent::StoreEventsSettled { changes }) => {
                settled(connection, changes).await?;
            }
            AnyEvent::StoreAccount(StoreAccountEvent::StoreAccountsMerged { from, .. }) => {
                sqlx::query("UPDATE store_events SET account_id = $1 WHERE account_id = ANY($2)")
                    .bind(stream_id(recorded)?)
                    .bind(column(from, |account| account.0))
                    .execute(connection)
                    .await?;
            }
            AnyEvent::StoreAccount(
                StoreAccountEvent::StoreUserLinked(_)
                | StoreAccountEvent::StoreAccessChanged { .. }
                | StoreAccountEvent::StoreTransactionRecorded(_)
                | StoreAccountEvent::StoreDriftFound { .. }
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

/// An event that was not understood at first is taken a second time.
async fn taken(
    connection: &mut PgConnection,
    recorded: &Recorded,
    account_id: Uuid,
    fact: &StoreFact,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO store_events (event_id, account_id, event_type, store, product, transaction, sandbox, at, known_at,
                                   log_xid, log_position)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (event_id) DO UPDATE
         SET account_id = excluded.account_id, event_type = excluded.event_type, store = excluded.store,
             product = excluded.product, transaction = excluded.transaction, at = excluded.at",
    )
    .bind(&fact.event_id)
    .bind(account_id)
    .bind(&fact.event_type)
    .bind(&fact.store)
    .bind(&fact.bought.product)
    .bind(&fact.bought.transaction)
    .bind(fact.sandbox)
    .bind(fact.at)
    .bind(recorded.known_at())
    .bind(recorded.position.xid)
    .bind(recorded.position.position)
    .execute(connection)
    .await?;
    Ok(())
}

async fn settled(connection: &mut PgConnection, changes: &[Settled]) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE store_events e SET tenant_id = n.tenant_id, reseller_id = n.reseller_id, hold = n.hold
         FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[]) AS n (event_id, tenant_id, reseller_id, hold)
         WHERE e.event_id = n.event_id",
    )
    .bind(column(changes, |change| change.event_id.as_str()))
    .bind(column(changes, |change| change.settlement.tenant_id.map(|id| id.0)))
    .bind(column(changes, |change| change.settlement.reseller_id.map(|id| id.0)))
    .bind(column(changes, |change| {
        change.settlement.hold.map(|hold| hold.as_ref().to_owned())
    }))
    .execute(connection)
    .await?;
    Ok(())
}

/// Which events a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreEventFilter {
    /// Those that wait, or those that do not.
    pub waiting: Option<bool>,
    pub tenant_id: Option<Uuid>,
}

/// Events, the last one that was taken first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    filter: StoreEventFilter,
    request: PageRequest<Position>,
) -> sqlx::Result<Page<StoreEventRow>> {
    let mut query = QueryBuilder::new("SELECT e.* FROM read.store_events e WHERE true");
    within(&mut query, "e", scope);
    match filter.waiting {
        None => {}
        Some(true) => {
            query.push(" AND e.hold IS NOT NULL");
        }
        Some(false) => {
            query.push(" AND e.hold IS NULL");
        }
    }
    if let Some(tenant_id) = filter.tenant_id {
        query.push(" AND e.tenant_id = ").push_bind(tenant_id);
    }
    last_recorded_first(&mut query, "e", &request);
    let rows = query.build().fetch_all(connection).await?;
    let rows = rows.iter().map(StoreEventRow::read).collect::<Result<_, _>>()?;
    Ok(Page::new(&request, rows))
}
