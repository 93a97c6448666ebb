//! A reseller's credits. The balance never passes zero, whatever runs at the same time: the stream's
//! sequence is the lock.

use serde::{Deserialize, Serialize};

use crate::credits::{Credits, Money};
use crate::es::aggregate;
use crate::ids::TenantId;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::{self, NOTE_CHARS_MAX};

/// Most credits that one command may move: far above any pack, far below an overflow.
pub const CREDITS_PER_COMMAND_MAX: i64 = 10_000_000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CreditAccount {
    opened: bool,
    balance: Credits,
}

#[derive(Clone, Debug)]
pub enum CreditAccountCommand {
    Open,
    Purchase {
        pack_code: String,
        credits: Credits,
        price: Money,
        note: Option<String>,
    },
    Debit {
        credits: Credits,
        tenant_id: TenantId,
        purpose: DebitPurpose,
    },
    Adjust {
        kind: AdjustmentKind,
        credits: Credits,
        note: String,
    },
}

/// What a debit paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DebitPurpose {
    NewCustomer,
    Extension,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AdjustmentKind {
    /// Credits given back; positive.
    Refund,
    /// Credits given free; positive.
    Bonus,
    /// A correction; either sign.
    Adjustment,
}

/// Facts about a credit account. A variant is never renamed, removed or given a new meaning. `balance_after`
/// is the account's balance with this event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum CreditAccountEvent {
    CreditAccountOpened,
    CreditsPurchased {
        pack_code: String,
        credits: Credits,
        price: Money,
        note: Option<String>,
        balance_after: Credits,
    },
    CreditsDebited {
        credits: Credits,
        tenant_id: TenantId,
        purpose: DebitPurpose,
        balance_after: Credits,
    },
    /// `credits` is signed.
    CreditsAdjusted {
        kind: AdjustmentKind,
        credits: Credits,
        note: String,
        balance_after: Credits,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum CreditAccountError {
    #[error("there is no such credit account")]
    CreditAccountNotFound,
    #[error("this credit account is open already")]
    CreditAccountAlreadyOpen,
    #[error("{needed} credits are needed, {available} are available: buy credits or choose a shorter period")]
    InsufficientCredits { needed: Credits, available: Credits },
    #[error("an amount lies between 1 and {CREDITS_PER_COMMAND_MAX} credits")]
    InvalidAmount,
    #[error("a note has 1 to {NOTE_CHARS_MAX} characters")]
    InvalidNote,
}

impl Refusal for CreditAccountError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::CreditAccountNotFound => RefusalKind::NotFound,
            Self::CreditAccountAlreadyOpen | Self::InsufficientCredits { .. } => RefusalKind::Conflict,
            Self::InvalidAmount | Self::InvalidNote => RefusalKind::Invalid,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::InsufficientCredits { needed, available } => Facts {
                needed: Some(needed.0),
                available: Some(available.0),
                allowed: Vec::new(),
            },
            Self::CreditAccountNotFound
            | Self::CreditAccountAlreadyOpen
            | Self::InvalidAmount
            | Self::InvalidNote => Facts::default(),
        }
    }
}

aggregate!(
    CreditAccount,
    "credit_account",
    CreditAccountCommand,
    CreditAccountEvent,
    CreditAccountError
);

impl CreditAccountEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::CreditAccountOpened
            | Self::CreditsPurchased { .. }
            | Self::CreditsDebited { .. }
            | Self::CreditsAdjusted { .. } => "1",
        }
    }
}

impl CreditAccount {
    pub fn balance(&self) -> Credits {
        self.balance
    }

    fn decide(&self, command: CreditAccountCommand) -> Result<Vec<CreditAccountEvent>, CreditAccountError> {
        match command {
            CreditAccountCommand::Open if self.opened => Err(CreditAccountError::CreditAccountAlreadyOpen),
            CreditAccountCommand::Open => Ok(vec![CreditAccountEvent::CreditAccountOpened]),
            CreditAccountCommand::Purchase { .. }
            | CreditAccountCommand::Debit { .. }
            | CreditAccountCommand::Adjust { .. }
                if !self.opened =>
            {
                Err(CreditAccountError::CreditAccountNotFound)
            }
            CreditAccountCommand::Purchase {
                pack_code,
                credits,
                price,
                note,
            } => {
                let note = note.map(|note| checked_note(&note)).transpose()?;
                let balance_after = self.raised_by(positive(credits)?)?;
                Ok(vec![CreditAccountEvent::CreditsPurchased {
                    pack_code,
                    credits,
                    price,
                    note,
                    balance_after,
                }])
            }
            CreditAccountCommand::Debit {
                credits,
                tenant_id,
                purpose,
            } => {
                let balance_after = self.lowered_by(positive(credits)?)?;
                Ok(vec![CreditAccountEvent::CreditsDebited {
                    credits,
                    tenant_id,
                    purpose,
                    balance_after,
                }])
            }
            CreditAccountCommand::Adjust { kind, credits, note } => self.adjust(kind, credits, &note),
        }
    }

    fn adjust(
        &self,
        kind: AdjustmentKind,
        credits: Credits,
        note: &str,
    ) -> Result<Vec<CreditAccountEvent>, CreditAccountError> {
        let note = checked_note(note)?;
        let balance_after = match kind {
            AdjustmentKind::Adjustment if credits < Credits(0) => {
                let lowered = Credits(0)
                    .checked_sub(credits)
                    .ok_or(CreditAccountError::InvalidAmount)?;
                self.lowered_by(positive(lowered)?)?
            }
            AdjustmentKind::Refund | AdjustmentKind::Bonus | AdjustmentKind::Adjustment => {
                self.raised_by(positive(credits)?)?
            }
        };
        Ok(vec![CreditAccountEvent::CreditsAdjusted {
            kind,
            credits,
            note,
            balance_after,
        }])
    }

    fn raised_by(&self, credits: Credits) -> Result<Credits, CreditAccountError> {
        self.balance
            .checked_add(credits)
            .ok_or(CreditAccountError::InvalidAmount)
    }

    fn lowered_by(&self, credits: Credits) -> Result<Credits, CreditAccountError> {
        self.balance
            .checked_sub(credits)
            .filter(|after| *after >= Credits(0))
            .ok_or(CreditAccountError::InsufficientCredits {
                needed: credits,
                available: self.balance,
            })
    }

    fn evolve(&mut self, event: CreditAccountEvent) {
        match event {
            CreditAccountEvent::CreditAccountOpened => self.opened = true,
            CreditAccountEvent::CreditsPurchased { balance_after, .. }
            | CreditAccountEvent::CreditsDebited { balance_after, .. }
            | CreditAccountEvent::CreditsAdjusted { balance_after, .. } => self.balance = balance_after,
        }
    }
}

fn positive(credits: Credits) -> Result<Credits, CreditAccountError> {
    (1..=CREDITS_PER_COMMAND_MAX)
        .contains(&credits.0)
        .then_some(credits)
        .ok_or(CreditAccountError::InvalidAmount)
}

fn checked_note(note: &str) -> Result<String, CreditAccountError> {
    text::checked(note, NOTE_CHARS_MAX).ok_or(CreditAccountError::InvalidNote)
}

#[cfg(test)]
mod tests;
