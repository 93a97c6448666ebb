//! Refunds and reversals: credits go back to where they came from, once.

use chrono::TimeDelta;

use super::draft::{Draft, Refusable, checked_note, positive};
use super::lots::{self, Share};
use super::supply::{last_first, without};
use super::{CreditAccountError, CreditAccountEvent, Movement, MovementKind, Past, RETURN_GRACE_DAYS};
use crate::credits::Credits;

impl Draft {
    pub(super) fn refund(
        &self,
        debit: &Past,
        credits: Option<Credits>,
        note: &str,
    ) -> Refusable<CreditAccountEvent> {
        let (note, number) = (checked_note(note)?, debit.number);
        let debited = debit
            .event
            .movement()
            .ok_or(CreditAccountError::MovementNotFound)?;
        match debited.kind {
            MovementKind::Debit | MovementKind::Capture => {}
            kind @ (MovementKind::Purchase
            | MovementKind::Refund
            | MovementKind::Adjustment
            | MovementKind::Bonus
            | MovementKind::Transfer
            | MovementKind::Expiry
            | MovementKind::Reversal
            | MovementKind::Reservation
            | MovementKind::Release) => return Err(CreditAccountError::NotADebit { number, kind }),
        }
        let returned = self.returned(number)?;
        let left = Credits(debited.credits.0.saturating_sub(returned.0));
        let needed = match credits {
            Some(credits) => positive(credits)?,
            None if left.0 > 0 => left,
            None => debited.credits,
        };
        if needed > left {
            return Err(CreditAccountError::ReturnTooLarge {
                number,
                needed,
                available: left,
            });
        }
        let used = last_first(debited.lots, debited.credits);
        let (shares, _) = lots::first(&without(&used, returned.0), needed);
        Ok(CreditAccountEvent::CreditsRefunded {
            debit: number,
            credits: needed,
            tenant_id: debited.tenant_id,
            note,
            balance_after: self.raised(needed)?,
            lots: self.placed(&shares, grace()),
        })
    }

    pub(super) fn reverse(&self, past: &Past, note: &str) -> Refusable<CreditAccountEvent> {
        let (note, number) = (checked_note(note)?, past.number);
        let movement = past
            .event
            .movement()
            .ok_or(CreditAccountError::MovementNotFound)?;
        let added = match movement.kind {
            MovementKind::Purchase
            | MovementKind::Debit
            | MovementKind::Refund
            | MovementKind::Adjustment
            | MovementKind::Bonus
            | MovementKind::Transfer
            | MovementKind::Expiry => Credits(movement.amount.0.saturating_neg()),
            MovementKind::Capture => movement.credits,
            kind @ (MovementKind::Reversal | MovementKind::Reservation | MovementKind::Release) => {
                return Err(CreditAccountError::NotReversible { number, kind });
            }
        };
        if self.returned(number)?.0 > 0 {
            return Err(CreditAccountError::AlreadyReturned { number });
        }
        let (lots, balance_after) = if added.0 < 0 {
            self.taken_back(&movement)?
        } else {
            let shares = last_first(movement.lots, movement.credits);
            (self.placed(&shares, grace()), self.raised(added)?)
        };
        let price = if let CreditAccountEvent::CreditsPurchased { price, .. } = &past.event {
            Some(price.clone())
        } else {
            None
        };
        let debit = if let CreditAccountEvent::CreditsRefunded { debit, .. } = &past.event {
            Some(*debit)
        } else {
            None
        };
        Ok(CreditAccountEvent::CreditsReversed {
            movement: number,
            reversed: movement.kind,
            credits: added,
            price,
            debit,
            tenant_id: movement.tenant_id,
            peer: movement.peer,
            note,
            balance_after,
            lots,
        })
    }

    /// Credits that a movement had brought: out of its own lots, and what had paid back the credit line by the
    /// order of use.
    fn taken_back(&self, movement: &Movement<'_>) -> Refusable<(Vec<Share>, Credits)> {
        let mut open = self.account.lots.clone();
        for share in movement.lots {
            let available = open.left(share.lot);
            if available < share.credits {
                return Err(CreditAccountError::LotSpent {
                    lot: share.lot,
                    needed: share.credits,
                    available,
                });
            }
            open.remove(share);
        }
        let balance_after = self.lowered(movement.credits)?;
        let rest = movement.credits.0.saturating_sub(lots::total(movement.lots).0);
        let (rest, _) = lots::first(open.open(), Credits(rest));
        Ok((movement.lots.iter().copied().chain(rest).collect(), balance_after))
    }

    fn returned(&self, number: u64) -> Refusable<Credits> {
        let returned = self.account.returns.of(number);
        returned.ok_or(CreditAccountError::MovementTooOld { number })
    }
}

fn grace() -> Option<TimeDelta> {
    TimeDelta::try_days(RETURN_GRACE_DAYS)
}
