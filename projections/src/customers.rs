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
use crate::scope::{Whose, among, reaching};

/// One row per customer, and one per stay with a reseller.
pub struct Customers;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRow {
    pub tenant_id: Uuid,
    pub reseller_id: Uuid,
    /// Whose customer it is, where the reader may see that.
    pub reseller_name: Option<String>,
    pub name: String,
    /// `None` once the person has been erased.
    pub contact_email: Option<String>,
    pub suspended: bool,
    /// Since when its subscription is paused; `None` where it was cancelled since.
    pub paused_at: Option<DateTime<Utc>>,
    /// Since when it is closed.
    pub closed_at: Option<DateTime<Utc>>,
    pub tier: Tier,
    pub expires_at: DateTime<Utc>,
    pub users_total: i64,
    /// What an editor names as the version that was seen.
    pub version: i64,
    pub created_at: DateTime<Utc>,
}

/// Closed comes before suspended, suspended before paused, and paused before expired: it is what the reseller has to undo
/// first. Who is paused and has access all the same, through a store or by hand, is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerStatus {
    Active,
    Expired,
    Paused,
    Suspended,
    Closed,
}

impl CustomerRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.created_at,
            id: self.tenant_id,
        }
    }

    pub fn status(&self, now: DateTime<Utc>) -> CustomerStatus {
        if self.closed_at.is_some() {
            CustomerStatus::Closed
        } else if self.suspended {
            CustomerStatus::Suspended
        } else if self.expires_at > now {
            CustomerStatus::Active
        } else if self.paused_at.is_some() {
            CustomerStatus::Paused
        } else {
            CustomerStatus::Expired
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let created_at = row.try_get("created_at")?;
        Ok(Self {
            tenant_id: row.try_get("tenant_id")?,
            reseller_id: row.try_get("reseller_id")?,
            reseller_name: row.try_get("reseller_name")?,
            name: row.try_get("name")?,
            contact_email: row.try_get("contact_email")?,
            suspended: row.try_get("suspended")?,
            paused_at: row.try_get("paused_at")?,
            closed_at: row.try_get("closed_at")?,
            tier: parsed(row, "tier")?,
            // Who never had a grant has been without access from the start.
            expires_at: row.try_get::<Option<_>, _>("expires_at")?.unwrap_or(created_at),
            users_total: row.try_get("users_total")?,
            version: row.try_get("version")?,
            created_at,
        })
    }
}

impl Projection for Customers {
    const NAME: &'static str = "customers";
    const VERSION: i32 = 5;
    const TABLES: &'static [Table] = &[
        Table::read("customers", &["tenant_id"]),
        Table::read("customer_stays", &["tenant_id", "sequence"]),
    ];

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

/// Which customers a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct CustomerFilter<'a> {
    /// Part of a name or an address.
    pub search: Option<&'a str>,
    /// As of the given time.
    pub status: Option<(CustomerStatus, DateTime<Utc>)>,
    pub whose: Whose,
}

impl CustomerFilter<'_> {
    fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>) {
        query.push(" AND c.created_at IS NOT NULL");
        if let Some(search) = self.search {
            query.push(" AND (c.name ILIKE ").push_bind(containing(search));
            query
                .push(" OR c.contact_email ILIKE ")
                .push_bind(containing(search))
                .push(")");
        }
        match self.status {
            None => {}
            Some((CustomerStatus::Closed, _)) => {
                query.push(" AND c.closed_at IS NOT NULL");
            }
            Some((CustomerStatus::Suspended, _)) => {
                query.push(" AND c.closed_at IS NULL AND c.suspended");
            }
            Some((CustomerStatus::Active, now)) => {
                query
                    .push(" AND c.closed_at IS NULL AND NOT c.suspended AND c.expires_at > ")
                    .push_bind(now);
            }
            Some((status @ (CustomerStatus::Paused | CustomerStatus::Expired), now)) => {
                let stands_still = if status == CustomerStatus::Paused {
                    "IS NOT NULL"
                } else {
                    "IS NULL"
                };
                query
                    .push(" AND c.closed_at IS NULL AND NOT c.suspended AND c.paused_at ")
                    .push(stands_still)
                    .push(" AND coalesce(c.expires_at, c.created_at) <= ")
                    .push_bind(now);
            }
        }
    }
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
    let mut query = QueryBuilder::new("SELECT c.*, r.name AS reseller_name FROM (");
    match (scope, filter.whose) {
        (Scope::Reseller(reseller_id), Whose::Below) => {
            // The newest of each reseller by the index, then the newest of these: the cost is that of the resellers
            // below, not of their customers.
            query.push(
                "SELECT c.* FROM read.reseller_tree t CROSS JOIN LATERAL (
                     SELECT c.* FROM read.customers c WHERE c.reseller_id = t.reseller_id",
            );
            filter.narrow(&mut query);
            newest_first(&mut query, "c.created_at", "c.tenant_id", &request);
            query.push(") c WHERE t.ancestor_id = ").push_bind(reseller_id.0);
            newest_first(&mut query, "c.created_at", "c.tenant_id", &request);
        }
        (Scope::Platform | Scope::Reseller(_) | Scope::Tenant { .. }, whose) => {
            query.push("SELECT c.* FROM read.customers c WHERE true");
            among(&mut query, "c", scope, whose);
            filter.narrow(&mut query);
            newest_first(&mut query, "c.created_at", "c.tenant_id", &request);
        }
    }
    query.push(
        ") c LEFT JOIN read.resellers r ON r.reseller_id = c.reseller_id
         ORDER BY c.created_at DESC, c.tenant_id DESC",
    );
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
    let mut query = QueryBuilder::new(
        "SELECT c.*, r.name AS reseller_name
         FROM read.customers c LEFT JOIN read.resellers r ON r.reseller_id = c.reseller_id
         WHERE c.created_at IS NOT NULL AND c.tenant_id = ",
    );
    query.push_bind(id);
    reaching(&mut query, "c", scope);
    query
        .build()
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(CustomerRow::read)
        .transpose()
}
