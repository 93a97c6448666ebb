//! Lots: which credits an account has, and in which order they are used.
//!
//! Promotional credits go before paid ones, then those that expire first, then the oldest. What a debit takes and
//! what comes back is said by shares of lots, so that the log tells which credits paid for what.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::credits::Credits;

/// The lot of credits that came before there were lots, or that return from the credit line: paid, undated.
pub const LOT_OF_NO_LOT: u64 = 0;
/// Most lots that an account may have open at one time.
pub const LOTS_OPEN_MAX: usize = 1_000;

/// Credits of one lot, with the lot's terms: a lot that was used up can be filled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Number of the lot in its account.
    pub lot: u64,
    pub credits: Credits,
    /// Whether the credits were given free.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub promotional: bool,
    /// They can be used before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

impl Share {
    pub(super) fn undated(credits: Credits) -> Self {
        Self {
            lot: LOT_OF_NO_LOT,
            credits,
            promotional: false,
            expires_at: None,
        }
    }

    pub(super) fn of(self, credits: Credits) -> Self {
        Self { credits, ..self }
    }

    pub(super) fn is_due(&self, at: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= at)
    }

    /// Which of two lots is used first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let dated = |share: &Self| (share.expires_at.is_none(), share.expires_at);
        other
            .promotional
            .cmp(&self.promotional)
            .then_with(|| dated(self).cmp(&dated(other)))
            .then_with(|| self.lot.cmp(&other.lot))
    }
}

/// Credits that shares hold together.
pub(super) fn total(shares: &[Share]) -> Credits {
    Credits(
        shares
            .iter()
            .fold(0, |sum, share| share.credits.0.saturating_add(sum)),
    )
}

/// The first `credits` of shares, in their order, and what they lack.
pub(super) fn first(shares: &[Share], credits: Credits) -> (Vec<Share>, Credits) {
    let mut wanted = credits.0;
    let mut taken = Vec::new();
    for share in shares {
        let credits = share.credits.0.min(wanted);
        if credits > 0 {
            taken.push(share.of(Credits(credits)));
            wanted -= credits;
        }
    }
    (taken, Credits(wanted))
}

/// The open lots of an account, in the order in which they are used; none is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lots(Vec<Share>);

impl Lots {
    pub fn open(&self) -> &[Share] {
        &self.0
    }

    pub(super) fn total(&self) -> Credits {
        total(&self.0)
    }

    /// What is left of a lot.
    pub(super) fn left(&self, lot: u64) -> Credits {
        self.find(lot).map_or(Credits(0), |share| share.credits)
    }

    pub(super) fn find(&self, lot: u64) -> Option<&Share> {
        self.0.iter().find(|share| share.lot == lot)
    }

    /// What has expired by `at`.
    pub(super) fn due(&self, at: DateTime<Utc>) -> Vec<Share> {
        self.0.iter().filter(|share| share.is_due(at)).copied().collect()
    }

    pub(super) fn add(&mut self, added: &Share) {
        if let Some(known) = self.0.iter_mut().find(|share| share.lot == added.lot) {
            known.credits = Credits(known.credits.0.saturating_add(added.credits.0));
        } else if added.credits.0 > 0 {
            let place = self.0.partition_point(|share| share.order(added).is_lt());
            self.0.insert(place, *added);
        }
    }

    pub(super) fn remove(&mut self, removed: &Share) {
        if let Some(known) = self.0.iter_mut().find(|share| share.lot == removed.lot) {
            known.credits = Credits(known.credits.0.saturating_sub(removed.credits.0));
        }
        self.0.retain(|share| share.credits.0 > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(lot: u64, promotional: bool, expires_at: Option<&str>) -> Share {
        Share {
            lot,
            credits: Credits(10),
            promotional,
            expires_at: expires_at.map(|text| text.parse().unwrap()),
        }
    }

    #[test]
    fn promotional_credits_go_first_then_what_expires_first_then_the_oldest() {
        let mut lots = Lots::default();
        for added in [
            share(1, false, None),
            share(2, false, Some("2027-01-02T00:00:00Z")),
            share(3, true, None),
            share(4, false, Some("2027-01-01T00:00:00Z")),
            share(5, true, Some("2028-01-01T00:00:00Z")),
            share(6, false, None),
        ] {
            lots.add(&added);
        }
        let order: Vec<u64> = lots.open().iter().map(|share| share.lot).collect();
        assert_eq!(order, [5, 3, 4, 2, 1, 6]);
        let (taken, lacking) = first(lots.open(), Credits(25));
        let taken: Vec<_> = taken.iter().map(|share| (share.lot, share.credits.0)).collect();
        assert_eq!((taken, lacking), (vec![(5, 10), (3, 10), (4, 5)], Credits(0)));
        assert_eq!(first(lots.open(), Credits(61)).1, Credits(1));
    }

    #[test]
    fn an_empty_lot_is_closed_and_opens_again_where_it_was() {
        let mut lots = Lots::default();
        lots.add(&share(1, false, None));
        lots.add(&share(2, true, None));
        lots.remove(&share(2, true, None));
        assert_eq!(lots.open(), [share(1, false, None)]);
        lots.add(&share(2, true, None));
        assert_eq!(lots.open(), [share(2, true, None), share(1, false, None)]);
    }
}
