//! Store products: which tier each product of a store gives.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::store_catalogue::StoreCatalogueEvent;
use domain::tier::Tier;
use platform::Scope;
use sqlx::{PgConnection, Row};
use store::Recorded;
use store::vault::Vault;

use crate::page::parsed;
use crate::projection::{Projection, ProjectionError, Table};

/// One row per product, in its present version.
pub struct StoreProducts;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreProductRow {
    pub product: String,
    pub version: i64,
    pub tier: Tier,
    pub days: Option<i64>,
    pub since: DateTime<Utc>,
    pub retired: bool,
}

impl Projection for StoreProducts {
    const NAME: &'static str = "store_products";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("store_products", &["product"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::StoreCatalogue(StoreCatalogueEvent::StoreProductMapped {
                product,
                version,
                mapping,
                since,
            }) => {
                sqlx::query(
                    "INSERT INTO store_products (product, version, tier, days, since, retired)
                     VALUES ($1, $2, $3, $4, $5, false)
                     ON CONFLICT (product) DO UPDATE
                     SET version = excluded.version, tier = excluded.tier, days = excluded.days,
                         since = excluded.since, retired = false",
                )
                .bind(product)
                .bind(i64::from(*version))
                .bind(mapping.tier.as_ref())
                .bind(mapping.days.map(i64::from))
                .bind(since)
                .execute(connection)
                .await?;
            }
            AnyEvent::StoreCatalogue(StoreCatalogueEvent::StoreProductRetired {
                product,
                version,
                since,
            }) => {
                sqlx::query(
                    "UPDATE store_products SET version = $2, since = $3, retired = true WHERE product = $1",
                )
                .bind(product)
                .bind(i64::from(*version))
                .bind(since)
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
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_)
            | AnyEvent::TierList(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_)
            | AnyEvent::StoreAccount(_) => {}
        }
        Ok(())
    }
}

/// Every product by its name; none for tenants, who buy in the store.
///
/// # Errors
/// The database fails.
pub async fn list(connection: &mut PgConnection, scope: Scope) -> sqlx::Result<Vec<StoreProductRow>> {
    match scope {
        Scope::Tenant { .. } => return Ok(Vec::new()),
        Scope::Platform | Scope::Reseller(_) => {}
    }
    sqlx::query("SELECT p.product, p.version, p.tier, p.days, p.since, p.retired FROM read.store_products p ORDER BY 1")
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| {
            Ok(StoreProductRow {
                product: row.try_get("product")?,
                version: row.try_get("version")?,
                tier: parsed(row, "tier")?,
                days: row.try_get("days")?,
                since: row.try_get("since")?,
                retired: row.try_get("retired")?,
            })
        })
        .collect()
}
