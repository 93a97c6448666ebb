//! Folds the ledger's events to what a period is closed with.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Books, Closing, booked};
use crate::credit_account::CreditAccountEvent;
use crate::ids::ResellerId;
use crate::ledger::{AccountState, Entry, Overflow, Share, TrialBalance, Violation, entry};
use crate::period::Period;

/// An event of a credit account, as the log tells it.
#[derive(Clone, Copy, Debug)]
pub struct LedgerFact<'a> {
    pub reseller_id: ResellerId,
    /// Place in its stream.
    pub sequence: i64,
    pub happened_at: DateTime<Utc>,
    pub event: &'a CreditAccountEvent,
}

/// Takes all events that move credits or money, in the order of the log.
#[derive(Debug)]
pub struct ClosingFold<'a> {
    books: &'a Books,
    period: Period,
    states: HashMap<ResellerId, AccountState>,
    closing: Closing,
}

impl<'a> ClosingFold<'a> {
    /// For the close of `period`, with what `books` say of earlier ones.
    pub fn new(books: &'a Books, period: Period) -> Self {
        Self {
            books,
            period,
            states: HashMap::new(),
            closing: Closing {
                opened: None,
                entries: 0,
                balance: TrialBalance::default(),
                violation: None,
            },
        }
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// A sum overflows.
    pub fn take(&mut self, fact: LedgerFact<'_>) -> Result<(), Overflow> {
        let entry = entry(fact.event);
        let state = self.states.entry(fact.reseller_id).or_default();
        let broken = state.take(fact.sequence, &entry);
        if let (None, Some(violation)) = (&self.closing.violation, broken.first()) {
            self.closing.violation = Some(told(&fact, violation));
        }
        match entry {
            Entry::CreditLine(_) | Entry::Nothing => {}
            Entry::Opening => {
                let opened = Period::of(fact.happened_at);
                let earliest = self.closing.opened.map_or(opened, |known| known.min(opened));
                self.closing.opened = Some(earliest);
            }
            Entry::Movement { lines, .. } => {
                self.closing.entries = self.closing.entries.saturating_add(1);
                let closes = self.books.closes().iter();
                if booked(closes, self.closing.entries, fact.happened_at).period <= self.period {
                    for line in &lines {
                        self.closing.balance.post(fact.reseller_id, line)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes the next event that moves money besides the credit accounts, with what it moves and the instant.
    ///
    /// # Errors
    /// A sum overflows.
    pub fn take_money(&mut self, moved: &[Share<'_>], happened_at: DateTime<Utc>) -> Result<(), Overflow> {
        if moved.is_empty() {
            return Ok(());
        }
        self.closing.entries = self.closing.entries.saturating_add(1);
        let closes = self.books.closes().iter();
        let is_booked = booked(closes, self.closing.entries, happened_at).period <= self.period;
        for (reseller_id, line) in moved {
            let opened = self.states.get(reseller_id).is_some_and(|state| state.opened);
            if !opened && self.closing.violation.is_none() {
                self.closing.violation = Some(format!(
                    "money moves on accounts of {reseller_id}, which are not opened: expected 1, found 0"
                ));
            }
            if is_booked {
                self.closing.balance.post(*reseller_id, line)?;
            }
        }
        Ok(())
    }

    /// What all events add up to.
    pub fn finish(self) -> Closing {
        self.closing
    }
}

fn told(fact: &LedgerFact<'_>, violation: &Violation) -> String {
    format!(
        "event {} of credit account {} breaks {}: expected {}, found {}",
        fact.sequence,
        fact.reseller_id,
        violation.rule.as_ref(),
        violation.expected,
        violation.found
    )
}
