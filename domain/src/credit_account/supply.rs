//! Which lots a movement takes from, and which it fills.

use chrono::{DateTime, TimeDelta, Utc};

use super::CreditAccountError;
use super::draft::{Draft, Refusable, positive};
use super::lots::{self, LOTS_OPEN_MAX, Share};
use crate::credits::Credits;

impl Draft {
    /// Shares for what is spent, and the balance then.
    pub(super) fn funds(&self, credits: Credits) -> Refusable<(Vec<Share>, Credits)> {
        let credits = positive(credits)?;
        let balance_after = self.lowered(credits)?;
        Ok((lots::first(self.account.lots.open(), credits).0, balance_after))
    }

    /// Shares for what is given away, which cannot be lent.
    pub(super) fn gift(&self, credits: Credits) -> Refusable<Vec<Share>> {
        let (shares, lacking) = lots::first(self.account.lots.open(), positive(credits)?);
        if lacking.0 > 0 {
            return Err(CreditAccountError::InsufficientCredits {
                needed: credits,
                available: self.account.lots.total(),
            });
        }
        Ok(shares)
    }

    pub(super) fn raised(&self, credits: Credits) -> Refusable<Credits> {
        self.account
            .balance
            .checked_add(credits)
            .ok_or(CreditAccountError::InvalidAmount)
    }

    pub(super) fn lowered(&self, credits: Credits) -> Refusable<Credits> {
        let floor = self.account.credit_line.0.saturating_neg();
        self.account
            .balance
            .checked_sub(credits)
            .filter(|after| after.0 >= floor)
            .ok_or(CreditAccountError::InsufficientCredits {
                needed: credits,
                available: Credits(self.account.balance.0.saturating_sub(floor)),
            })
    }

    /// A lot of its own for new credits, less what pays back the credit line.
    pub(super) fn new_lot(
        &self,
        credits: Credits,
        promotional: bool,
        expires_at: Option<DateTime<Utc>>,
    ) -> Refusable<Vec<Share>> {
        if expires_at.is_some_and(|expires_at| expires_at <= self.at) {
            return Err(CreditAccountError::InvalidExpiry);
        }
        let share = Share {
            lot: 0,
            credits,
            promotional,
            expires_at,
        };
        self.received(&[share])
    }

    /// The shares as new lots of this account, less what pays back the credit line.
    pub(super) fn received(&self, shares: &[Share]) -> Refusable<Vec<Share>> {
        let mut received = without(shares, self.account.debt());
        if self.account.lots.open().len() + received.len() > LOTS_OPEN_MAX {
            return Err(CreditAccountError::TooManyLots);
        }
        for (number, share) in (self.account.lots_made.saturating_add(1)..).zip(&mut received) {
            share.lot = number;
        }
        Ok(received)
    }

    /// Shares that come back to their lots, less what pays back the credit line. A lot that has expired meanwhile
    /// opens again for `grace`, where there is one.
    pub(super) fn placed(&self, shares: &[Share], grace: Option<TimeDelta>) -> Vec<Share> {
        let mut placed = Vec::<Share>::new();
        for share in without(shares, self.account.debt()) {
            let mut terms = self.account.lots.find(share.lot).copied().unwrap_or(share);
            if let Some(grace) = grace
                && terms.is_due(self.at)
            {
                terms.expires_at = self.at.checked_add_signed(grace);
            }
            match placed.iter_mut().find(|placed| placed.lot == share.lot) {
                Some(placed) => placed.credits.0 = placed.credits.0.saturating_add(share.credits.0),
                None => placed.push(terms.of(share.credits)),
            }
        }
        placed
    }
}

/// What was used, the last first: what the lots lack of `credits` was lent, and that came last.
pub(super) fn last_first(lots: &[Share], credits: Credits) -> Vec<Share> {
    let lent = credits.0.saturating_sub(lots::total(lots).0);
    let lent = (lent > 0).then(|| Share::undated(Credits(lent)));
    lent.into_iter().chain(lots.iter().rev().copied()).collect()
}

/// Shares without their first `credits`.
pub(super) fn without(shares: &[Share], credits: i64) -> Vec<Share> {
    let mut skipped = credits;
    let mut left = Vec::new();
    for share in shares {
        let skip = share.credits.0.min(skipped);
        skipped -= skip;
        if share.credits.0 > skip {
            left.push(share.of(Credits(share.credits.0 - skip)));
        }
    }
    left
}
