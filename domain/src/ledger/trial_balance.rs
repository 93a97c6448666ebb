//! The trial balance: what each account has received and given, and the digest of it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Account, CREDITS, Line};
use crate::ids::ResellerId;
use crate::period::Period;

/// What an account has received (debits) and given (credits) in one unit; neither is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    pub debits: i64,
    pub credits: i64,
}

impl Turnover {
    /// Positive where more was received than given.
    pub fn balance(self) -> i64 {
        self.debits.saturating_sub(self.credits)
    }

    fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            debits: self.debits.checked_add(other.debits)?,
            credits: self.credits.checked_add(other.credits)?,
        })
    }
}

/// One account, over all resellers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    pub account: Account,
    pub unit: String,
    pub debits: i64,
    pub credits: i64,
}

/// A sum that 64 bits cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger holds amounts beyond 2^63: its sums cannot be counted")]
pub struct Overflow;

/// The turnover of every account of every reseller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrialBalance {
    lines: BTreeMap<(ResellerId, Account, String), Turnover>,
}

impl TrialBalance {
    /// Posts both sides of a line.
    ///
    /// # Errors
    /// A sum overflows.
    pub fn post(&mut self, reseller_id: ResellerId, line: &Line<'_>) -> Result<(), Overflow> {
        let (debits, credits) = (line.amount, line.amount);
        self.add(
            reseller_id,
            line.debit,
            line.unit,
            Turnover { debits, credits: 0 },
        )?;
        self.add(
            reseller_id,
            line.credit,
            line.unit,
            Turnover { debits: 0, credits },
        )
    }

    /// Adds to one account.
    ///
    /// # Errors
    /// A sum overflows.
    pub fn add(
        &mut self,
        reseller_id: ResellerId,
        account: Account,
        unit: &str,
        turnover: Turnover,
    ) -> Result<(), Overflow> {
        let known = self
            .lines
            .entry((reseller_id, account, unit.to_owned()))
            .or_default();
        *known = known.checked_add(turnover).ok_or(Overflow)?;
        Ok(())
    }

    /// How many accounts, counted per unit, have moved.
    pub fn accounts(&self) -> usize {
        self.lines.len()
    }

    /// The sums over all resellers, by account and unit.
    ///
    /// # Errors
    /// A sum overflows.
    pub fn totals(&self) -> Result<Vec<Total>, Overflow> {
        let mut totals = BTreeMap::<(Account, &str), Turnover>::new();
        for ((_, account, unit), turnover) in &self.lines {
            let total = totals.entry((*account, unit.as_str())).or_default();
            *total = total.checked_add(*turnover).ok_or(Overflow)?;
        }
        Ok(totals
            .into_iter()
            .map(|((account, unit), turnover)| Total {
                account,
                unit: unit.to_owned(),
                debits: turnover.debits,
                credits: turnover.credits,
            })
            .collect())
    }

    /// SHA-256, in lower-case hex, over the canonical text: a head, then one line per account and unit that
    /// has moved, in the order of their bytes (docs/ledger.md).
    pub fn digest(&self, period: Period, entries: u64) -> String {
        let mut lines: Vec<String> = self
            .lines
            .iter()
            .map(|((reseller_id, account, unit), turnover)| {
                format!(
                    "{reseller_id} {} {unit} {} {}\n",
                    account.as_ref(),
                    turnover.debits,
                    turnover.credits
                )
            })
            .collect();
        lines.sort_unstable();
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "stentor trial balance 1\nperiod {period}\nentries {entries}\n"
        );
        text.extend(lines);
        hex::encode(Sha256::digest(text.as_bytes()))
    }
}

/// Credits sold, given and corrected are spent, held, expired, refunded, given to other resellers or still available:
/// `sold + bonus + adjusted = spent + held + expired + refunded + transferred + available`. It is the sum of the
/// accounts in the unit `credits`, which is zero, with what comes in on the left and what became of it on the right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreditIdentity {
    pub sold: i64,
    pub bonus: i64,
    pub adjusted: i64,
    pub spent: i64,
    pub held: i64,
    pub expired: i64,
    /// Credits that left by a refund; negative where credits were given back to the reseller.
    pub refunded: i64,
    /// Negative where more was received than given.
    pub transferred: i64,
    pub available: i64,
}

impl CreditIdentity {
    /// From the totals of a trial balance; other units are left out.
    pub fn of<'a>(totals: impl IntoIterator<Item = &'a Total>) -> Self {
        let mut identity = Self::default();
        for total in totals.into_iter().filter(|total| total.unit == CREDITS) {
            let received = total.debits.saturating_sub(total.credits);
            let given = total.credits.saturating_sub(total.debits);
            match total.account {
                Account::Sold => identity.sold = given,
                Account::Bonus => identity.bonus = given,
                Account::Adjusted => identity.adjusted = given,
                Account::Spent => identity.spent = received,
                Account::Held => identity.held = received,
                Account::Expired => identity.expired = received,
                Account::Transferred => identity.transferred = received,
                Account::Refunded => identity.refunded = received,
                Account::Available => identity.available = received,
                Account::CommissionExpense
                | Account::CommissionPaid
                | Account::CommissionPayable
                | Account::CommissionRounding
                | Account::CommissionUnrounded
                | Account::Credited
                | Account::Fees
                | Account::Receivable
                | Account::Received
                | Account::Tax
                | Account::Revenue
                | Account::SalesReceivable
                | Account::SalesRevenue
                | Account::StoreFees
                | Account::SalesTax => {}
            }
        }
        identity
    }

    pub fn holds(&self) -> bool {
        let sum = |parts: &[i64]| parts.iter().copied().map(i128::from).sum::<i128>();
        let became = [
            self.spent,
            self.held,
            self.expired,
            self.refunded,
            self.transferred,
            self.available,
        ];
        sum(&[self.sold, self.bonus, self.adjusted]) == sum(&became)
    }
}
