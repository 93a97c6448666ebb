//! Tiers: what each version of each tier allows, and which one is in force.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::tier::{Tier, TierPolicy};
use domain::tier_list::{TierList, TierListEvent};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use store::Recorded;
use store::vault::Vault;

use crate::page::parsed;
use crate::projection::{Projection, ProjectionError, Table};

/// One row per version of a tier.
pub struct Tiers;

/// The version of a tier that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierRow {
    pub policy: TierPolicy,
    pub retired: bool,
}

impl TierRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let number = |column: &str| -> sqlx::Result<u32> {
            let value: i64 = row.try_get(column)?;
            u32::try_from(value).map_err(|error| sqlx::Error::ColumnDecode {
                index: column.to_owned(),
                source: Box::new(error),
            })
        };
        let Json(limits) = row.try_get("limits")?;
        Ok(Self {
            policy: TierPolicy {
                tier: parsed(row, "tier")?,
                version: number("version")?,
                name: row.try_get("name")?,
                rank: number("rank")?,
                credits_per_day: number("credits_per_day")?,
                limits,
                effective_at: row.try_get("effective_at")?,
            },
            retired: row.try_get("retired")?,
        })
    }
}

impl Projection for Tiers {
    const NAME: &'static str = "tiers";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("tiers", &["tier", "version"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::TierList(TierListEvent::TierPublished(policy)) => {
                insert(connection, policy, recorded.known_at()).await?;
                retire(connection, policy.tier, false).await?;
            }
            AnyEvent::TierList(TierListEvent::TierRetired { tier }) => {
                retire(connection, *tier, true).await?;
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
            | AnyEvent::StoreAccount(_)
            | AnyEvent::StoreCatalogue(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::Contracts(_)
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_) => {}
        }
        Ok(())
    }
}

async fn insert(
    connection: &mut PgConnection,
    policy: &TierPolicy,
    known_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO tiers (tier, version, name, rank, credits_per_day, limits, effective_at, known_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(policy.tier.as_ref())
    .bind(i64::from(policy.version))
    .bind(&policy.name)
    .bind(i64::from(policy.rank))
    .bind(i64::from(policy.credits_per_day))
    .bind(Json(&policy.limits))
    .bind(policy.effective_at)
    .bind(known_at)
    .execute(connection)
    .await?;
    Ok(())
}

async fn retire(connection: &mut PgConnection, tier: Tier, retired: bool) -> sqlx::Result<()> {
    sqlx::query("UPDATE tiers SET retired = $2 WHERE tier = $1")
        .bind(tier.as_ref())
        .bind(retired)
        .execute(connection)
        .await?;
    Ok(())
}

/// The version of each tier that is in force at `at`, the lowest rank first.
///
/// # Errors
/// The database fails.
pub async fn in_force(connection: &mut PgConnection, at: DateTime<Utc>) -> sqlx::Result<Vec<TierRow>> {
    let rows = sqlx::query(
        "SELECT * FROM (
             SELECT DISTINCT ON (t.tier) t.* FROM read.tiers t
             ORDER BY t.tier, (t.effective_at <= $1) DESC,
                      CASE WHEN t.effective_at <= $1 THEN -t.version ELSE t.version END) AS t
         ORDER BY t.rank, t.tier",
    )
    .bind(at)
    .fetch_all(connection)
    .await?;
    rows.iter().map(TierRow::read).collect()
}

/// All versions, as far as they were recorded by `known_at`.
///
/// # Errors
/// The database fails.
pub async fn list(connection: &mut PgConnection, known_at: Option<DateTime<Utc>>) -> sqlx::Result<TierList> {
    let rows = sqlx::query(
        "SELECT t.* FROM read.tiers t WHERE $1::timestamptz IS NULL OR t.known_at <= $1
         ORDER BY t.tier, t.version",
    )
    .bind(known_at)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(TierRow::read(row)?.policy)).collect()
}
