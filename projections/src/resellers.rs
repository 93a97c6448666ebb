//! Resellers: who sells, at which rate, how many customers each has.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::reseller::ResellerEvent;
use domain::tenant::TenantEvent;
use domain::user::UserEvent;
use platform::Scope;
use rust_decimal::Decimal;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::page::{NewestKey, Page, PageRequest, containing, newest_first, parsed};
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per reseller.
pub struct Resellers;

#[derive(Clone, Debug, PartialEq)]
pub struct ResellerRow {
    pub reseller_id: Uuid,
    pub name: String,
    /// `None` once the person has been erased.
    pub contact_email: Option<String>,
    /// 0 to 1.
    pub commission_rate: Decimal,
    pub status: ResellerStatus,
    /// IANA name.
    pub time_zone: String,
    /// Credits; one is one day.
    pub balance: i64,
    pub customers_total: i64,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ResellerStatus {
    Active,
    Suspended,
}

impl ResellerRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.created_at,
            id: self.reseller_id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            reseller_id: row.try_get("reseller_id")?,
            name: row.try_get("name")?,
            contact_email: row.try_get("contact_email")?,
            commission_rate: row.try_get("commission_rate")?,
            status: parsed(row, "status")?,
            time_zone: row.try_get("time_zone")?,
            balance: row.try_get("balance")?,
            customers_total: row.try_get("customers_total")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

impl Projection for Resellers {
    const NAME: &'static str = "resellers";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("resellers", &["reseller_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::Reseller(event) => reseller(connection, recorded, event, vault).await,
            AnyEvent::Tenant(TenantEvent::TenantCreated { reseller_id, .. }) => {
                count_customers(connection, &HashMap::from([(reseller_id.0, 1)]))
                    .await
                    .map_err(Into::into)
            }
            AnyEvent::User(UserEvent::UserErased { subjects, .. }) => {
                sqlx::query("UPDATE resellers SET contact_email = NULL WHERE contact_subject = ANY($1)")
                    .bind(subjects)
                    .execute(connection)
                    .await?;
                Ok(())
            }
            AnyEvent::Tenant(TenantEvent::TenantSuspended { .. } | TenantEvent::TenantResumed { .. })
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::User(UserEvent::UserRegistered { .. } | UserEvent::PasswordChanged)
            | AnyEvent::Subscription(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_) => Ok(()),
        }
    }

    async fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        // Customers are many, and they only count.
        let mut customers = HashMap::new();
        for recorded in batch {
            if let AnyEvent::Tenant(TenantEvent::TenantCreated { reseller_id, .. }) = &recorded.event {
                *customers.entry(reseller_id.0).or_default() += 1;
            } else {
                self.project(connection, recorded, vault).await?;
            }
        }
        count_customers(connection, &customers).await?;
        Ok(())
    }
}

async fn count_customers(connection: &mut PgConnection, customers: &HashMap<Uuid, i64>) -> sqlx::Result<()> {
    if customers.is_empty() {
        return Ok(());
    }
    let (resellers, customers): (Vec<Uuid>, Vec<i64>) = customers.iter().unzip();
    sqlx::query(
        "UPDATE resellers r SET customers_total = r.customers_total + n.customers
         FROM unnest($1::uuid[], $2::bigint[]) AS n (reseller_id, customers)
         WHERE r.reseller_id = n.reseller_id",
    )
    .bind(resellers)
    .bind(customers)
    .execute(connection)
    .await?;
    Ok(())
}

async fn reseller(
    connection: &mut PgConnection,
    recorded: &Recorded,
    event: &ResellerEvent,
    vault: &Vault,
) -> Result<(), ProjectionError> {
    let id = stream_id(recorded)?;
    let status = match event {
        ResellerEvent::ResellerRegistered {
            name,
            contact_email,
            commission_rate,
            time_zone,
        } => {
            let contact_subject = contact_email.subject;
            let contact_email = vault.open(connection, contact_email).await?;
            sqlx::query(
                "INSERT INTO resellers (reseller_id, name, contact_email, contact_subject, commission_rate, status,
                                        time_zone, created_at)
                 VALUES ($1, $2, $3, $4, $5, 'active', $6, $7)",
            )
            .bind(id)
            .bind(name)
            .bind(contact_email)
            .bind(contact_subject)
            .bind(commission_rate)
            .bind(time_zone)
            .bind(recorded.metadata.at)
            .execute(connection)
            .await?;
            return Ok(());
        }
        ResellerEvent::ResellerSuspended { .. } => "suspended",
        ResellerEvent::ResellerResumed { .. } => "active",
    };
    sqlx::query("UPDATE resellers SET status = $2 WHERE reseller_id = $1")
        .bind(id)
        .bind(status)
        .execute(connection)
        .await?;
    Ok(())
}

fn select() -> QueryBuilder<'static, Postgres> {
    QueryBuilder::new(
        "SELECT r.*, coalesce(b.balance, 0) AS balance
         FROM read.resellers r LEFT JOIN read.credit_balances b USING (reseller_id)
         WHERE true",
    )
}

/// Resellers, the newest first; with `search`, those whose name or address contains it.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    search: Option<&str>,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<ResellerRow>> {
    let mut query = select();
    within(&mut query, "r", scope);
    if let Some(search) = search {
        query.push(" AND (r.name ILIKE ").push_bind(containing(search));
        query
            .push(" OR r.contact_email ILIKE ")
            .push_bind(containing(search))
            .push(")");
    }
    newest_first(&mut query, "r.created_at", "r.reseller_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(ResellerRow::read).collect::<Result<_, _>>()?,
    ))
}

/// The reseller, if it is within the scope.
///
/// # Errors
/// The database fails.
pub async fn by_id(
    connection: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> sqlx::Result<Option<ResellerRow>> {
    let mut query = select();
    within(&mut query, "r", scope);
    query.push(" AND r.reseller_id = ").push_bind(id);
    query
        .build()
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(ResellerRow::read)
        .transpose()
}
