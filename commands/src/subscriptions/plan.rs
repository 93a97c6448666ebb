//! Another plan: what is left of the paid days becomes days of another tier. The preview and the change are one
//! function.

use actix_web::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{GrantId, ResellerId, TenantId};
use domain::subscription::{NewPlan, Subscription, SubscriptionCommand, SubscriptionError};
use domain::tier::Tier;
use domain::tier_list::{TIER_LIST_ID, TierList};
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::customers::ensure_own;
use crate::error::{CommandError, Problem};
use crate::subscriptions::{execute, renewal};

/// How long a preview may be carried out as it was shown.
const PREVIEW_HOLDS: TimeDelta = TimeDelta::minutes(15);

/// What a change of plan does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChange {
    pub from: Tier,
    pub to: Tier,
    /// The instant from which the new tier holds: hand it over to have exactly this.
    pub at: DateTime<Utc>,
    /// End of what is left before and after.
    pub ended_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    /// What a day was paid with, and is worth now.
    pub credits_per_day_before: u32,
    pub credits_per_day: u32,
}

/// What a change would do now.
///
/// # Errors
/// As [`change`].
pub async fn preview(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    tier: Tier,
) -> Result<PlanChange, CommandError> {
    let mut unit = UnitOfWork::new(&write.pool, cause);
    decide(
        &mut unit,
        cause,
        reseller_id,
        tenant_id,
        tier,
        GrantId(Uuid::now_v7()),
    )
    .await
    .map(|(change, _)| change)
}

/// Changes a customer's plan; as of a preview, where its instant is given.
///
/// # Errors
/// The customer is not this reseller's, has no paid days left or has this tier, or the preview is outdated.
pub async fn change(
    write: &WriteSide,
    cause: Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    tier: Tier,
    previewed_at: Option<DateTime<Utc>>,
) -> Result<Done<PlanChange>, CommandError> {
    let cause = as_previewed(cause, previewed_at)?;
    let grant_id = GrantId(Uuid::now_v7());
    let change = async |unit: &mut UnitOfWork<'_>| {
        let (change, subscription) = decide(unit, &cause, reseller_id, tenant_id, tier, grant_id).await?;
        renewal::schedule(write, unit, tenant_id, &subscription, cause.at);
        Ok(change)
    };
    write.bus.run(&cause, change).await
}

fn as_previewed(cause: Cause, previewed_at: Option<DateTime<Utc>>) -> Result<Cause, CommandError> {
    let Some(at) = previewed_at else {
        return Ok(cause);
    };
    if at > cause.at || cause.at - at > PREVIEW_HOLDS {
        let detail = format!(
            "a preview holds for {} minutes: ask for a new one, or leave previewedAt out to change the plan as of now",
            PREVIEW_HOLDS.num_minutes()
        );
        return Err(Problem::new(StatusCode::CONFLICT, "PREVIEW_OUTDATED", detail).into());
    }
    Ok(Cause {
        happened_at: Some(at),
        ..cause
    })
}

async fn decide(
    unit: &mut UnitOfWork<'_>,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    tier: Tier,
    grant_id: GrantId,
) -> Result<(PlanChange, Subscription), CommandError> {
    // A foreign customer is unknown, before anything of it is told.
    ensure_own(unit, reseller_id, tenant_id).await?;
    let at = cause.happened();
    let tiers = unit.load::<TierList>(TIER_LIST_ID).await?;
    let policy = tiers
        .offered(tier, at)
        .map_err(|refusal| CommandError::refused(&refusal))?;
    let present = unit.load::<Subscription>(&tenant_id.to_string()).await?;
    let paid = present
        .paid(&tiers, at)
        .ok_or_else(|| CommandError::refused(&SubscriptionError::NothingToChange(tier)))?;
    let plan = NewPlan {
        grant_id,
        from: paid.tier,
        to: tier,
        credits_per_day: policy.credits_per_day,
        at,
    };
    let changed = execute(
        unit,
        reseller_id,
        tenant_id,
        SubscriptionCommand::ChangePlan(plan),
    )
    .await?;
    let ends_at = |of: &Subscription| of.last_paid().map_or(at, |paid| paid.ends_at);
    let change = PlanChange {
        from: paid.tier,
        to: tier,
        at,
        ended_at: ends_at(&present),
        ends_at: ends_at(&changed),
        credits_per_day_before: paid.credits_per_day,
        credits_per_day: policy.credits_per_day,
    };
    Ok((change, changed))
}
