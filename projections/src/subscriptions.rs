//! Subscriptions: what the grants of a tenant say together, for people.

use chrono::{DateTime, Utc};
use platform::Scope;
use sqlx::{PgConnection, QueryBuilder, Row};
use uuid::Uuid;

use crate::page::parsed;
use crate::scope::within;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRow {
    pub paused_at: Option<DateTime<Utc>>,
    /// When it was cancelled, at once or for its end.
    pub cancelled_at: Option<DateTime<Utc>>,
    pub renewal_days: Option<i64>,
    pub failure: Option<RenewalFailure>,
    /// The one that ends last at the top.
    pub grants: Vec<HeldGrant>,
}

/// Why the last renewal failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalFailure {
    pub attempts: i64,
    pub code: String,
    pub message: String,
    pub failed_at: DateTime<Utc>,
    pub retry_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldGrant {
    pub grant_id: Uuid,
    pub tier: domain::tier::Tier,
    pub source: domain::subscription::GrantSource,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub credits_per_day: i64,
    pub reason: Option<String>,
}

/// Most grants that are told; the newest are.
const GRANTS_MAX: i64 = 100;

/// The subscription of a tenant within the scope.
///
/// # Errors
/// The database fails.
pub async fn by_tenant(
    connection: &mut PgConnection,
    scope: Scope,
    tenant_id: Uuid,
) -> sqlx::Result<Option<SubscriptionRow>> {
    let mut query = QueryBuilder::new("SELECT s.* FROM read.subscriptions s WHERE s.tenant_id = ");
    query.push_bind(tenant_id);
    within(&mut query, "s", scope);
    let Some(row) = query.build().fetch_optional(&mut *connection).await? else {
        return Ok(None);
    };
    let code: Option<String> = row.try_get("failure_code")?;
    let failure = match code {
        None => None,
        Some(code) => Some(RenewalFailure {
            attempts: row.try_get("renewals_failed")?,
            code,
            message: row.try_get("failure")?,
            failed_at: row.try_get("failed_at")?,
            retry_at: row.try_get("retry_at")?,
        }),
    };
    Ok(Some(SubscriptionRow {
        paused_at: row.try_get("paused_at")?,
        cancelled_at: row.try_get("cancelled_at")?,
        renewal_days: row.try_get("renewal_days")?,
        failure,
        grants: grants(connection, scope, tenant_id).await?,
    }))
}

async fn grants(
    connection: &mut PgConnection,
    scope: Scope,
    tenant_id: Uuid,
) -> sqlx::Result<Vec<HeldGrant>> {
    let mut query = QueryBuilder::new(
        "SELECT g.* FROM read.grants g WHERE g.superseded_at IS NULL AND g.ends_at > g.starts_at AND g.tenant_id = ",
    );
    query.push_bind(tenant_id);
    within(&mut query, "g", scope);
    query
        .push(" ORDER BY g.ends_at DESC, g.grant_id LIMIT ")
        .push(GRANTS_MAX);
    let rows = query.build().fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(HeldGrant {
                grant_id: row.try_get("grant_id")?,
                tier: parsed(row, "tier")?,
                source: parsed(row, "source")?,
                starts_at: row.try_get("starts_at")?,
                ends_at: row.try_get("ends_at")?,
                credits_per_day: row.try_get("credits_per_day")?,
                reason: row.try_get("reason")?,
            })
        })
        .collect()
}
