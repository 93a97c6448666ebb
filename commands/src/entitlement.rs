//! What a customer may do now: one decision for uploads, jobs and workflows.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::ids::{ResellerId, TenantId};
use domain::subscription::Subscription;
use domain::tenant::{Tenant, TenantError};
use domain::tier::TierPolicy;
use domain::tier_list::{TIER_LIST_ID, TierList};
use store::unit_of_work::UnitOfWork;

use crate::error::CommandError;
use crate::standing;

/// What the caller's customer may do at `at`.
///
/// # Errors
/// The reseller or the customer is suspended, or the subscription has ended.
pub async fn policy(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    at: DateTime<Utc>,
) -> Result<Arc<TierPolicy>, CommandError> {
    standing::ensure_active(unit, reseller_id).await?;
    let tenant = unit.load::<Tenant>(&tenant_id.to_string()).await?;
    tenant
        .ensure_active()
        .map_err(|refusal| CommandError::refused(&refusal))?;
    if tenant.reseller_id() != Some(reseller_id) {
        return Err(CommandError::refused(&TenantError::CustomerMoved));
    }
    let subscription = unit.load::<Subscription>(&tenant_id.to_string()).await?;
    let tiers = unit.load::<TierList>(TIER_LIST_ID).await?;
    let grant = subscription
        .entitlement(&tiers, at)
        .map_err(|refusal| CommandError::refused(&refusal))?;
    let policy = tiers
        .known(grant.tier, at)
        .map_err(|refusal| CommandError::refused(&refusal))?;
    Ok(Arc::clone(policy))
}
