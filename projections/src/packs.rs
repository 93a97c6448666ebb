//! Packs: the price lists that credits are bought from.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::credits::Money;
use domain::price_list::{PRICE_LIST_ID, PriceListEvent};
use platform::Scope;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::reaching;

/// One row per price that a pack ever had.
pub struct Packs;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackRow {
    pub code: String,
    /// Whose own price it is; `None` for everybody's.
    pub reseller_id: Option<Uuid>,
    pub name: String,
    pub credits: i64,
    pub price: Money,
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    pub retired: bool,
}

impl Projection for Packs {
    const NAME: &'static str = "packs";
    const VERSION: i32 = 2;
    const TABLES: &'static [Table] = &[Table::read("packs", &["list", "code", "currency", "valid_from"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::PriceList(event @ PriceListEvent::PackPublished { .. }) => {
                publish(connection, recorded, event).await?;
            }
            AnyEvent::PriceList(PriceListEvent::PackRetired { code, currency }) => {
                sqlx::query(
                    "UPDATE packs SET retired = true
                     WHERE list = $1 AND code = $2 AND ($3::text IS NULL OR currency = $3)",
                )
                .bind(&recorded.aggregate_id)
                .bind(code)
                .bind(currency)
                .execute(connection)
                .await?;
            }
            AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::Tenant(_)
            | AnyEvent::User(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_)
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
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::Contracts(_)
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_) => {}
        }
        Ok(())
    }
}

async fn publish(
    connection: &mut PgConnection,
    recorded: &Recorded,
    event: &PriceListEvent,
) -> Result<(), ProjectionError> {
    let PriceListEvent::PackPublished {
        code,
        name,
        credits,
        price,
        valid_from,
        valid_until,
        keeps_others,
    } = event
    else {
        return Ok(());
    };
    let everybodys = recorded.aggregate_id == PRICE_LIST_ID;
    let reseller_id = (!everybodys).then(|| stream_id(recorded)).transpose()?;
    if !keeps_others {
        sqlx::query("DELETE FROM packs WHERE list = $1 AND code = $2")
            .bind(&recorded.aggregate_id)
            .bind(code)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(
        "INSERT INTO packs (list, reseller_id, code, name, credits, price_minor, currency, valid_from, valid_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, '-infinity'::timestamptz), $9)
         ON CONFLICT (list, code, currency, valid_from) DO UPDATE
         SET name = excluded.name, credits = excluded.credits, price_minor = excluded.price_minor,
             valid_until = excluded.valid_until, retired = false",
    )
    .bind(&recorded.aggregate_id)
    .bind(reseller_id)
    .bind(code)
    .bind(name)
    .bind(credits.0)
    .bind(price.amount_minor)
    .bind(&price.currency)
    .bind(valid_from)
    .bind(valid_until)
    .execute(connection)
    .await?;
    Ok(())
}

/// The price list as it holds at `at` for a reseller, else for everybody, the smallest pack first: for each pack and
/// currency the price in force, and such that are retired. With `all`, every price, those that ended and those to
/// come. Empty for tenants, who buy no credits.
///
/// # Errors
/// The database fails.
pub async fn list(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Option<Uuid>,
    at: DateTime<Utc>,
    all: bool,
) -> sqlx::Result<Vec<PackRow>> {
    match scope {
        Scope::Tenant { .. } => return Ok(Vec::new()),
        Scope::Platform | Scope::Reseller(_) => {}
    }
    let mut query = QueryBuilder::new("SELECT o.* FROM (SELECT ");
    if !all {
        query.push("DISTINCT ON (k.code, k.currency) ");
    }
    query.push(
        "k.code, k.reseller_id, k.name, k.credits, k.price_minor, k.currency,
         nullif(k.valid_from, '-infinity') AS valid_from, k.valid_until, k.retired
         FROM read.packs k WHERE (k.reseller_id IS NULL OR (k.reseller_id = ",
    );
    query.push_bind(reseller_id);
    reaching(&mut query, "k", scope);
    query.push("))");
    if !all {
        query.push(" AND k.valid_from <= ").push_bind(at);
        query.push(" AND (k.valid_until IS NULL OR k.valid_until > ");
        query.push_bind(at).push(")");
    }
    // A reseller's own price goes before everybody's, unless it was taken away.
    query.push(
        " ORDER BY k.code, k.currency, k.retired, k.reseller_id IS NULL, k.valid_from DESC) AS o
          ORDER BY o.credits, o.code, o.currency, o.valid_from NULLS FIRST",
    );
    let rows = query.build().fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(PackRow {
                code: row.try_get("code")?,
                reseller_id: row.try_get("reseller_id")?,
                name: row.try_get("name")?,
                credits: row.try_get("credits")?,
                price: Money {
                    amount_minor: row.try_get("price_minor")?,
                    currency: row.try_get("currency")?,
                },
                valid_from: row.try_get("valid_from")?,
                valid_until: row.try_get("valid_until")?,
                retired: row.try_get("retired")?,
            })
        })
        .collect()
}
