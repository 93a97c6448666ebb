//! The ledger: double entry over credits and money. Every movement takes an amount from one account and gives
//! it to another, so an entry cannot be out of balance.
//!
//! Pure, and the only place that says which event moves what. The write side folds it to close a period, the
//! read side to show it.

mod account;
mod trial_balance;

use crate::credit_account::{AdjustmentKind, CreditAccountEvent};
use crate::credits::Credits;

pub use account::{Account, AccountState, Rule, Violation};
pub use trial_balance::{CreditIdentity, Overflow, Total, TrialBalance, Turnover};

/// The unit of credits; every other unit is a currency (ISO 4217), counted in its minor units.
pub const CREDITS: &str = "credits";

/// What an event means to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The reseller's accounts are opened.
    Opening,
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
    match event {
        CreditAccountEvent::CreditAccountOpened => Entry::Opening,
        CreditAccountEvent::CreditsPurchased {
            credits,
            price,
            balance_after,
            ..
        } => {
            let mut lines = vec![Line::new(Account::Available, Account::Sold, CREDITS, credits.0)];
            // A pack may be free.
            if price.amount_minor != 0 {
                lines.push(Line::new(
                    Account::Receivable,
                    Account::Revenue,
                    &price.currency,
                    price.amount_minor,
                ));
            }
            Entry::Movement {
                lines,
                balance_after: *balance_after,
            }
        }
        CreditAccountEvent::CreditsDebited {
            credits,
            balance_after,
            ..
        } => Entry::Movement {
            lines: vec![Line::new(Account::Spent, Account::Available, CREDITS, credits.0)],
            balance_after: *balance_after,
        },
        CreditAccountEvent::CreditsAdjusted {
            kind,
            credits,
            balance_after,
            ..
        } => {
            let source = match kind {
                AdjustmentKind::Refund => Account::Refunded,
                AdjustmentKind::Bonus => Account::Bonus,
                AdjustmentKind::Adjustment => Account::Adjusted,
            };
            Entry::Movement {
                lines: vec![Line::new(Account::Available, source, CREDITS, credits.0)],
                balance_after: *balance_after,
            }
        }
    }
}

#[cfg(test)]
mod tests;
