//! Grants: the dated rights of a tenant, from which follows what it may do now.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::subscription::SubscriptionEvent;
use domain::tier::Tier;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::columns::column;
use crate::page::parsed;
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per grant.
pub struct Grants;

/// The grant that decides what a tenant may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    pub tier: Tier,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

impl GrantRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            tier: parsed(row, "tier")?,
            starts_at: row.try_get("starts_at")?,
            ends_at: row.try_get("ends_at")?,
        })
    }
}

impl Projection for Grants {
    const NAME: &'static str = "grants";
    const VERSION: i32 = 2;
    const TABLES: &'static [Table] = &[Table::read("grants", &["grant_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        self.project_batch(connection, std::slice::from_ref(recorded), vault)
            .await
    }

    async fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let mut rows = Vec::new();
        for recorded in batch {
            match &recorded.event {
                AnyEvent::Subscription(SubscriptionEvent::AccessGranted {
                    grant_id,
                    tier,
                    source,
                    days,
                    starts_at,
                    ends_at,
                }) => rows.push(NewRow {
                    grant_id: grant_id.0,
                    reseller_id: recorded.metadata.reseller_id,
                    tenant_id: stream_id(recorded)?,
                    tier: tier.as_ref(),
                    source: source.as_ref(),
                    days: i64::from(*days),
                    starts_at: *starts_at,
                    ends_at: *ends_at,
                    happened_at: recorded.happened_at(),
                    known_at: recorded.known_at(),
                }),
                AnyEvent::Reseller(_)
                | AnyEvent::CreditAccount(_)
                | AnyEvent::PriceList(_)
                | AnyEvent::Tenant(_)
                | AnyEvent::User(_)
                | AnyEvent::Recording(_)
                | AnyEvent::Job(_)
                | AnyEvent::WorkflowLibrary(_)
                | AnyEvent::Books(_) => {}
            }
        }
        insert(connection, &rows).await?;
        Ok(())
    }
}

struct NewRow<'a> {
    grant_id: Uuid,
    reseller_id: Option<Uuid>,
    tenant_id: Uuid,
    tier: &'a str,
    source: &'a str,
    days: i64,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    happened_at: DateTime<Utc>,
    known_at: DateTime<Utc>,
}

async fn insert(connection: &mut PgConnection, rows: &[NewRow<'_>]) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO grants (grant_id, reseller_id, tenant_id, tier, source, days, starts_at, ends_at,
                             happened_at, known_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[],
                              $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[])",
    )
    .bind(column(rows, |row| row.grant_id))
    .bind(column(rows, |row| row.reseller_id))
    .bind(column(rows, |row| row.tenant_id))
    .bind(column(rows, |row| row.tier))
    .bind(column(rows, |row| row.source))
    .bind(column(rows, |row| row.days))
    .bind(column(rows, |row| row.starts_at))
    .bind(column(rows, |row| row.ends_at))
    .bind(column(rows, |row| row.happened_at))
    .bind(column(rows, |row| row.known_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// The grant that decides at `at` for a tenant within the scope: the highest tier that holds, the longest of these.
/// With `known_at`, as far as it was recorded by then. `None` where none holds.
///
/// # Errors
/// The database fails.
pub async fn deciding(
    connection: &mut PgConnection,
    scope: Scope,
    tenant_id: Uuid,
    at: DateTime<Utc>,
    known_at: Option<DateTime<Utc>>,
) -> sqlx::Result<Option<GrantRow>> {
    let mut query =
        QueryBuilder::new("SELECT g.tier, g.starts_at, g.ends_at FROM read.grants g WHERE g.tenant_id = ");
    query.push_bind(tenant_id);
    query.push(" AND g.ends_at > ").push_bind(at);
    query.push(" AND g.starts_at <= ").push_bind(at);
    if let Some(known_at) = known_at {
        query.push(" AND g.known_at <= ").push_bind(known_at);
    }
    within(&mut query, "g", scope);
    let rows = query.build().fetch_all(connection).await?;
    let grants = rows
        .iter()
        .map(GrantRow::read)
        .collect::<sqlx::Result<Vec<_>>>()?;
    Ok(grants.into_iter().max_by_key(|grant| (grant.tier, grant.ends_at)))
}
