//! Packs: the price list that credits are bought from.

use domain::AnyEvent;
use domain::credits::Money;
use domain::price_list::PriceListEvent;
use platform::Scope;
use sqlx::{PgConnection, Row};
use store::Recorded;
use store::vault::Vault;

use crate::projection::{Projection, ProjectionError, Table};

/// One row per pack that was ever on sale.
pub struct Packs;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackRow {
    pub code: String,
    pub name: String,
    pub credits: i64,
    pub price: Money,
    pub retired: bool,
}

impl Projection for Packs {
    const NAME: &'static str = "packs";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("packs", &["code"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::PriceList(PriceListEvent::PackPublished {
                code,
                name,
                credits,
                price,
            }) => {
                sqlx::query(
                    "INSERT INTO packs (code, name, credits, price_minor, currency) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (code) DO UPDATE
                     SET name = excluded.name, credits = excluded.credits, price_minor = excluded.price_minor,
                         currency = excluded.currency, retired = false",
                )
                .bind(code)
                .bind(name)
                .bind(credits.0)
                .bind(price.amount_minor)
                .bind(&price.currency)
                .execute(connection)
                .await?;
            }
            AnyEvent::PriceList(PriceListEvent::PackRetired { code }) => {
                sqlx::query("UPDATE packs SET retired = true WHERE code = $1")
                    .bind(code)
                    .execute(connection)
                    .await?;
            }
            AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::Tenant(_)
            | AnyEvent::User(_)
            | AnyEvent::Subscription(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_) => {}
        }
        Ok(())
    }
}

/// The whole price list, the smallest pack first; empty for tenants, who buy no credits.
///
/// # Errors
/// The database fails.
pub async fn list(connection: &mut PgConnection, scope: Scope) -> sqlx::Result<Vec<PackRow>> {
    match scope {
        Scope::Tenant { .. } => return Ok(Vec::new()),
        Scope::Platform | Scope::Reseller(_) => {}
    }
    sqlx::query(
        "SELECT code, name, credits, price_minor, currency, retired FROM read.packs ORDER BY credits, code",
    )
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        Ok(PackRow {
            code: row.try_get("code")?,
            name: row.try_get("name")?,
            credits: row.try_get("credits")?,
            price: Money {
                amount_minor: row.try_get("price_minor")?,
                currency: row.try_get("currency")?,
            },
            retired: row.try_get("retired")?,
        })
    })
    .collect()
}
