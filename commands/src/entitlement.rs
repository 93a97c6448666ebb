//! What a customer may do now: one decision for uploads, jobs and workflows.

use chrono::{DateTime, Utc};
use domain::ids::{ResellerId, TenantId};
use domain::reseller::Reseller;
use domain::subscription::Subscription;
use domain::tenant::Tenant;
use domain::tier::TierPolicy;
use store::unit_of_work::UnitOfWork;

use crate::error::CommandError;

/// What the caller's customer may do at `at`.
///
/// # Errors
/// The reseller or the customer is suspended, or the subscription has ended.
pub async fn policy(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    at: DateTime<Utc>,
) -> Result<&'static TierPolicy, CommandError> {
    let reseller = unit.load::<Reseller>(&reseller_id.to_string()).await?;
    reseller
        .ensure_active()
        .map_err(|refusal| CommandError::refused(&refusal))?;
    let tenant = unit.load::<Tenant>(&tenant_id.to_string()).await?;
    tenant
        .ensure_active()
        .map_err(|refusal| CommandError::refused(&refusal))?;
    let subscription = unit.load::<Subscription>(&tenant_id.to_string()).await?;
    let grant = subscription
        .entitlement(at)
        .map_err(|refusal| CommandError::refused(&refusal))?;
    Ok(grant.tier.policy())
}
