//! What payout runs refuse.

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use super::{HOLDING_DAYS_MAX, REFERENCE_CHARS_MAX};
use crate::refusal::{Refusal, RefusalKind};
use crate::text::NOTE_CHARS_MAX;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PayoutError {
    #[error("there is no such payout run")]
    PayoutRunNotFound,
    #[error("the payout run {0} is not finished: pay or cancel it first")]
    PayoutRunOpen(Uuid),
    #[error("there is nothing to pay and nothing has moved since the last run: choose a later cutoff")]
    NothingDue,
    #[error("the cutoff lies in the future: choose {} or earlier", told(.now))]
    CutoffInFuture { now: DateTime<Utc> },
    #[error(
        "an earlier run has taken sales up to {}: choose a later cutoff or a shorter holding period", told(.until)
    )]
    PayoutGoesBack { until: DateTime<Utc> },
    #[error("a holding period has at most {HOLDING_DAYS_MAX} days")]
    InvalidHoldingPeriod,
    #[error("a minimum is 0 or more minor units, and a currency has three capital letters")]
    InvalidMinimum,
    #[error("who drafted a payout run does not approve it: ask somebody else of the platform's finance")]
    DrafterCannotApprove,
    #[error("the payout run is not approved: have somebody else approve it first")]
    PayoutRunNotApproved,
    #[error("the payout run is approved already")]
    PayoutRunApproved,
    #[error("the payout run is finished and stays as it is")]
    PayoutRunFinished,
    #[error("a reference has 1 to {REFERENCE_CHARS_MAX} characters: that of the bank transfer, for example")]
    InvalidReference,
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why")]
    InvalidReason,
}

fn told(instant: &DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl Refusal for PayoutError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::PayoutRunNotFound => RefusalKind::NotFound,
            Self::DrafterCannotApprove => RefusalKind::Forbidden,
            Self::PayoutRunOpen(_)
            | Self::NothingDue
            | Self::PayoutGoesBack { .. }
            | Self::PayoutRunNotApproved
            | Self::PayoutRunApproved
            | Self::PayoutRunFinished => RefusalKind::Conflict,
            Self::CutoffInFuture { .. }
            | Self::InvalidHoldingPeriod
            | Self::InvalidMinimum
            | Self::InvalidReference
            | Self::InvalidReason => RefusalKind::Invalid,
        }
    }
}
