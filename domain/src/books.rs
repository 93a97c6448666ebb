//! The platform's books: which periods are closed, and with which balances. One stream, [`BOOKS_ID`].
//!
//! A fact belongs to the period it happened in while that is open. What the log takes after a close is booked
//! in the first open period, labelled late: a closed period never changes.

mod fold;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ledger::{Total, TrialBalance};
use crate::period::Period;
use crate::refusal::{Facts, Refusal, RefusalKind};

pub use fold::{ClosingFold, LedgerFact};

pub const BOOKS_ID: &str = "platform";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Books {
    closes: Vec<Close>,
}

/// A closed period, and how much of the ledger it could take: entries are counted from 1 in the order of the
/// log, so that the count names the same place in every copy of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    pub period: Period,
    pub entries: u64,
    pub digest: String,
}

/// What the ledger says of a period that is to be closed.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Month in which the first account was opened; `None` where there is none.
    pub opened: Option<Period>,
    /// Entries that the log held when the period was closed.
    pub entries: u64,
    /// All that is booked up to the period's end.
    pub balance: TrialBalance,
    /// What breaks a rule of the ledger, if anything does.
    pub violation: Option<String>,
}

#[derive(Clone, Debug)]
pub enum BooksCommand {
    /// Closing a closed period changes nothing.
    ClosePeriod {
        period: Period,
        closing: Closing,
        at: DateTime<Utc>,
    },
}

/// Facts about the books. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum BooksEvent {
    PeriodClosed {
        period: Period,
        /// Entries of the ledger up to here are in it; later ones are late.
        entries: u64,
        /// Accounts, counted per unit, that have moved.
        accounts: u64,
        /// Sums since the beginning, over all resellers.
        totals: Vec<Total>,
        /// SHA-256 over the turnover of every account, lower-case hex.
        digest: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum BooksError {
    #[error("{period} has not ended yet: close it on {} or later (a month ends at midnight UTC)", period.end().format("%Y-%m-%d"))]
    PeriodNotOver { period: Period },
    #[error("{period} cannot be closed: periods are closed one after the other, and {next} is the next")]
    PeriodOutOfOrder { period: Period, next: Period },
    #[error("there is nothing to close: no credit account has been opened yet")]
    LedgerEmpty,
    #[error("the ledger breaks a rule and cannot be closed: {0}; see `stentor audit verify`")]
    LedgerViolated(String),
    #[error("the ledger holds amounts that cannot be summed: see `stentor audit verify`")]
    LedgerOverflow,
}

impl Refusal for BooksError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::PeriodNotOver { .. }
            | Self::PeriodOutOfOrder { .. }
            | Self::LedgerEmpty
            | Self::LedgerViolated(_)
            | Self::LedgerOverflow => RefusalKind::Conflict,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::PeriodOutOfOrder { next, .. } => Facts {
                allowed: vec![next.to_string()],
                ..Facts::default()
            },
            Self::PeriodNotOver { .. }
            | Self::LedgerEmpty
            | Self::LedgerViolated(_)
            | Self::LedgerOverflow => Facts::default(),
        }
    }
}

aggregate!(Books, "books", BooksCommand, BooksEvent, BooksError);

impl BooksEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::PeriodClosed { .. } => "1",
        }
    }
}

/// Where an entry of the ledger is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booked {
    pub period: Period,
    /// Whether the entry came when the period it happened in was closed.
    pub late: bool,
}

/// The period of an entry, by its number in the ledger and the instant it happened. `closes` are in their own
/// order.
pub fn booked<'a>(
    closes: impl DoubleEndedIterator<Item = &'a Close>,
    entry: u64,
    happened_at: DateTime<Utc>,
) -> Booked {
    let own = Period::of(happened_at);
    let open = closes
        .rev()
        .find(|close| close.entries < entry)
        .map_or(own, |close| close.period.next());
    Booked {
        period: own.max(open),
        late: own < open,
    }
}

impl Books {
    /// The closed periods, the first one first.
    pub fn closes(&self) -> &[Close] {
        &self.closes
    }

    /// The close of a period, if it is closed.
    pub fn close_of(&self, period: Period) -> Option<&Close> {
        self.closes.iter().find(|close| close.period == period)
    }

    fn decide(&self, command: BooksCommand) -> Result<Vec<BooksEvent>, BooksError> {
        match command {
            BooksCommand::ClosePeriod { period, closing, at } => self.close(period, &closing, at),
        }
    }

    fn close(
        &self,
        period: Period,
        closing: &Closing,
        at: DateTime<Utc>,
    ) -> Result<Vec<BooksEvent>, BooksError> {
        if self.close_of(period).is_some() {
            return Ok(vec![]);
        }
        let next = self
            .closes
            .last()
            .map(|close| close.period.next())
            .or(closing.opened)
            .ok_or(BooksError::LedgerEmpty)?;
        if period.end() > at {
            return Err(BooksError::PeriodNotOver { period });
        }
        if period != next {
            return Err(BooksError::PeriodOutOfOrder { period, next });
        }
        if let Some(violation) = &closing.violation {
            return Err(BooksError::LedgerViolated(violation.clone()));
        }
        let totals = closing.balance.totals();
        let accounts = u64::try_from(closing.balance.accounts());
        Ok(vec![BooksEvent::PeriodClosed {
            period,
            entries: closing.entries,
            accounts: accounts.map_err(|_| BooksError::LedgerOverflow)?,
            totals: totals.map_err(|_| BooksError::LedgerOverflow)?,
            digest: closing.balance.digest(period, closing.entries),
        }])
    }

    fn evolve(&mut self, event: BooksEvent) {
        match event {
            BooksEvent::PeriodClosed {
                period,
                entries,
                digest,
                ..
            } => self.closes.push(Close {
                period,
                entries,
                digest,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
