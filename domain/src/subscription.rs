//! A tenant's subscription: the dated rights it holds. Its stream carries the tenant's id.

use chrono::{DateTime, Days, Utc};
use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::GrantId;
use crate::refusal::{Refusal, RefusalKind};
use crate::tier::Tier;

/// Longest period that one command may grant, in days.
pub const DAYS_MAX: u32 = 3_650;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Subscription {
    grants: Vec<Grant>,
}

/// A right to a tier from `starts_at` up to, not including, `ends_at`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub grant_id: GrantId,
    pub tier: Tier,
    pub source: GrantSource,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

/// Who pays for a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GrantSource {
    Credits,
}

#[derive(Clone, Debug)]
pub enum SubscriptionCommand {
    /// A first or a further grant, from now on.
    Grant {
        grant_id: GrantId,
        tier: Tier,
        days: u32,
        source: GrantSource,
        at: DateTime<Utc>,
    },
    /// More days of the grant that ends last, after its end; from now on where it has ended.
    Extend {
        grant_id: GrantId,
        days: u32,
        source: GrantSource,
        at: DateTime<Utc>,
    },
}

/// Facts about a subscription. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum SubscriptionEvent {
    AccessGranted {
        grant_id: GrantId,
        tier: Tier,
        source: GrantSource,
        days: u32,
        starts_at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum SubscriptionError {
    #[error("a period has 1 to {DAYS_MAX} days, for example 30, 90 or 365")]
    InvalidPeriod,
    #[error("there is no subscription to extend: grant one first")]
    SubscriptionNotFound,
    #[error("the subscription ended on {}: ask your reseller to extend it", .0.format("%Y-%m-%d %H:%M UTC"))]
    SubscriptionExpired(DateTime<Utc>),
}

impl Refusal for SubscriptionError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::InvalidPeriod => RefusalKind::Invalid,
            Self::SubscriptionNotFound => RefusalKind::NotFound,
            Self::SubscriptionExpired(_) => RefusalKind::Forbidden,
        }
    }
}

aggregate!(
    Subscription,
    "subscription",
    SubscriptionCommand,
    SubscriptionEvent,
    SubscriptionError
);

impl SubscriptionEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::AccessGranted { .. } => "1",
        }
    }
}

impl Subscription {
    /// The grant that decides at `at`: the highest tier among those that hold, the longest of these.
    ///
    /// # Errors
    /// None holds.
    pub fn entitlement(&self, at: DateTime<Utc>) -> Result<&Grant, SubscriptionError> {
        self.grants
            .iter()
            .filter(|grant| grant.starts_at <= at && at < grant.ends_at)
            .max_by_key(|grant| (grant.tier, grant.ends_at))
            .ok_or_else(|| {
                self.ends_at().map_or(
                    SubscriptionError::SubscriptionNotFound,
                    SubscriptionError::SubscriptionExpired,
                )
            })
    }

    /// End of the last grant.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.grants.iter().map(|grant| grant.ends_at).max()
    }

    fn decide(&self, command: SubscriptionCommand) -> Result<Vec<SubscriptionEvent>, SubscriptionError> {
        match command {
            SubscriptionCommand::Grant {
                grant_id,
                tier,
                days,
                source,
                at,
            } => granted(grant_id, tier, days, source, at),
            SubscriptionCommand::Extend {
                grant_id,
                days,
                source,
                at,
            } => {
                let last = self.grants.iter().max_by_key(|grant| (grant.ends_at, grant.tier));
                let last = last.ok_or(SubscriptionError::SubscriptionNotFound)?;
                granted(grant_id, last.tier, days, source, last.ends_at.max(at))
            }
        }
    }

    fn evolve(&mut self, event: SubscriptionEvent) {
        match event {
            SubscriptionEvent::AccessGranted {
                grant_id,
                tier,
                source,
                starts_at,
                ends_at,
                ..
            } => {
                self.grants.push(Grant {
                    grant_id,
                    tier,
                    source,
                    starts_at,
                    ends_at,
                });
            }
        }
    }
}

fn granted(
    grant_id: GrantId,
    tier: Tier,
    days: u32,
    source: GrantSource,
    starts_at: DateTime<Utc>,
) -> Result<Vec<SubscriptionEvent>, SubscriptionError> {
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(SubscriptionError::InvalidPeriod);
    }
    let ends_at = starts_at
        .checked_add_days(Days::new(days.into()))
        .ok_or(SubscriptionError::InvalidPeriod)?;
    Ok(vec![SubscriptionEvent::AccessGranted {
        grant_id,
        tier,
        source,
        days,
        starts_at,
        ends_at,
    }])
}

#[cfg(test)]
mod tests;
