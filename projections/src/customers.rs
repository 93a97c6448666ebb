//! Customers: a tenant with its tier, its expiry and the number of its users.
//!
//! The events that create one come in one append, in any order: each of them finds or makes the row.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::subscription::SubscriptionEvent;
use domain::tenant::TenantEvent;
use domain::tier::Tier;
use domain::user::{Home, UserEvent};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::page::{NewestKey, Page, PageRequest, containing, newest_first, parsed};
use crate::projection::{Projection, ProjectionError, Table, stream_id};
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
        match &recorded.event {
            AnyEvent::Tenant(event) => tenant(connection, recorded, event, vault).await,
            AnyEvent::Subscription(SubscriptionEvent::AccessGranted { tier, ends_at, .. }) => {
                granted(connection, stream_id(recorded)?, *tier, *ends_at)
                    .await
                    .map_err(Into::into)
            }
            AnyEvent::User(UserEvent::UserRegistered {
                home: Home::Tenant { tenant_id, .. },
                ..
            }) => {
                sqlx::query(
                    "INSERT INTO customers (tenant_id, users_total) VALUES ($1, 1)
                     ON CONFLICT (tenant_id) DO UPDATE SET users_total = customers.users_total + 1",
                )
                .bind(tenant_id.0)
                .execute(connection)
                .await?;
                Ok(())
            }
            AnyEvent::User(UserEvent::UserErased { home, subjects, .. }) => {
                erased(connection, *home, subjects).await.map_err(Into::into)
            }
            AnyEvent::User(
                UserEvent::UserRegistered {
                    home: Home::Platform | Home::Reseller(_),
                    ..
                }
                | UserEvent::PasswordChanged,
            )
            | AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_) => Ok(()),
        }
    }
}

async fn tenant(
    connection: &mut PgConnection,
    recorded: &Recorded,
    event: &TenantEvent,
    vault: &Vault,
) -> Result<(), ProjectionError> {
    let id = stream_id(recorded)?;
    let suspended = match event {
        TenantEvent::TenantCreated {
            reseller_id,
            name,
            contact_email,
        } => {
            let contact_subject = contact_email.subject;
            let contact_email = vault.open(connection, contact_email).await?;
            sqlx::query(
                "INSERT INTO customers (tenant_id, reseller_id, name, contact_email, contact_subject, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (tenant_id) DO UPDATE
                 SET reseller_id = excluded.reseller_id, name = excluded.name,
                     contact_email = excluded.contact_email, contact_subject = excluded.contact_subject,
                     created_at = excluded.created_at",
            )
            .bind(id)
            .bind(reseller_id.0)
            .bind(name)
            .bind(contact_email)
            .bind(contact_subject)
            .bind(recorded.metadata.at)
            .execute(connection)
            .await?;
            return Ok(());
        }
        TenantEvent::TenantSuspended { .. } => true,
        TenantEvent::TenantResumed { .. } => false,
    };
    sqlx::query("UPDATE customers SET suspended = $2 WHERE tenant_id = $1")
        .bind(id)
        .bind(suspended)
        .execute(connection)
        .await?;
    Ok(())
}

/// Contacts lose the erased person's address; the person's customer has a user less.
async fn erased(connection: &mut PgConnection, home: Home, subjects: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query("UPDATE customers SET contact_email = NULL WHERE contact_subject = ANY($1)")
        .bind(subjects)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE customers SET users_total = users_total - 1 WHERE tenant_id = $1")
        .bind(home.tenant_id().map(|id| id.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// The grant that ends last names the tier and the expiry.
async fn granted(
    connection: &mut PgConnection,
    tenant_id: Uuid,
    tier: Tier,
    ends_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO customers (tenant_id, tier, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id) DO UPDATE SET tier = excluded.tier, expires_at = excluded.expires_at
         WHERE customers.expires_at IS NULL OR customers.expires_at <= excluded.expires_at",
    )
    .bind(tenant_id)
    .bind(tier.as_ref())
    .bind(ends_at)
    .execute(connection)
    .await?;
    Ok(())
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
