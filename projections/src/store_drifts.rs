//! Store drifts: where what events told differs from what the store answered when it was asked.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::store_account::{DriftCause, StoreAccountEvent};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::vault::Vault;
use store::{Position, Recorded};
use uuid::Uuid;

use crate::columns::column;
use crate::page::{Page, PageRequest, parsed};
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per difference.
pub struct StoreDrifts;

/// Place of a difference: its event's, and its number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriftKey {
    pub position: Position,
    pub number: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreDriftRow {
    pub key: DriftKey,
    pub tenant_id: Option<Uuid>,
    pub account_id: Uuid,
    pub cause: DriftCause,
    pub product: String,
    pub transaction: String,
    pub expected: String,
    pub found: String,
    pub repaired: bool,
    pub known_at: DateTime<Utc>,
}

impl StoreDriftRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let position = Position {
            xid: row.try_get("log_xid")?,
            position: row.try_get("log_position")?,
        };
        let number = row.try_get("number")?;
        Ok(Self {
            key: DriftKey { position, number },
            tenant_id: row.try_get("tenant_id")?,
            account_id: row.try_get("account_id")?,
            cause: parsed(row, "cause")?,
            product: row.try_get("product")?,
            transaction: row.try_get("transaction")?,
            expected: row.try_get("expected")?,
            found: row.try_get("found")?,
            repaired: row.try_get("repaired")?,
            known_at: row.try_get("known_at")?,
        })
    }
}

impl Projection for StoreDrifts {
    const NAME: &'static str = "store_drifts";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read(
        "store_drifts",
        &["log_xid", "log_position", "number"],
    )];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::StoreAccount(StoreAccountEvent::StoreDriftFound { found, repaired }) => {
                sqlx::query(
                    "INSERT INTO store_drifts (log_xid, log_position, number, reseller_id, tenant_id, account_id, cause,
                                               product, transaction, expected, found, repaired, known_at)
                     SELECT $1, $2, n.number, n.reseller_id, n.tenant_id, $3, n.cause, n.product, n.transaction,
                            n.expected, n.found, $4, $5
                     FROM unnest($6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
                          WITH ORDINALITY AS n (reseller_id, tenant_id, cause, product, transaction, expected, found,
                                                number)",
                )
                .bind(recorded.position.xid)
                .bind(recorded.position.position)
                .bind(stream_id(recorded)?)
                .bind(repaired)
                .bind(recorded.known_at())
                .bind(column(found, |drift| drift.reseller_id.map(|id| id.0)))
                .bind(column(found, |drift| drift.tenant_id.map(|id| id.0)))
                .bind(column(found, |drift| drift.cause.as_ref().to_owned()))
                .bind(column(found, |drift| drift.product.as_str()))
                .bind(column(found, |drift| drift.transaction.as_str()))
                .bind(column(found, |drift| drift.expected.as_str()))
                .bind(column(found, |drift| drift.found.as_str()))
                .execute(connection)
                .await?;
            }
            AnyEvent::StoreAccount(
                StoreAccountEvent::StoreEventTaken { .. }
                | StoreAccountEvent::StoreUserLinked(_)
                | StoreAccountEvent::StoreEventsSettled { .. }
                | StoreAccountEvent::StoreAccessChanged { .. }
                | StoreAccountEvent::StoreTransactionRecorded(_)
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

/// Differences, the last one found first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    request: PageRequest<DriftKey>,
) -> sqlx::Result<Page<StoreDriftRow>> {
    let mut query = QueryBuilder::new("SELECT d.* FROM read.store_drifts d WHERE true");
    within(&mut query, "d", scope);
    if let Some(after) = request.after {
        query.push(" AND (d.log_xid, d.log_position, d.number) < (");
        query.push_bind(after.position.xid).push(", ");
        query.push_bind(after.position.position).push(", ");
        query.push_bind(after.number).push(")");
    }
    query.push(" ORDER BY d.log_xid DESC, d.log_position DESC, d.number DESC LIMIT ");
    query.push(request.fetch());
    let rows = query.build().fetch_all(connection).await?;
    let rows = rows.iter().map(StoreDriftRow::read).collect::<Result<_, _>>()?;
    Ok(Page::new(&request, rows))
}
