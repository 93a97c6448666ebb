//! The platform's tiers in all their versions. One stream, [`TIER_LIST_ID`].
//!
//! A grant names a tier. What it allows at an instant is what the version says that is in force then: the last one
//! that is effective by that time, and before the first one that first one. So new limits hold for all customers of
//! a tier at once, and what was allowed at an earlier time stays known.

pub mod founding;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::{self, NAME_CHARS_MAX};
use crate::tier::{TRIAL_DAYS_MAX, Tier, TierLimits, TierPolicy, TrialTerms};

pub const TIER_LIST_ID: &str = "platform";
/// Most tiers, and versions of each, that the list can hold.
pub const TIERS_MAX: usize = 50;
pub const VERSIONS_MAX: usize = 200;
pub const RANK_MAX: u32 = 1_000;
pub const CREDITS_PER_DAY_MAX: u32 = 1_000;
const MODELS_MAX: usize = 50;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TierList {
    tiers: BTreeMap<String, Listed>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Listed {
    /// The oldest first.
    versions: Vec<Arc<TierPolicy>>,
    retired: bool,
}

/// A list of versions as a read model keeps them: each tier's in their order.
impl FromIterator<TierPolicy> for TierList {
    fn from_iter<I: IntoIterator<Item = TierPolicy>>(policies: I) -> Self {
        let mut list = Self::default();
        for policy in policies {
            list.evolve(TierListEvent::TierPublished(policy));
        }
        list
    }
}

/// What is published of a tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierTerms {
    pub name: String,
    pub rank: u32,
    pub credits_per_day: u32,
    pub limits: TierLimits,
}

#[derive(Clone, Debug)]
pub enum TierListCommand {
    /// A new tier, or the next version of one that is known; a retired one is offered again.
    Publish {
        tier: Tier,
        terms: TierTerms,
        /// From now on, where left out.
        effective_at: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    },
    /// Offers it no longer. Who has it keeps it and may extend it.
    Retire { tier: Tier },
}

/// Facts about tiers. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum TierListEvent {
    TierPublished(TierPolicy),
    TierRetired { tier: Tier },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum TierListError {
    #[error("there is no tier {tier} on offer: {}", text::choice(offered))]
    TierNotFound { tier: Tier, offered: Vec<String> },
    #[error("a name has 1 to {NAME_CHARS_MAX} characters: shorten it or type one in")]
    InvalidName,
    #[error("a rank lies between 0 and {RANK_MAX}: a higher one wins where a customer has several grants")]
    InvalidRank,
    #[error("the tier {0} has this rank: give each tier a rank of its own")]
    RankTaken(Tier),
    #[error("a day costs 1 to {CREDITS_PER_DAY_MAX} credits")]
    InvalidPrice,
    #[error(
        "limits are at least 1, and at most {MODELS_MAX} models are named, each with 1 to {NAME_CHARS_MAX} \
         characters: leave a limit out where any number is allowed"
    )]
    InvalidLimits,
    #[error("a trial has 1 to {TRIAL_DAYS_MAX} days, with at least one minute of speech a day")]
    InvalidTrial,
    #[error("the tier {tier} cannot be tried: {}", text::choice(offered))]
    NoTrial { tier: Tier, offered: Vec<String> },
    #[error(
        "a version is effective from now on or from later, and after the version before it: the earliest instant is {}",
        .earliest.format("%Y-%m-%dT%H:%M:%SZ")
    )]
    EffectiveTooEarly { earliest: DateTime<Utc> },
    #[error("the list holds at most {TIERS_MAX} tiers: publish a version of one that it has")]
    TooManyTiers,
    #[error("a tier has at most {VERSIONS_MAX} versions: publish another tier")]
    TooManyVersions,
}

impl Refusal for TierListError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::TierNotFound { .. } => RefusalKind::NotFound,
            Self::RankTaken(_) | Self::NoTrial { .. } | Self::TooManyTiers | Self::TooManyVersions => {
                RefusalKind::Conflict
            }
            Self::InvalidName
            | Self::InvalidRank
            | Self::InvalidPrice
            | Self::InvalidLimits
            | Self::InvalidTrial
            | Self::EffectiveTooEarly { .. } => RefusalKind::Invalid,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::TierNotFound { offered, .. } | Self::NoTrial { offered, .. } => Facts {
                allowed: offered.clone(),
                ..Facts::default()
            },
            Self::InvalidName
            | Self::InvalidRank
            | Self::RankTaken(_)
            | Self::InvalidPrice
            | Self::InvalidLimits
            | Self::InvalidTrial
            | Self::EffectiveTooEarly { .. }
            | Self::TooManyTiers
            | Self::TooManyVersions => Facts::default(),
        }
    }
}

aggregate!(
    TierList,
    "tier_list",
    TierListCommand,
    TierListEvent,
    TierListError
);

impl TierListEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::TierPublished(_) | Self::TierRetired { .. } => "1",
        }
    }
}

impl TierList {
    /// The version of a tier that is in force at `at`.
    pub fn in_force(&self, tier: Tier, at: DateTime<Utc>) -> Option<&Arc<TierPolicy>> {
        let versions = &self.tiers.get(tier.as_ref())?.versions;
        let effective = versions.partition_point(|version| version.effective_at <= at);
        versions.get(effective.saturating_sub(1))
    }

    /// The version in force of a tier that new grants may name.
    ///
    /// # Errors
    /// No such tier is on offer; the error names those that are.
    pub fn offered(&self, tier: Tier, at: DateTime<Utc>) -> Result<&Arc<TierPolicy>, TierListError> {
        let listed = self.tiers.get(tier.as_ref()).filter(|listed| !listed.retired);
        listed
            .and_then(|_| self.in_force(tier, at))
            .ok_or_else(|| self.not_found(tier))
    }

    /// The version in force of a tier that somebody has, on offer or not.
    ///
    /// # Errors
    /// No such tier was ever published.
    pub fn known(&self, tier: Tier, at: DateTime<Utc>) -> Result<&Arc<TierPolicy>, TierListError> {
        self.in_force(tier, at).ok_or_else(|| self.not_found(tier))
    }

    /// How a tier that is on offer can be tried.
    ///
    /// # Errors
    /// It is not on offer, or cannot be tried; the error names those that can.
    pub fn trial(&self, tier: Tier, at: DateTime<Utc>) -> Result<TrialTerms, TierListError> {
        let policy = self.offered(tier, at)?;
        policy.limits.trial.ok_or_else(|| {
            let offered = self.tiers.iter().filter(|(_, listed)| !listed.retired);
            let tried = offered.filter(|(code, _)| {
                let known = code.parse().ok().and_then(|tier| self.in_force(tier, at));
                known.is_some_and(|policy| policy.limits.trial.is_some())
            });
            TierListError::NoTrial {
                tier,
                offered: tried.map(|(code, _)| code.clone()).collect(),
            }
        })
    }

    /// The last version of a tier, in force or not yet.
    ///
    /// # Errors
    /// No such tier was ever published.
    pub fn latest(&self, tier: Tier) -> Result<&Arc<TierPolicy>, TierListError> {
        let listed = self.tiers.get(tier.as_ref());
        listed
            .and_then(|listed| listed.versions.last())
            .ok_or_else(|| self.not_found(tier))
    }

    fn not_found(&self, tier: Tier) -> TierListError {
        let offered = self.tiers.iter().filter(|(_, listed)| !listed.retired);
        TierListError::TierNotFound {
            tier,
            offered: offered.map(|(code, _)| code.clone()).collect(),
        }
    }

    fn decide(&self, command: TierListCommand) -> Result<Vec<TierListEvent>, TierListError> {
        match command {
            TierListCommand::Publish {
                tier,
                terms,
                effective_at,
                at,
            } => self.publish(tier, terms, effective_at, at),
            TierListCommand::Retire { tier } => match self.tiers.get(tier.as_ref()) {
                Some(listed) if !listed.retired => Ok(vec![TierListEvent::TierRetired { tier }]),
                Some(_) | None => Err(self.not_found(tier)),
            },
        }
    }

    fn publish(
        &self,
        tier: Tier,
        terms: TierTerms,
        effective_at: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> Result<Vec<TierListEvent>, TierListError> {
        let name = text::checked(&terms.name, NAME_CHARS_MAX).ok_or(TierListError::InvalidName)?;
        if terms.rank > RANK_MAX {
            return Err(TierListError::InvalidRank);
        }
        if !(1..=CREDITS_PER_DAY_MAX).contains(&terms.credits_per_day) {
            return Err(TierListError::InvalidPrice);
        }
        ensure_limits(&terms.limits)?;
        self.ensure_rank_is_free(tier, terms.rank)?;
        let known = self.tiers.get(tier.as_ref());
        let last = known.and_then(|listed| listed.versions.last());
        if known.is_none() && self.tiers.len() >= TIERS_MAX {
            return Err(TierListError::TooManyTiers);
        }
        if known.is_some_and(|listed| listed.versions.len() >= VERSIONS_MAX) {
            return Err(TierListError::TooManyVersions);
        }
        let policy = TierPolicy {
            tier,
            version: last.map_or(1, |last| last.version + 1),
            name,
            rank: terms.rank,
            credits_per_day: terms.credits_per_day,
            limits: terms.limits,
            effective_at: effective_at.unwrap_or(at),
        };
        let nothing_new = last.is_some_and(|last| is_same(last, &policy, effective_at.is_none()));
        if nothing_new && known.is_some_and(|listed| !listed.retired) {
            return Ok(vec![]);
        }
        let after_last = last.map_or(at, |last| last.effective_at + chrono::TimeDelta::microseconds(1));
        let earliest = at.max(after_last);
        if policy.effective_at < earliest {
            return Err(TierListError::EffectiveTooEarly { earliest });
        }
        Ok(vec![TierListEvent::TierPublished(policy)])
    }

    fn ensure_rank_is_free(&self, tier: Tier, rank: u32) -> Result<(), TierListError> {
        let others = self.tiers.values().filter_map(|listed| listed.versions.last());
        match others
            .into_iter()
            .find(|other| other.tier != tier && other.rank == rank)
        {
            Some(other) => Err(TierListError::RankTaken(other.tier)),
            None => Ok(()),
        }
    }

    fn evolve(&mut self, event: TierListEvent) {
        match event {
            TierListEvent::TierPublished(policy) => {
                let listed = self.tiers.entry(policy.tier.to_string()).or_default();
                listed.versions.push(Arc::new(policy));
                listed.retired = false;
            }
            TierListEvent::TierRetired { tier } => {
                if let Some(listed) = self.tiers.get_mut(tier.as_ref()) {
                    listed.retired = true;
                }
            }
        }
    }
}

fn ensure_limits(limits: &TierLimits) -> Result<(), TierListError> {
    let numbers = limits.upload_bytes_max > 0
        && i64::try_from(limits.upload_bytes_max).is_ok()
        && limits.concurrent_jobs_max > 0
        && limits
            .storage_bytes_max
            .is_none_or(|bytes| bytes > 0 && i64::try_from(bytes).is_ok());
    let models = limits.models.as_deref().unwrap_or_default();
    let named = models.len() <= MODELS_MAX
        && models
            .iter()
            .all(|model| text::checked(model, NAME_CHARS_MAX).as_ref() == Some(model));
    if !numbers || !named {
        return Err(TierListError::InvalidLimits);
    }
    match limits.trial {
        Some(trial) if !(1..=TRIAL_DAYS_MAX).contains(&trial.days) || trial.audio_minutes_per_day == 0 => {
            Err(TierListError::InvalidTrial)
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether a version says what the last one says, where it is to hold from now on.
fn is_same(last: &TierPolicy, next: &TierPolicy, from_now_on: bool) -> bool {
    let mut same = next.clone();
    same.version = last.version;
    if from_now_on {
        same.effective_at = last.effective_at;
    }
    same == *last
}

#[cfg(test)]
pub(crate) mod tests;
