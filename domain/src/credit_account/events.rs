//! What happens to a credit account.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::lots::Share;
use super::movement::MovementKind;
use crate::credits::{Credits, Money};
use crate::ids::{ResellerId, ReservationId, TenantId};

/// What a debit paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DebitPurpose {
    NewCustomer,
    Extension,
    /// By itself, before its end.
    Renewal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AdjustmentKind {
    /// Credits given back without naming a debit; positive. No longer done: see [`CreditAccountEvent::CreditsRefunded`].
    Refund,
    /// Credits given free; positive.
    Bonus,
    /// A correction; either sign.
    Adjustment,
}

/// The place of the price list that a purchase was made by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedPrice {
    pub version: u64,
    /// Whether it is a list of the reseller's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// Minor units for one credit, to six decimals.
    pub per_credit: Decimal,
}

/// Facts about a credit account. A variant is never renamed, removed or given a new meaning. `balance_after`
/// is what is available with this event, and `lots` the credits of each lot that it moves. Where the lots lack
/// some of the credits, the rest was taken from the credit line or paid it back; events from before there were
/// lots name none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum CreditAccountEvent {
    CreditAccountOpened,
    CreditsPurchased {
        pack_code: String,
        credits: Credits,
        price: Money,
        note: Option<String>,
        balance_after: Credits,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listed: Option<ListedPrice>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<Share>,
    },
    CreditsDebited {
        credits: Credits,
        tenant_id: TenantId,
        purpose: DebitPurpose,
        balance_after: Credits,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<Share>,
    },
    /// `credits` is signed.
    CreditsAdjusted {
        kind: AdjustmentKind,
        credits: Credits,
        note: String,
        balance_after: Credits,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<Share>,
    },
    /// Credits of a debit or a capture came back.
    CreditsRefunded {
        /// Number of the movement that they come from.
        debit: u64,
        credits: Credits,
        tenant_id: Option<TenantId>,
        note: String,
        balance_after: Credits,
        lots: Vec<Share>,
    },
    CreditsExpired {
        credits: Credits,
        balance_after: Credits,
        lots: Vec<Share>,
    },
    CreditsTransferredOut {
        to: ResellerId,
        /// Number of the movement in the other account.
        peer_movement: u64,
        credits: Credits,
        note: String,
        balance_after: Credits,
        lots: Vec<Share>,
    },
    CreditsTransferredIn {
        from: ResellerId,
        peer_movement: u64,
        credits: Credits,
        note: String,
        balance_after: Credits,
        lots: Vec<Share>,
    },
    /// Credits are held: neither available nor spent.
    CreditsReserved {
        reservation_id: ReservationId,
        credits: Credits,
        tenant_id: Option<TenantId>,
        note: String,
        expires_at: DateTime<Utc>,
        balance_after: Credits,
        lots: Vec<Share>,
    },
    /// Held credits are available again.
    CreditsReleased {
        reservation_id: ReservationId,
        credits: Credits,
        tenant_id: Option<TenantId>,
        /// Whether the reservation's time was over.
        expired: bool,
        balance_after: Credits,
        lots: Vec<Share>,
    },
    /// Held credits were spent; `lots` says which, and what was available stays.
    CreditsCaptured {
        reservation_id: ReservationId,
        credits: Credits,
        tenant_id: Option<TenantId>,
        note: String,
        balance_after: Credits,
        lots: Vec<Share>,
    },
    /// A movement was taken back.
    CreditsReversed {
        /// Number of the movement.
        movement: u64,
        reversed: MovementKind,
        /// What this adds to the balance, signed.
        credits: Credits,
        /// Where a purchase is reversed: what it had cost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<Money>,
        /// Where a refund is reversed: the debit that it had returned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        debit: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant_id: Option<TenantId>,
        /// Where a transfer is reversed: the other account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peer: Option<ResellerId>,
        note: String,
        balance_after: Credits,
        lots: Vec<Share>,
    },
    /// How far below zero the account may go.
    CreditLineSet {
        limit: Credits,
        reason: String,
    },
    /// At which balances an alert is raised, ascending.
    LowCreditAlertsSet {
        thresholds: Vec<Credits>,
    },
    /// The balance has come down to a threshold.
    LowCreditReached {
        threshold: Credits,
        balance: Credits,
    },
}

impl CreditAccountEvent {
    pub(super) fn version(&self) -> &'static str {
        match self {
            Self::CreditAccountOpened
            | Self::CreditsPurchased { .. }
            | Self::CreditsDebited { .. }
            | Self::CreditsAdjusted { .. }
            | Self::CreditsRefunded { .. }
            | Self::CreditsExpired { .. }
            | Self::CreditsTransferredOut { .. }
            | Self::CreditsTransferredIn { .. }
            | Self::CreditsReserved { .. }
            | Self::CreditsReleased { .. }
            | Self::CreditsCaptured { .. }
            | Self::CreditsReversed { .. }
            | Self::CreditLineSet { .. }
            | Self::LowCreditAlertsSet { .. }
            | Self::LowCreditReached { .. } => "1",
        }
    }
}
