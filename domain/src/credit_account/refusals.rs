//! What a credit account refuses, and what it says then.

use super::lots::LOTS_OPEN_MAX;
use super::{CREDITS_PER_COMMAND_MAX, MovementKind, RESERVATION_DAYS_MAX, RESERVATIONS_MAX, THRESHOLDS_MAX};
use crate::credits::Credits;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::NOTE_CHARS_MAX;

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
    #[error("credits expire after now, not before: give a later expiry, or none")]
    InvalidExpiry,
    #[error("this account has no movement of that number: the list of its transactions names them")]
    MovementNotFound,
    #[error("a refund names the debit that it returns: use the refund of that debit")]
    RefundWithoutDebit,
    #[error(
        "movement {number} is a {}, which is not refunded: only debits and captures are; a reversal takes a \
         movement back", kind.as_ref()
    )]
    NotADebit { number: u64, kind: MovementKind },
    #[error("{needed} credits are to be returned, {available} of movement {number} are not returned yet")]
    ReturnTooLarge {
        number: u64,
        needed: Credits,
        available: Credits,
    },
    #[error("movement {number} is a {}, which cannot be reversed", kind.as_ref())]
    NotReversible { number: u64, kind: MovementKind },
    #[error("movement {number} has been reversed or returned already, in whole or in part")]
    AlreadyReturned { number: u64 },
    #[error("movement {number} is too old to be taken back: adjust the balance, with a note")]
    MovementTooOld { number: u64 },
    #[error(
        "lot {lot} has to give back {needed} credits and has {available} left: reverse what used them first, or \
         adjust the balance"
    )]
    LotSpent {
        lot: u64,
        needed: Credits,
        available: Credits,
    },
    #[error("an account has at most {LOTS_OPEN_MAX} lots of credits at one time: use some up first")]
    TooManyLots,
    #[error("there is no such reservation: it may have been captured, released or expired")]
    ReservationNotFound,
    #[error("there is a reservation of that id already")]
    ReservationExists,
    #[error("a reservation ends after now and within {RESERVATION_DAYS_MAX} days")]
    InvalidReservationEnd,
    #[error(
        "an account has at most {RESERVATIONS_MAX} reservations at one time: capture or release some first"
    )]
    TooManyReservations,
    #[error("{needed} credits are to be captured, {available} are reserved: reserve more first")]
    CaptureTooLarge { needed: Credits, available: Credits },
    #[error("a credit line lies between 0 and {CREDITS_PER_COMMAND_MAX} credits")]
    InvalidCreditLine,
    #[error(
        "the account is {needed} credits below zero, which a credit line of {available} does not cover: sell it \
         credits first, or set a larger one"
    )]
    CreditLineInUse { needed: Credits, available: Credits },
    #[error("at most {THRESHOLDS_MAX} thresholds, each between 1 and {CREDITS_PER_COMMAND_MAX} credits")]
    InvalidThresholds,
}

impl Refusal for CreditAccountError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::CreditAccountNotFound | Self::MovementNotFound | Self::ReservationNotFound => {
                RefusalKind::NotFound
            }
            Self::CreditAccountAlreadyOpen
            | Self::InsufficientCredits { .. }
            | Self::NotADebit { .. }
            | Self::ReturnTooLarge { .. }
            | Self::NotReversible { .. }
            | Self::AlreadyReturned { .. }
            | Self::MovementTooOld { .. }
            | Self::LotSpent { .. }
            | Self::TooManyLots
            | Self::ReservationExists
            | Self::TooManyReservations
            | Self::CaptureTooLarge { .. }
            | Self::CreditLineInUse { .. } => RefusalKind::Conflict,
            Self::InvalidAmount
            | Self::InvalidNote
            | Self::InvalidExpiry
            | Self::RefundWithoutDebit
            | Self::InvalidReservationEnd
            | Self::InvalidCreditLine
            | Self::InvalidThresholds => RefusalKind::Invalid,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::InsufficientCredits { needed, available }
            | Self::ReturnTooLarge {
                needed, available, ..
            }
            | Self::LotSpent {
                needed, available, ..
            }
            | Self::CaptureTooLarge { needed, available }
            | Self::CreditLineInUse { needed, available } => Facts {
                needed: Some(needed.0),
                available: Some(available.0),
                ..Facts::default()
            },
            Self::CreditAccountNotFound
            | Self::CreditAccountAlreadyOpen
            | Self::InvalidAmount
            | Self::InvalidNote
            | Self::InvalidExpiry
            | Self::MovementNotFound
            | Self::RefundWithoutDebit
            | Self::NotADebit { .. }
            | Self::NotReversible { .. }
            | Self::AlreadyReturned { .. }
            | Self::MovementTooOld { .. }
            | Self::TooManyLots
            | Self::ReservationNotFound
            | Self::ReservationExists
            | Self::InvalidReservationEnd
            | Self::TooManyReservations
            | Self::InvalidCreditLine
            | Self::InvalidThresholds => Facts::default(),
        }
    }
}
