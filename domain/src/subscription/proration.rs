//! What is left of paid days, and what it is worth on another plan. Nothing is made and nothing is lost: the value
//! is counted in credits times microseconds per day, in whole numbers, and what buys no further microsecond is
//! carried by the new grant.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};

use super::grant::{Grant, GrantSource, Payment};
use crate::credits::Credits;
use crate::ids::GrantId;
use crate::tier::Tier;

const MICROSECONDS_PER_DAY: i128 = 86_400_000_000;

/// What grants are still worth, in credits times microseconds per day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Value(i128);

impl Value {
    /// Of what is left at `at` of those that were paid with credits.
    pub fn left<'a>(grants: impl IntoIterator<Item = &'a Grant>, at: DateTime<Utc>) -> Self {
        let paid = grants
            .into_iter()
            .filter(|grant| grant.source == GrantSource::Credits && grant.ends_at > at);
        Self(paid.map(|grant| of(grant, at)).sum())
    }

    /// The whole credits in it; the rest of a day is not given back.
    pub fn whole_credits(self) -> Credits {
        Credits(i64::try_from(self.0 / MICROSECONDS_PER_DAY).unwrap_or(i64::MAX))
    }

    /// The grant that it buys from `at` on; `None` where it buys no microsecond.
    pub fn buy(
        self,
        grant_id: GrantId,
        tier: Tier,
        credits_per_day: u32,
        at: DateTime<Utc>,
    ) -> Option<Grant> {
        let price = i128::from(credits_per_day.max(1));
        let length = i64::try_from(self.0 / price).ok().filter(|length| *length > 0)?;
        Some(Grant {
            grant_id,
            tier,
            source: GrantSource::Credits,
            starts_at: at,
            ends_at: at.checked_add_signed(TimeDelta::microseconds(length))?,
            credits_per_day,
            carry: u32::try_from(self.0 % price).ok()?,
            payments: vec![],
        })
    }
}

/// The credits that come back for what is left of paid days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaidBack {
    /// For each debit, the last first: what was paid last has been used least.
    pub payments: Vec<Payment>,
    /// For days of which no debit is known.
    pub unnamed: Credits,
}

impl PaidBack {
    /// Of what is left of `grants` at `at`.
    pub(super) fn of(grants: &[Grant], at: DateTime<Utc>) -> Self {
        let (named, unnamed): (Vec<_>, Vec<_>) = grants.iter().partition(|grant| !grant.payments.is_empty());
        let named_value = Value::left(named.iter().copied(), at);
        let whole = Value(named_value.0 + Value::left(unnamed, at).0).whole_credits();
        let mut left = named_value.whole_credits();
        let unnamed = Credits(whole.0.saturating_sub(left.0));
        let mut running: Vec<_> = named.into_iter().filter(|grant| grant.ends_at > at).collect();
        running.sort_by_key(|grant| Reverse(grant.ends_at));
        let mut payments = Vec::new();
        for payment in running.iter().flat_map(|grant| grant.payments.iter().rev()) {
            let credits = payment.credits.min(left);
            left.0 = left.0.saturating_sub(credits.0);
            payments.push(Payment { credits, ..*payment });
        }
        payments.retain(|payment| payment.credits.0 > 0);
        Self { payments, unnamed }
    }
}

fn of(grant: &Grant, at: DateTime<Utc>) -> i128 {
    let left = grant.ends_at - grant.starts_at.max(at);
    let microseconds = left.num_microseconds().unwrap_or(i64::MAX).max(0);
    i128::from(microseconds) * i128::from(grant.credits_per_day) + i128::from(grant.carry)
}
