//! The ledger: double entry over credits and money. Every movement takes an amount from one account and gives
//! it to another, so an entry cannot be out of balance.
//!
//! Pure, and the only place that says which event moves what. The write side folds it to close a period, the
//! read side to show it.

mod account;
mod money;
mod trial_balance;

use crate::credit_account::{CreditAccountEvent, Movement, MovementKind};
use crate::credits::Credits;

pub use account::{Account, AccountState, Rule, Violation};
pub use money::{MONEY_STREAMS, Share, money};
pub use trial_balance::{CreditIdentity, Overflow, Total, TrialBalance, Turnover};

/// The unit of credits; every other unit is a currency (ISO 4217), counted in its minor units.
pub const CREDITS: &str = "credits";

/// What an event means to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The reseller's accounts are opened.
    Opening,
    /// How far below zero the balance may go from now on.
    CreditLine(Credits),
    /// A setting, or a notice.
    Nothing,
    Movement {
        /// At least one.
        lines: Vec<Line<'a>>,
        /// The credits that the event says are available afterwards.
        balance_after: Credits,
    },
}

/// An amount that leaves one account of a reseller and enters another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The account that receives.
    pub debit: Account,
    /// The account that gives.
    pub credit: Account,
    pub unit: &'a str,
    /// Credits or minor units, never negative.
    pub amount: i64,
}

/// One side of a line. Debits are positive, credits negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting<'a> {
    pub account: Account,
    pub unit: &'a str,
    pub amount: i64,
}

impl<'a> Line<'a> {
    /// A negative amount moves the other way.
    fn new(debit: Account, credit: Account, unit: &'a str, amount: i64) -> Self {
        let (debit, credit) = if amount < 0 {
            (credit, debit)
        } else {
            (debit, credit)
        };
        Self {
            debit,
            credit,
            unit,
            amount: amount.checked_abs().unwrap_or(i64::MAX),
        }
    }

    /// Both sides: their sum is zero.
    pub fn postings(&self) -> [Posting<'a>; 2] {
        [(self.debit, self.amount), (self.credit, -self.amount)].map(|(account, amount)| Posting {
            account,
            unit: self.unit,
            amount,
        })
    }
}

/// What an event of a credit account means to the ledger.
pub fn entry(event: &CreditAccountEvent) -> Entry<'_> {
    if let Some(movement) = event.movement() {
        return Entry::Movement {
            lines: lines(event, &movement),
            balance_after: movement.balance_after,
        };
    }
    match event {
        CreditAccountEvent::CreditAccountOpened => Entry::Opening,
        CreditAccountEvent::CreditLineSet { limit, .. } => Entry::CreditLine(*limit),
        CreditAccountEvent::LowCreditAlertsSet { .. }
        | CreditAccountEvent::LowCreditReached { .. }
        | CreditAccountEvent::CreditsPurchased { .. }
        | CreditAccountEvent::CreditsDebited { .. }
        | CreditAccountEvent::CreditsAdjusted { .. }
        | CreditAccountEvent::CreditsRefunded { .. }
        | CreditAccountEvent::CreditsExpired { .. }
        | CreditAccountEvent::CreditsTransferredOut { .. }
        | CreditAccountEvent::CreditsTransferredIn { .. }
        | CreditAccountEvent::CreditsReserved { .. }
        | CreditAccountEvent::CreditsReleased { .. }
        | CreditAccountEvent::CreditsCaptured { .. }
        | CreditAccountEvent::CreditsReversed { .. } => Entry::Nothing,
    }
}

fn lines<'a>(event: &'a CreditAccountEvent, movement: &Movement<'_>) -> Vec<Line<'a>> {
    let (kind, mut price) = match event {
        CreditAccountEvent::CreditsPurchased { price, .. } => {
            (movement.kind, Some((price, price.amount_minor)))
        }
        CreditAccountEvent::CreditsReversed { reversed, price, .. } => {
            let given_back = price
                .as_ref()
                .map(|price| (price, price.amount_minor.saturating_neg()));
            (*reversed, given_back)
        }
        CreditAccountEvent::CreditAccountOpened
        | CreditAccountEvent::CreditsDebited { .. }
        | CreditAccountEvent::CreditsAdjusted { .. }
        | CreditAccountEvent::CreditsRefunded { .. }
        | CreditAccountEvent::CreditsExpired { .. }
        | CreditAccountEvent::CreditsTransferredOut { .. }
        | CreditAccountEvent::CreditsTransferredIn { .. }
        | CreditAccountEvent::CreditsReserved { .. }
        | CreditAccountEvent::CreditsReleased { .. }
        | CreditAccountEvent::CreditsCaptured { .. }
        | CreditAccountEvent::CreditLineSet { .. }
        | CreditAccountEvent::LowCreditAlertsSet { .. }
        | CreditAccountEvent::LowCreditReached { .. } => (movement.kind, None),
    };
    // A pack may be free.
    price = price.filter(|(_, amount_minor)| *amount_minor != 0);
    let credits = if movement.kind == MovementKind::Capture {
        Line::new(Account::Spent, Account::Held, CREDITS, movement.credits.0)
    } else {
        Line::new(Account::Available, other_side(kind), CREDITS, movement.amount.0)
    };
    let money = price.map(|(price, amount_minor)| {
        Line::new(
            Account::Receivable,
            Account::Revenue,
            &price.currency,
            amount_minor,
        )
    });
    std::iter::once(credits).chain(money).collect()
}

/// Where available credits come from or go to. A movement that was reversed names the same account.
fn other_side(kind: MovementKind) -> Account {
    match kind {
        MovementKind::Purchase => Account::Sold,
        MovementKind::Debit | MovementKind::Capture => Account::Spent,
        MovementKind::Refund => Account::Refunded,
        MovementKind::Bonus => Account::Bonus,
        MovementKind::Adjustment | MovementKind::Reversal => Account::Adjusted,
        MovementKind::Transfer => Account::Transferred,
        MovementKind::Expiry => Account::Expired,
        MovementKind::Reservation | MovementKind::Release => Account::Held,
    }
}

#[cfg(test)]
mod tests;
