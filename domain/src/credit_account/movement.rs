//! What each event of a credit account moves, in one shape for all.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::events::{AdjustmentKind, CreditAccountEvent};
use super::lots::Share;
use crate::credits::Credits;
use crate::ids::{ResellerId, ReservationId, TenantId};

/// The kinds of movements.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MovementKind {
    Purchase,
    Debit,
    Refund,
    Adjustment,
    Bonus,
    Transfer,
    Expiry,
    Reversal,
    Reservation,
    Release,
    Capture,
}

/// What an event moves, in one shape for all kinds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Movement<'a> {
    pub kind: MovementKind,
    /// Size of the movement, never negative.
    pub credits: Credits,
    /// What it adds to the credits that are available, signed.
    pub amount: Credits,
    pub balance_after: Credits,
    pub lots: &'a [Share],
    pub tenant_id: Option<TenantId>,
    pub note: Option<&'a str>,
    /// The movement that this one returns or reverses.
    pub of: Option<u64>,
    /// The other side of a transfer.
    pub peer: Option<ResellerId>,
    pub reservation_id: Option<ReservationId>,
}

impl<'a> Movement<'a> {
    /// Of one that adds `amount`.
    fn new(kind: MovementKind, amount: Credits, balance_after: Credits, lots: &'a [Share]) -> Self {
        Self {
            kind,
            credits: Credits(amount.0.saturating_abs()),
            amount,
            balance_after,
            lots,
            tenant_id: None,
            note: None,
            of: None,
            peer: None,
            reservation_id: None,
        }
    }
}

impl Movement<'_> {
    /// The shares that it fills or drains. Events from before there were lots name none: then it is the lot of no
    /// lot, as far as the credit line is not concerned.
    pub fn shares(&self) -> Cow<'_, [Share]> {
        if !self.lots.is_empty() || self.amount.0 == 0 {
            return Cow::Borrowed(self.lots);
        }
        let before = self.balance_after.0.saturating_sub(self.amount.0);
        let covered = self.balance_after.0.max(before).clamp(0, self.credits.0);
        Cow::Owned(vec![Share::undated(Credits(covered))])
    }
}

fn less(credits: Credits) -> Credits {
    Credits(credits.0.saturating_neg())
}

impl CreditAccountEvent {
    /// What it moves; `None` where it moves nothing.
    pub fn movement(&self) -> Option<Movement<'_>> {
        match self {
            Self::CreditsPurchased { .. } | Self::CreditsDebited { .. } | Self::CreditsExpired { .. } => {
                self.use_up()
            }
            Self::CreditsAdjusted { .. } | Self::CreditsRefunded { .. } | Self::CreditsReversed { .. } => {
                self.correction()
            }
            Self::CreditsTransferredOut { .. } | Self::CreditsTransferredIn { .. } => self.transfer(),
            Self::CreditsReserved { .. } | Self::CreditsReleased { .. } | Self::CreditsCaptured { .. } => {
                self.hold()
            }
            Self::CreditAccountOpened
            | Self::CreditLineSet { .. }
            | Self::LowCreditAlertsSet { .. }
            | Self::LowCreditReached { .. } => None,
        }
    }

    fn use_up(&self) -> Option<Movement<'_>> {
        if let Self::CreditsPurchased {
            credits,
            note,
            balance_after,
            lots,
            ..
        } = self
        {
            return Some(Movement {
                note: note.as_deref(),
                ..Movement::new(MovementKind::Purchase, *credits, *balance_after, lots)
            });
        }
        if let Self::CreditsDebited {
            credits,
            tenant_id,
            balance_after,
            lots,
            ..
        } = self
        {
            return Some(Movement {
                tenant_id: Some(*tenant_id),
                ..Movement::new(MovementKind::Debit, less(*credits), *balance_after, lots)
            });
        }
        let Self::CreditsExpired {
            credits,
            balance_after,
            lots,
        } = self
        else {
            return None;
        };
        let amount = less(*credits);
        Some(Movement::new(MovementKind::Expiry, amount, *balance_after, lots))
    }

    fn correction(&self) -> Option<Movement<'_>> {
        if let Self::CreditsAdjusted {
            kind,
            credits,
            note,
            balance_after,
            lots,
        } = self
        {
            let kind = match kind {
                AdjustmentKind::Refund => MovementKind::Refund,
                AdjustmentKind::Bonus => MovementKind::Bonus,
                AdjustmentKind::Adjustment => MovementKind::Adjustment,
            };
            return Some(Movement {
                note: Some(note),
                ..Movement::new(kind, *credits, *balance_after, lots)
            });
        }
        if let Self::CreditsRefunded {
            debit,
            credits,
            tenant_id,
            note,
            balance_after,
            lots,
        } = self
        {
            return Some(Movement {
                tenant_id: *tenant_id,
                note: Some(note),
                of: Some(*debit),
                ..Movement::new(MovementKind::Refund, *credits, *balance_after, lots)
            });
        }
        let Self::CreditsReversed {
            movement,
            credits,
            tenant_id,
            peer,
            note,
            balance_after,
            lots,
            ..
        } = self
        else {
            return None;
        };
        Some(Movement {
            tenant_id: *tenant_id,
            note: Some(note),
            of: Some(*movement),
            peer: *peer,
            ..Movement::new(MovementKind::Reversal, *credits, *balance_after, lots)
        })
    }

    fn transfer(&self) -> Option<Movement<'_>> {
        let (peer, amount, note, balance_after, lots) = if let Self::CreditsTransferredOut {
            to,
            credits,
            note,
            balance_after,
            lots,
            ..
        } = self
        {
            (to, less(*credits), note, balance_after, lots)
        } else if let Self::CreditsTransferredIn {
            from,
            credits,
            note,
            balance_after,
            lots,
            ..
        } = self
        {
            (from, *credits, note, balance_after, lots)
        } else {
            return None;
        };
        Some(Movement {
            note: Some(note),
            peer: Some(*peer),
            ..Movement::new(MovementKind::Transfer, amount, *balance_after, lots)
        })
    }

    fn hold(&self) -> Option<Movement<'_>> {
        let (id, tenant_id, note, movement) = if let Self::CreditsReserved {
            reservation_id,
            credits,
            tenant_id,
            note,
            balance_after,
            lots,
            ..
        } = self
        {
            let moved = Movement::new(MovementKind::Reservation, less(*credits), *balance_after, lots);
            (reservation_id, tenant_id, Some(note.as_str()), moved)
        } else if let Self::CreditsReleased {
            reservation_id,
            credits,
            tenant_id,
            balance_after,
            lots,
            ..
        } = self
        {
            let moved = Movement::new(MovementKind::Release, *credits, *balance_after, lots);
            (reservation_id, tenant_id, None, moved)
        } else if let Self::CreditsCaptured {
            reservation_id,
            credits,
            tenant_id,
            note,
            balance_after,
            lots,
        } = self
        {
            let moved = Movement {
                credits: *credits,
                ..Movement::new(MovementKind::Capture, Credits(0), *balance_after, lots)
            };
            (reservation_id, tenant_id, Some(note.as_str()), moved)
        } else {
            return None;
        };
        Some(Movement {
            tenant_id: *tenant_id,
            note,
            reservation_id: Some(*id),
            ..movement
        })
    }
}
