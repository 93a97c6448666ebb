//! Grants: the dated rights of a tenant, from which follows what it may do now.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::tier::{Tier, TierPolicy};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::grant_fold::GrantFold;
use crate::moves::Moves;
use crate::page::parsed;
use crate::projection::{Projection, ProjectionError, Table};
use crate::scope::reaching;
use crate::tiers;

/// One row per grant and change of it, one per subscription.
pub struct Grants;

/// The grant that decides what a tenant may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    pub tier: Tier,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

/// The deciding grant, and what its tier allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deciding {
    pub grant: GrantRow,
    /// `None` where no version of the tier has been published.
    pub policy: Option<Arc<TierPolicy>>,
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
    const VERSION: i32 = 3;
    const TABLES: &'static [Table] = &[
        Table::read("grants", &["grant_id", "change"]),
        Table::read("subscriptions", &["tenant_id"]),
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
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let (mut fold, mut moves) = (GrantFold::default(), Moves::default());
        for recorded in batch {
            moves.take(recorded)?;
            match &recorded.event {
                AnyEvent::Subscription(event) => fold.take(connection, recorded, event).await?,
                AnyEvent::Reseller(_)
                | AnyEvent::CreditAccount(_)
                | AnyEvent::PriceList(_)
                | AnyEvent::Tenant(_)
                | AnyEvent::User(_)
                | AnyEvent::ApiKey(_)
                | AnyEvent::Bulk(_)
                | AnyEvent::PermissionTemplates(_)
                | AnyEvent::ResellerPermissions(_)
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
        }
        fold.write(&mut *connection).await?;
        for follow in [
            "UPDATE grants SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2",
            "UPDATE subscriptions SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2",
        ] {
            moves.follow(connection, follow).await?;
        }
        Ok(())
    }
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
) -> sqlx::Result<Option<Deciding>> {
    let mut query =
        QueryBuilder::new("SELECT g.tier, g.starts_at, g.ends_at FROM read.grants g WHERE g.tenant_id = ");
    query.push_bind(tenant_id);
    query.push(" AND g.ends_at > ").push_bind(at);
    query.push(" AND g.starts_at <= ").push_bind(at);
    if let Some(known_at) = known_at {
        query.push(" AND g.known_at <= ").push_bind(known_at);
        query
            .push(" AND (g.superseded_at IS NULL OR g.superseded_at > ")
            .push_bind(known_at)
            .push(")");
    } else {
        query.push(" AND g.superseded_at IS NULL");
    }
    reaching(&mut query, "g", scope);
    let rows = query.build().fetch_all(&mut *connection).await?;
    let grants = rows
        .iter()
        .map(GrantRow::read)
        .collect::<sqlx::Result<Vec<_>>>()?;
    let tiers = tiers::list(connection, known_at).await?;
    let ranked = grants.into_iter().map(|grant| {
        let policy = tiers.in_force(grant.tier, at).cloned();
        Deciding { grant, policy }
    });
    Ok(ranked.max_by_key(|deciding| {
        let rank = deciding.policy.as_ref().map(|policy| policy.rank);
        (rank, deciding.grant.ends_at)
    }))
}
