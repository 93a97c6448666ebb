//! Customers: a tenant with its tier, its expiry and the number of its users.

use chrono::{DateTime, Utc};
use domain::tier::Tier;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::customer_fold;
use crate::page::{NewestKey, Page, PageRequest, containing, newest_first, parsed};
use crate::projection::{Projection, ProjectionError, Table};
use crate::scope::within;

/// One row per customer.
pub struct Customers;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRow {
    pub tenant_id: Uuid,
    pub reseller_id: Uuid,
    pub name: String,
    /// `None` once the person has been erased.
    pub contact_email: Option<String>,
    pub suspended: bool,
    pub tier: Tier,
    pub expires_at: DateTime<Utc>,
    pub users_total: i64,
    pub created_at: DateTime<Utc>,
}

/// Suspended comes before expired: it is what the reseller has to undo first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerStatus {
    Active,
    Expired,
    Suspended,
}

impl CustomerRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.created_at,
            id: self.tenant_id,
        }
    }

    pub fn status(&self, now: DateTime<Utc>) -> CustomerStatus {
        if self.suspended {
            CustomerStatus::Suspended
        } else if self.expires_at <= now {
            CustomerStatus::Expired
        } else {
            CustomerStatus::Active
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let created_at = row.try_get("created_at")?;
        Ok(Self {
            tenant_id: row.try_get("tenant_id")?,
            reseller_id: row.try_get("reseller_id")?,
            name: row.try_get("name")?,
            contact_email: row.try_get("contact_email")?,
            suspended: row.try_get("suspended")?,
            tier: parsed(row, "tier")?,
            // Who never had a grant has been without access from the start.
            expires_at: row.try_get::<Option<_>, _>("expires_at")?.unwrap_or(created_at),
            users_total: row.try_get("users_total")?,
            created_at,
        })
    }
}

impl Projection for Customers {
    const NAME: &'static str = "customers";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("customers", &["tenant_id"])];

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
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        customer_fold::fold(connection, batch, vault).await
    }
}

fn select(scope: Scope) -> QueryBuilder<'static, Postgres> {
    let mut query = QueryBuilder::new("SELECT c.* FROM read.customers c WHERE c.created_at IS NOT NULL");
    within(&mut query, "c", scope);
    query
}

/// Which customers a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct CustomerFilter<'a> {
    /// Part of a name or an address.
    pub search: Option<&'a str>,
    /// As of the given time.
    pub status: Option<(CustomerStatus, DateTime<Utc>)>,
}

/// Customers, the newest first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    filter: CustomerFilter<'_>,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<CustomerRow>> {
    let mut query = select(scope);
    if let Some(search) = filter.search {
        query.push(" AND (c.name ILIKE ").push_bind(containing(search));
        query
            .push(" OR c.contact_email ILIKE ")
            .push_bind(containing(search))
            .push(")");
    }
    match filter.status {
        None => {}
        Some((CustomerStatus::Suspended, _)) => {
            query.push(" AND c.suspended");
        }
        Some((CustomerStatus::Active, now)) => {
            query
                .push(" AND NOT c.suspended AND c.expires_at > ")
                .push_bind(now);
        }
        Some((CustomerStatus::Expired, now)) => {
            query
                .push(" AND NOT c.suspended AND coalesce(c.expires_at, c.created_at) <= ")
                .push_bind(now);
        }
    }
    newest_first(&mut query, "c.created_at", "c.tenant_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(CustomerRow::read).collect::<Result<_, _>>()?,
    ))
}

/// The customer, if it is within the scope.
///
/// # Errors
/// The database fails.
pub async fn by_id(
    connection: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> sqlx::Result<Option<CustomerRow>> {
    let mut query = select(scope);
    query.push(" AND c.tenant_id = ").push_bind(id);
    query
        .build()
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(CustomerRow::read)
        .transpose()
}
