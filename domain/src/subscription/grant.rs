//! A dated right to a tier.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::credits::Credits;
use crate::ids::{GrantId, ResellerId};
use crate::tier::Tier;

/// A right to a tier from `starts_at` up to, not including, `ends_at`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub grant_id: GrantId,
    pub tier: Tier,
    pub source: GrantSource,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    /// What a day of it was paid with; 0 where it was given.
    #[serde(default = "one_credit", skip_serializing_if = "is_one_credit")]
    pub credits_per_day: u32,
    /// What a change of plan left over that buys no further microsecond, in credits times microseconds per day:
    /// kept, so that changing back gives back all that there was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub carry: u32,
    /// The debits that paid for it, the oldest first; several where a change of plan made one grant of several.
    /// None where it was given, and where it was paid before grants named their debits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<Payment>,
}

/// A debit of a credit account, by which days were paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Whose account it was: a customer may have been moved since.
    pub reseller_id: ResellerId,
    /// Number of the movement in that account.
    pub debit: u64,
    pub credits: Credits,
}

/// What a day of every tier cost before tiers had prices.
pub(super) fn one_credit() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
pub(super) fn is_one_credit(credits: &u32) -> bool {
    *credits == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Where a grant comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GrantSource {
    /// The reseller paid for it, a credit per day.
    Credits,
    /// The customer pays for it in a store.
    Store,
    /// To try the product, for nothing or for little.
    Trial,
    /// The platform gave it, with a reason.
    Manual,
    /// It bridges a renewal that failed.
    Grace,
}

/// A grant that ends earlier than it was to; at its own start where it had not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantCut {
    pub grant_id: GrantId,
    pub ends_at: DateTime<Utc>,
}

impl Grant {
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.starts_at <= at && at < self.ends_at
    }

    /// What ends it at `at`, or undoes it where it has not begun.
    pub(super) fn cut(&self, at: DateTime<Utc>) -> GrantCut {
        GrantCut {
            grant_id: self.grant_id,
            ends_at: at.max(self.starts_at),
        }
    }

    /// What is left of it at `at`.
    pub(super) fn rest(&self, at: DateTime<Utc>) -> Self {
        Self {
            starts_at: self.starts_at.max(at),
            ..self.clone()
        }
    }
}
