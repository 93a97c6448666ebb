//! A tenant's subscription: the dated rights it holds, and how they are changed. Its stream carries the tenant's id.
//!
//! Whatever changes a right cuts grants and grants anew: the grants that are left say at every instant what held.

mod decide;
mod evolve;
mod grant;
mod proration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use grant::{Grant, GrantCut, GrantSource, Payment};
pub use proration::PaidBack;

use proration::Value;

use crate::credits::Credits;
use crate::es::aggregate;
use crate::ids::GrantId;
use crate::refusal::{Refusal, RefusalKind};
use crate::text::NOTE_CHARS_MAX;
use crate::tier::Tier;
use crate::tier_list::TierList;

/// Longest period that one command may grant, in days.
pub const DAYS_MAX: u32 = 3_650;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Subscription {
    grants: Vec<Grant>,
    pause: Option<Pause>,
    /// Length of each renewal in days, where it renews itself.
    auto_renewal: Option<u32>,
    /// Renewals that failed since the last one that did not.
    renewals_failed: u32,
}

/// A subscription whose time stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pause {
    at: DateTime<Utc>,
    /// What was left then.
    held: Vec<Grant>,
}

/// What a change leaves: the grant that ends last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub tier: Tier,
    pub ends_at: DateTime<Utc>,
}

/// Access that is to be granted, or to go on.
#[derive(Clone, Debug)]
pub struct NewGrant {
    pub grant_id: GrantId,
    pub tier: Tier,
    /// What a day of it is paid with; 0 where it is given.
    pub credits_per_day: u32,
    pub days: u32,
    pub source: GrantSource,
    /// Why it is given, where nobody pays for it.
    pub reason: Option<String>,
    /// The debit that pays for it, where one does.
    pub payment: Option<Payment>,
    pub at: DateTime<Utc>,
}

/// What the tier is changed to.
#[derive(Clone, Debug)]
pub struct NewPlan {
    pub grant_id: GrantId,
    /// The tier whose paid days are changed: that of the grant that decides.
    pub from: Tier,
    pub to: Tier,
    pub credits_per_day: u32,
    pub at: DateTime<Utc>,
}

/// When a cancelled subscription ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelWhen {
    /// As it would have: it is not renewed.
    AtEnd,
    /// At once; whole days that were paid come back.
    Now,
}

#[derive(Clone, Debug)]
pub enum SubscriptionCommand {
    /// A first or a further grant, from now on.
    Grant(NewGrant),
    /// More days after the end of the grant that ends last; from now on where it has ended. The tier is that of
    /// [`Subscription::last`].
    Extend(NewGrant),
    /// A grant that follows from what happens elsewhere, with the dates that it has now. One that ends where it
    /// starts is taken away.
    Date {
        grant_id: GrantId,
        tier: Tier,
        source: GrantSource,
        starts_at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    },
    ChangePlan(NewPlan),
    Pause {
        reason: String,
        at: DateTime<Utc>,
    },
    /// The ids of the grants that go on follow from `grant_id`.
    Resume {
        grant_id: GrantId,
        reason: String,
        at: DateTime<Utc>,
    },
    Cancel {
        when: CancelWhen,
        reason: String,
        /// What the accounts that paid take back, at most what the days that are left are worth: a debit may have
        /// been refunded before.
        returned: Credits,
        at: DateTime<Utc>,
    },
    /// Renews itself by so many days, or no longer.
    SetAutoRenewal {
        days: Option<u32>,
    },
    FailRenewal {
        code: String,
        message: String,
        /// `None` where it is not tried again.
        retry_at: Option<DateTime<Utc>>,
        /// Bridges the time until then.
        grace: Option<NewGrant>,
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
        #[serde(default = "grant::one_credit", skip_serializing_if = "grant::is_one_credit")]
        credits_per_day: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment: Option<Payment>,
    },
    /// A grant came to be, or has other dates than before. No credit has paid for it.
    AccessDated {
        grant_id: GrantId,
        tier: Tier,
        source: GrantSource,
        starts_at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
        leaves: Standing,
    },
    /// What was left of one tier's paid days became days of another, at the same value.
    PlanChanged {
        at: DateTime<Utc>,
        from: Tier,
        to: Tier,
        cut: Vec<GrantCut>,
        granted: Grant,
        leaves: Standing,
    },
    SubscriptionPaused {
        at: DateTime<Utc>,
        reason: String,
        cut: Vec<GrantCut>,
        leaves: Standing,
    },
    SubscriptionResumed {
        at: DateTime<Utc>,
        reason: String,
        granted: Vec<Grant>,
        leaves: Standing,
    },
    SubscriptionCancelled {
        at: DateTime<Utc>,
        when: CancelWhen,
        reason: String,
        cut: Vec<GrantCut>,
        /// Credits that go back to the reseller.
        returned: Credits,
        leaves: Standing,
    },
    AutoRenewalSet {
        days: Option<u32>,
    },
    RenewalFailed {
        /// Counted from 1 since the last renewal that did not fail.
        attempt: u32,
        code: String,
        message: String,
        retry_at: Option<DateTime<Utc>>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum SubscriptionError {
    #[error("a period has 1 to {DAYS_MAX} days, for example 30, 90 or 365")]
    InvalidPeriod,
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why")]
    InvalidReason,
    #[error("there is no subscription to extend: grant one first")]
    SubscriptionNotFound,
    #[error("the subscription ended on {}: ask your reseller to extend it", .0.format("%Y-%m-%d %H:%M UTC"))]
    SubscriptionExpired(DateTime<Utc>),
    #[error(
        "the subscription is paused since {} and its time stands still: the reseller can resume it",
        .0.format("%Y-%m-%d %H:%M UTC")
    )]
    SubscriptionPaused(DateTime<Utc>),
    #[error("the subscription is not paused")]
    SubscriptionNotPaused,
    #[error("the customer pays in a store: the subscription is paused and cancelled there")]
    SubscriptionOfStore,
    #[error("the customer has the tier {0} already: choose another one")]
    PlanUnchanged(Tier),
    #[error("no paid days of the tier {0} are left to be changed: extend the subscription first")]
    NothingToChange(Tier),
}

impl Refusal for SubscriptionError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::InvalidPeriod | Self::InvalidReason => RefusalKind::Invalid,
            Self::SubscriptionNotFound => RefusalKind::NotFound,
            Self::SubscriptionExpired(_) => RefusalKind::Forbidden,
            Self::SubscriptionPaused(_)
            | Self::SubscriptionNotPaused
            | Self::SubscriptionOfStore
            | Self::PlanUnchanged(_)
            | Self::NothingToChange(_) => RefusalKind::Conflict,
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
            Self::AccessGranted { .. }
            | Self::AccessDated { .. }
            | Self::PlanChanged { .. }
            | Self::SubscriptionPaused { .. }
            | Self::SubscriptionResumed { .. }
            | Self::SubscriptionCancelled { .. }
            | Self::AutoRenewalSet { .. }
            | Self::RenewalFailed { .. } => "1",
        }
    }
}

/// The grants that were known at some time.
impl FromIterator<Grant> for Subscription {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        Self {
            grants: grants.into_iter().collect(),
            ..Self::default()
        }
    }
}

impl Subscription {
    /// The grant that decides at `at`: the highest tier among those that hold, the longest of these.
    ///
    /// # Errors
    /// None holds.
    pub fn entitlement(&self, tiers: &TierList, at: DateTime<Utc>) -> Result<&Grant, SubscriptionError> {
        self.grants
            .iter()
            .filter(|grant| grant.holds(at))
            .max_by_key(|grant| {
                let rank = tiers.in_force(grant.tier, at).map(|policy| policy.rank);
                // What is paid has no allowance by the day.
                (rank, grant.source != GrantSource::Trial, grant.ends_at)
            })
            .ok_or_else(|| self.why_none())
    }

    fn why_none(&self) -> SubscriptionError {
        if let Some(pause) = &self.pause {
            return SubscriptionError::SubscriptionPaused(pause.at);
        }
        self.ends_at().map_or(
            SubscriptionError::SubscriptionNotFound,
            SubscriptionError::SubscriptionExpired,
        )
    }

    /// Every grant that there ever was, as it stands now.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// End of the last grant.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.grants.iter().map(|grant| grant.ends_at).max()
    }

    /// The last grant that was paid with credits: what a renewal goes on with.
    pub fn last_paid(&self) -> Option<&Grant> {
        let paid = self
            .grants
            .iter()
            .filter(|grant| grant.source == GrantSource::Credits);
        paid.max_by_key(|grant| grant.ends_at)
    }

    /// The grant whose tier a change of plan changes: paid with credits and running, else to come; the highest tier
    /// of those.
    pub fn paid(&self, tiers: &TierList, at: DateTime<Utc>) -> Option<&Grant> {
        let paid = self
            .grants
            .iter()
            .filter(|grant| grant.source == GrantSource::Credits);
        paid.filter(|grant| grant.ends_at > at).max_by_key(|grant| {
            let rank = tiers.in_force(grant.tier, at).map(|policy| policy.rank);
            (grant.holds(at), rank, grant.ends_at)
        })
    }

    /// The credits that cancelling it at `at` gives back: whole days' worth of what was paid.
    pub fn returns(&self, at: DateTime<Utc>) -> Credits {
        let (grants, at) = self.left(at);
        Value::left(grants, at).whole_credits()
    }

    /// The same credits, with the debits that they go back to.
    pub fn paid_back(&self, at: DateTime<Utc>) -> PaidBack {
        let (grants, at) = self.left(at);
        PaidBack::of(grants, at)
    }

    /// The grants that are left, and since when their time counts.
    fn left(&self, at: DateTime<Utc>) -> (&[Grant], DateTime<Utc>) {
        match &self.pause {
            Some(pause) => (&pause.held, pause.at),
            None => (&self.grants, at),
        }
    }

    /// Since when its time stands still.
    pub fn paused_at(&self) -> Option<DateTime<Utc>> {
        self.pause.as_ref().map(|pause| pause.at)
    }

    /// Length of each renewal in days, where it renews itself.
    pub fn auto_renewal(&self) -> Option<u32> {
        self.auto_renewal
    }

    /// Renewals that failed since the last one that did not.
    pub fn renewals_failed(&self) -> u32 {
        self.renewals_failed
    }

    /// The grant that an extension continues: the one that ends last, the highest tier of those that end together.
    ///
    /// # Errors
    /// There never was one.
    pub fn last(&self, tiers: &TierList, at: DateTime<Utc>) -> Result<&Grant, SubscriptionError> {
        let rank = |tier| tiers.in_force(tier, at).map(|policy| policy.rank);
        let last = self
            .grants
            .iter()
            .max_by_key(|grant| (grant.ends_at, rank(grant.tier)));
        last.ok_or(SubscriptionError::SubscriptionNotFound)
    }
}

#[cfg(test)]
mod tests;
