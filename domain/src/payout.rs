//! Payout runs: what the platform owes resellers of one currency, drafted, approved by somebody else, and paid. Its
//! stream carries the currency: one run after the other, so that nothing is paid twice.
//!
//! A run takes every commission line that has matured by its cutoff and was in no run before. What is due but too
//! little, and what refunds took back beyond it, is carried to the next one.

mod html;
mod refusals;
mod statement;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::es::aggregate;
use crate::ids::ResellerId;
use crate::text::{self, NOTE_CHARS_MAX};

pub use html::page;
pub use refusals::PayoutError;
pub use statement::{Due, FORM, MaturedLine, Statement, StatementFold, TermsOfRun};

/// Longest holding period, in days.
pub const HOLDING_DAYS_MAX: u32 = 366;
/// Longest reference of a payment, in characters.
pub const REFERENCE_CHARS_MAX: usize = 140;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Payouts {
    /// Runs so far, cancelled ones too.
    runs: u32,
    /// What the runs that were paid have taken.
    taken: Taken,
    /// What they left to the next one, by reseller; negative is a debt.
    carried: BTreeMap<ResellerId, i64>,
    open: Option<Open>,
    /// Paid or cancelled.
    finished: BTreeSet<Uuid>,
}

/// Which lines a run takes, and those before it have taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Sales, refunds, chargebacks and reversals that the log held, in all currencies.
    pub facts: u64,
    /// Those up to here.
    pub cutoff: Option<DateTime<Utc>>,
    /// Of sales that were made up to here: the cutoff less the holding period.
    pub sold_until: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Open {
    run_id: Uuid,
    drafted_by: Option<Uuid>,
    is_approved: bool,
    currency: String,
    taken: Taken,
    statements: Vec<Head>,
}

/// A statement as the run's event has it: its sums, and the digests that the whole of it has to give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub statement_id: Uuid,
    pub reseller_id: ResellerId,
    pub reseller_name: String,
    /// What earlier runs left; negative is a debt.
    pub opening_minor: i64,
    pub earned_minor: i64,
    /// Not positive.
    pub clawed_back_minor: i64,
    pub minimum_minor: i64,
    pub payout_minor: i64,
    /// What is left to the next run.
    pub carried_minor: i64,
    pub lines: u32,
    /// SHA-256 of the statement as canonical JSON, lower-case hex.
    pub digest: String,
    /// SHA-256 of the statement as a page.
    pub html_digest: String,
}

impl Head {
    /// Whether it says more than the one before it: a debt that nothing was set against is none.
    fn moves(&self) -> bool {
        self.lines > 0 || self.payout_minor > 0
    }
}

#[derive(Clone, Debug)]
pub enum PayoutCommand {
    Draft {
        run_id: Uuid,
        terms: TermsOfRun,
        facts: u64,
        statements: Vec<Head>,
        by: Option<Uuid>,
        at: DateTime<Utc>,
    },
    Approve {
        run_id: Uuid,
        by: Option<Uuid>,
        /// Whether the drafter may not do it.
        four_eyes: bool,
    },
    /// The money is on its way.
    Pay {
        run_id: Uuid,
        reference: String,
    },
    Cancel {
        run_id: Uuid,
        reason: String,
    },
}

/// Facts about payout runs. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum PayoutEvent {
    PayoutRunDrafted {
        run_id: Uuid,
        /// Counted per currency, from 1.
        number: u32,
        terms: TermsOfRun,
        facts: u64,
        drafted_by: Option<Uuid>,
        statements: Vec<Head>,
    },
    PayoutRunApproved {
        run_id: Uuid,
        approved_by: Option<Uuid>,
    },
    PayoutRunPaid {
        run_id: Uuid,
        reference: String,
        currency: String,
        paid: Vec<Paid>,
    },
    PayoutRunCancelled {
        run_id: Uuid,
        reason: String,
    },
}

/// What a reseller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    pub reseller_id: ResellerId,
    pub amount_minor: i64,
}

aggregate!(Payouts, "payouts", PayoutCommand, PayoutEvent, PayoutError);

impl PayoutEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::PayoutRunDrafted { .. }
            | Self::PayoutRunApproved { .. }
            | Self::PayoutRunPaid { .. }
            | Self::PayoutRunCancelled { .. } => "1",
        }
    }
}

impl Taken {
    /// Whether the lines of a fact are among them, by its number in the log and its times.
    pub fn includes(&self, fact: u64, at: DateTime<Utc>, origin_at: DateTime<Utc>) -> bool {
        fact <= self.facts
            && self.cutoff.is_some_and(|cutoff| at <= cutoff)
            && self.sold_until.is_some_and(|until| origin_at <= until)
    }
}

impl Payouts {
    /// What the runs that were paid have taken.
    pub fn taken(&self) -> Taken {
        self.taken
    }

    /// Number of the next run.
    pub fn next_number(&self) -> u32 {
        self.runs + 1
    }

    /// What they left, by reseller.
    pub fn carried(&self) -> &BTreeMap<ResellerId, i64> {
        &self.carried
    }

    /// Whether a run can be drafted on these terms. The statements are figured between this and the command.
    ///
    /// # Errors
    /// A run is open, or the terms break a rule.
    pub fn ensure_drafts(&self, terms: &TermsOfRun, now: DateTime<Utc>) -> Result<(), PayoutError> {
        if let Some(open) = &self.open {
            return Err(PayoutError::PayoutRunOpen(open.run_id));
        }
        if terms.holding_days > HOLDING_DAYS_MAX {
            return Err(PayoutError::InvalidHoldingPeriod);
        }
        if terms.minimum_minor < 0 || !crate::credits::is_currency(&terms.currency) {
            return Err(PayoutError::InvalidMinimum);
        }
        if terms.cutoff > now {
            return Err(PayoutError::CutoffInFuture { now });
        }
        let back = |before: Option<DateTime<Utc>>, wanted| before.filter(|until| wanted < *until);
        let until = back(self.taken.cutoff, terms.cutoff).or(back(self.taken.sold_until, terms.sold_until()));
        until.map_or(Ok(()), |until| Err(PayoutError::PayoutGoesBack { until }))
    }

    fn decide(&self, command: PayoutCommand) -> Result<Vec<PayoutEvent>, PayoutError> {
        match command {
            PayoutCommand::Draft {
                run_id,
                terms,
                facts,
                statements,
                by,
                at,
            } => {
                self.ensure_drafts(&terms, at)?;
                if !statements.iter().any(Head::moves) {
                    return Err(PayoutError::NothingDue);
                }
                Ok(vec![PayoutEvent::PayoutRunDrafted {
                    run_id,
                    number: self.next_number(),
                    terms,
                    facts,
                    drafted_by: by,
                    statements,
                }])
            }
            PayoutCommand::Approve {
                run_id,
                by,
                four_eyes,
            } => self.approve(run_id, by, four_eyes),
            PayoutCommand::Pay { run_id, reference } => self.pay(run_id, &reference),
            PayoutCommand::Cancel { run_id, reason } => {
                self.open_run(run_id)?;
                let reason = text::checked(&reason, NOTE_CHARS_MAX).ok_or(PayoutError::InvalidReason)?;
                Ok(vec![PayoutEvent::PayoutRunCancelled { run_id, reason }])
            }
        }
    }

    fn approve(
        &self,
        run_id: Uuid,
        by: Option<Uuid>,
        four_eyes: bool,
    ) -> Result<Vec<PayoutEvent>, PayoutError> {
        let open = self.open_run(run_id)?;
        if open.is_approved {
            return Err(PayoutError::PayoutRunApproved);
        }
        if four_eyes && open.drafted_by == by {
            return Err(PayoutError::DrafterCannotApprove);
        }
        Ok(vec![PayoutEvent::PayoutRunApproved {
            run_id,
            approved_by: by,
        }])
    }

    fn pay(&self, run_id: Uuid, reference: &str) -> Result<Vec<PayoutEvent>, PayoutError> {
        let open = self.open_run(run_id)?;
        if !open.is_approved {
            return Err(PayoutError::PayoutRunNotApproved);
        }
        let reference = text::checked(reference, REFERENCE_CHARS_MAX).ok_or(PayoutError::InvalidReference)?;
        let paid = open
            .statements
            .iter()
            .filter(|head| head.payout_minor > 0)
            .map(|head| Paid {
                reseller_id: head.reseller_id,
                amount_minor: head.payout_minor,
            })
            .collect();
        Ok(vec![PayoutEvent::PayoutRunPaid {
            run_id,
            reference,
            currency: open.currency.clone(),
            paid,
        }])
    }

    fn open_run(&self, run_id: Uuid) -> Result<&Open, PayoutError> {
        if self.finished.contains(&run_id) {
            return Err(PayoutError::PayoutRunFinished);
        }
        self.open
            .as_ref()
            .filter(|open| open.run_id == run_id)
            .ok_or(PayoutError::PayoutRunNotFound)
    }

    fn evolve(&mut self, event: PayoutEvent) {
        match event {
            PayoutEvent::PayoutRunDrafted {
                run_id,
                number,
                terms,
                facts,
                drafted_by,
                statements,
            } => {
                self.runs = number;
                self.open = Some(Open {
                    run_id,
                    drafted_by,
                    is_approved: false,
                    taken: terms.taken(facts),
                    currency: terms.currency,
                    statements,
                });
            }
            PayoutEvent::PayoutRunApproved { .. } => {
                if let Some(open) = &mut self.open {
                    open.is_approved = true;
                }
            }
            PayoutEvent::PayoutRunPaid { run_id, .. } => {
                self.finished.insert(run_id);
                if let Some(open) = self.open.take() {
                    self.taken = open.taken;
                    self.carried = open
                        .statements
                        .iter()
                        .filter(|head| head.carried_minor != 0)
                        .map(|head| (head.reseller_id, head.carried_minor))
                        .collect();
                }
            }
            PayoutEvent::PayoutRunCancelled { run_id, .. } => {
                self.finished.insert(run_id);
                self.open = None;
            }
        }
    }
}

/// Length of the holding period.
fn days(days: u32) -> TimeDelta {
    TimeDelta::days(days.into())
}

#[cfg(test)]
mod tests;
