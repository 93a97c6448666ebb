//! Use cases of the platform around tiers.

use chrono::{DateTime, Utc};
use domain::tier::Tier;
use domain::tier_list::{TIER_LIST_ID, TierList, TierListCommand, TierTerms};
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner, UnitOfWork};

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Published {
    pub version: u32,
    pub effective_at: DateTime<Utc>,
}

/// Publishes a tier, or the next version of one: for all who have it, from `effective_at` on.
///
/// # Errors
/// A term breaks a rule, or the instant lies before the version before.
pub async fn publish(
    write: &WriteSide,
    cause: &Cause,
    tier: Tier,
    terms: &TierTerms,
    effective_at: Option<DateTime<Utc>>,
) -> Result<Done<Published>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = TierListCommand::Publish {
            tier,
            terms: terms.clone(),
            effective_at,
            at: cause.at,
        };
        let list = unit
            .execute::<TierList>(Owner::PLATFORM, TIER_LIST_ID, command)
            .await?;
        let latest = list
            .latest(tier)
            .map_err(|refusal| CommandError::refused(&refusal))?;
        Ok(Published {
            version: latest.version,
            effective_at: latest.effective_at,
        })
    };
    write.bus.run(cause, decide).await
}

/// Offers a tier no longer.
///
/// # Errors
/// No such tier is on offer.
pub async fn retire(write: &WriteSide, cause: &Cause, tier: Tier) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = TierListCommand::Retire { tier };
        unit.execute::<TierList>(Owner::PLATFORM, TIER_LIST_ID, command)
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}
