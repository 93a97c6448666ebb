//! Resellers: who sells, at which rate, below whom, what each is permitted, and how many customers each has.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AnyEvent;
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
use crate::projection::{Projection, ProjectionError, Table};
use crate::scope::reaching;
use crate::{permission_fold, reseller_fold};

/// One row per reseller, one per reseller and everyone above it, and one per reseller and permission.
pub struct Resellers;

#[derive(Clone, Debug, PartialEq)]
pub struct ResellerRow {
    pub reseller_id: Uuid,
    pub name: String,
    /// As it stands in its register.
    pub company: Option<String>,
    /// `None` once the person has been erased.
    pub contact_person: Option<String>,
    /// `None` once the person has been erased, and for the house.
    pub contact_email: Option<String>,
    /// `None` once the person has been erased.
    pub phone: Option<String>,
    /// 0 to 1.
    pub commission_rate: Decimal,
    pub status: ResellerStatus,
    /// Why it has its status.
    pub reason: Option<String>,
    /// With what is above it.
    pub effective_status: ResellerStatus,
    /// Which reseller decides on the effective status: this one or one above it that the reader may see.
    pub origin: Option<Named>,
    /// Right above; `None` below the platform, and where the reader may not see it.
    pub parent: Option<Named>,
    /// `None` without a limit.
    pub customers_max: Option<i64>,
    /// `None` without a limit.
    pub sub_resellers_max: Option<i64>,
    /// IANA name.
    pub time_zone: String,
    /// Credits; one is one day.
    pub balance: i64,
    /// Those that are not closed.
    pub customers_total: i64,
    /// Right below, those that are not closed.
    pub sub_resellers_total: i64,
    /// What an editor names as the version that was seen.
    pub version: i64,
    pub created_at: DateTime<Utc>,
}

/// A reseller by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub reseller_id: Uuid,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum ResellerStatus {
    Pending,
    Declined,
    Active,
    Suspended,
    Closed,
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
            company: row.try_get("company")?,
            contact_person: row.try_get("contact_person")?,
            contact_email: row.try_get("contact_email")?,
            phone: row.try_get("phone")?,
            commission_rate: row.try_get("commission_rate")?,
            status: parsed(row, "status")?,
            reason: row.try_get("reason")?,
            effective_status: parsed(row, "effective_status")?,
            origin: named(row, "shown_origin_id", "origin_name")?,
            parent: named(row, "shown_parent_id", "parent_name")?,
            customers_max: row.try_get("customers_max")?,
            sub_resellers_max: row.try_get("sub_resellers_max")?,
            time_zone: row.try_get("time_zone")?,
            balance: row.try_get("balance")?,
            customers_total: row.try_get("customers_total")?,
            sub_resellers_total: row.try_get("sub_resellers_total")?,
            version: row.try_get("version")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

fn named(row: &PgRow, id: &str, name: &str) -> sqlx::Result<Option<Named>> {
    let (id, name): (Option<Uuid>, Option<String>) = (row.try_get(id)?, row.try_get(name)?);
    Ok(id
        .zip(name)
        .map(|(reseller_id, name)| Named { reseller_id, name }))
}

impl Projection for Resellers {
    const NAME: &'static str = "resellers";
    const VERSION: i32 = 3;
    const TABLES: &'static [Table] = &[
        Table::read("resellers", &["reseller_id"]),
        Table::read("reseller_tree", &["ancestor_id", "reseller_id"]),
        Table::read("reseller_permissions", &["reseller_id", "permission"]),
    ];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::Reseller(event) => {
                reseller_fold::reseller(connection, recorded, event, vault).await?;
            }
            AnyEvent::Hierarchy(event) => reseller_fold::hierarchy(connection, event).await?,
            AnyEvent::ResellerPermissions(event) => {
                permission_fold::fold(connection, recorded, event).await?;
            }
            AnyEvent::Tenant(_) => {
                let mut customers = Customers::default();
                customers.take(recorded);
                customers.write(connection).await?;
            }
            AnyEvent::User(UserEvent::UserErased { subjects, .. }) => {
                sqlx::query(
                    "UPDATE resellers SET contact_email = NULL, contact_person = NULL, phone = NULL
                     WHERE contact_subject = ANY($1)",
                )
                .bind(subjects)
                .execute(connection)
                .await?;
            }
            AnyEvent::User(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Subscription(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Usage(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_)
            | AnyEvent::RecordedSale(_)
            | AnyEvent::TierList(_)
            | AnyEvent::StoreAccount(_)
            | AnyEvent::StoreCatalogue(_)
            | AnyEvent::Roster(_)
            | AnyEvent::Contracts(_)
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_) => {}
        }
        Ok(())
    }

    async fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        // Customers are many, and they only count.
        let mut customers = Customers::default();
        for recorded in batch {
            if !customers.take(recorded) {
                self.project(connection, recorded, vault).await?;
            }
        }
        customers.write(connection).await?;
        Ok(())
    }
}

/// How many open customers each reseller gets and loses.
#[derive(Default)]
struct Customers(HashMap<Uuid, i64>);

impl Customers {
    /// Whether the event is a customer's.
    fn take(&mut self, recorded: &Recorded) -> bool {
        let AnyEvent::Tenant(event) = &recorded.event else {
            return false;
        };
        match event {
            TenantEvent::TenantCreated { reseller_id, .. } => self.add(reseller_id.0, 1),
            TenantEvent::TenantMoved { from, to, .. } => {
                self.add(from.0, -1);
                self.add(to.0, 1);
            }
            TenantEvent::TenantClosed { .. } => self.add_owner(recorded, -1),
            TenantEvent::TenantReopened { .. } => self.add_owner(recorded, 1),
            TenantEvent::TenantSuspended { .. }
            | TenantEvent::TenantResumed { .. }
            | TenantEvent::TenantProfileChanged { .. } => {}
        }
        true
    }

    fn add(&mut self, reseller_id: Uuid, customers: i64) {
        *self.0.entry(reseller_id).or_default() += customers;
    }

    fn add_owner(&mut self, recorded: &Recorded, customers: i64) {
        if let Some(reseller_id) = recorded.metadata.reseller_id {
            self.add(reseller_id, customers);
        }
    }

    async fn write(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (resellers, customers): (Vec<Uuid>, Vec<i64>) = self.0.iter().unzip();
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
}

/// All that the scope may see. Who is above the reader is not among it.
fn select(scope: Scope) -> QueryBuilder<'static, Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT r.*, coalesce(b.balance, 0) AS balance, p.reseller_id AS shown_parent_id, p.name AS parent_name,
                o.reseller_id AS shown_origin_id, o.name AS origin_name
         FROM read.resellers r
         LEFT JOIN read.credit_balances b ON b.reseller_id = r.reseller_id
         LEFT JOIN read.resellers p ON p.reseller_id = r.parent_id",
    );
    reaching(&mut query, "p", scope);
    query.push(" LEFT JOIN read.resellers o ON o.reseller_id = r.origin_id");
    reaching(&mut query, "o", scope);
    query.push(" WHERE true");
    reaching(&mut query, "r", scope);
    query
}

/// Which resellers a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResellerFilter<'a> {
    /// Part of a name, a company or an address.
    pub search: Option<&'a str>,
    /// Its own status, whatever is above it.
    pub status: Option<ResellerStatus>,
    /// Right below this one.
    pub parent_id: Option<Uuid>,
}

/// Resellers, the newest first: all for the platform, a reseller's own row and those of all below it.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    filter: ResellerFilter<'_>,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<ResellerRow>> {
    let mut query = select(scope);
    if let Some(search) = filter.search {
        for (column, before) in [("name", " AND ("), ("company", " OR "), ("contact_email", " OR ")] {
            query
                .push(format!("{before}r.{column} ILIKE "))
                .push_bind(containing(search));
        }
        query.push(")");
    }
    if let Some(status) = filter.status {
        query
            .push(" AND r.status = ")
            .push_bind(status.as_ref().to_owned());
    }
    if let Some(parent_id) = filter.parent_id {
        // By the shown one: nobody learns by asking who is above.
        query.push(" AND p.reseller_id = ").push_bind(parent_id);
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
    let mut query = select(scope);
    query.push(" AND r.reseller_id = ").push_bind(id);
    query
        .build()
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(ResellerRow::read)
        .transpose()
}

/// The resellers above one, the nearest first, as far up as the scope reaches.
///
/// # Errors
/// The database fails.
pub async fn above(connection: &mut PgConnection, scope: Scope, id: Uuid) -> sqlx::Result<Vec<Named>> {
    let mut query = QueryBuilder::new(
        "SELECT a.reseller_id, a.name
         FROM read.reseller_tree t JOIN read.resellers a ON a.reseller_id = t.ancestor_id
         WHERE t.levels > 0 AND t.reseller_id = ",
    );
    query.push_bind(id);
    reaching(&mut query, "t", scope);
    reaching(&mut query, "a", scope);
    query.push(" ORDER BY t.levels");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(Named {
                reseller_id: row.try_get("reseller_id")?,
                name: row.try_get("name")?,
            })
        })
        .collect()
}
