//! A reseller's credits, in lots. What is available never passes the floor (zero, or the credit line), whatever
//! runs at the same time: the stream's sequence is the lock.
//!
//! Movements are numbered by their place in the stream. The state holds what is open and nothing of what is over,
//! so an account costs the same after ten events and after ten million.

mod draft;
mod events;
mod lots;
mod movement;
mod refusals;
mod returns;
mod supply;
mod take_back;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::credits::{Credits, Money};
use crate::es::aggregate;
use crate::ids::{ResellerId, ReservationId, TenantId};

use draft::Draft;
pub use events::{AdjustmentKind, CreditAccountEvent, DebitPurpose, ListedPrice};
use lots::Lots;
pub use lots::{LOT_OF_NO_LOT, LOTS_OPEN_MAX, Share};
pub use movement::{Movement, MovementKind};
pub use refusals::CreditAccountError;
use returns::Returns;

/// Most credits that one command may move: far above any pack, far below an overflow.
pub const CREDITS_PER_COMMAND_MAX: i64 = 10_000_000;
/// What comes back to a lot that has expired can be used for so many days more.
pub const RETURN_GRACE_DAYS: i64 = 30;
/// Most reservations that an account may have at one time, and the longest that one may last.
pub const RESERVATIONS_MAX: usize = 1_000;
pub const RESERVATION_DAYS_MAX: i64 = 400;
/// Most balances at which an account raises alerts.
pub const THRESHOLDS_MAX: usize = 10;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CreditAccount {
    opened: bool,
    /// What the lots hold, less what the credit line has lent.
    balance: Credits,
    lots: Lots,
    lots_made: u64,
    reservations: Vec<Reservation>,
    credit_line: Credits,
    thresholds: Vec<Credits>,
    returns: Returns,
    /// Events so far, which is the number of the last one.
    movements: u64,
}

/// Credits that are held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub reservation_id: ReservationId,
    pub credits: Credits,
    pub tenant_id: Option<TenantId>,
    pub expires_at: DateTime<Utc>,
    /// Where they come from; what lacks is from the credit line.
    pub lots: Vec<Share>,
}

/// What is bought.
#[derive(Clone, Debug)]
pub struct Purchase {
    pub pack_code: String,
    pub credits: Credits,
    pub price: Money,
    /// Where the price list said so.
    pub listed: Option<ListedPrice>,
    /// When the credits expire, if they do.
    pub expires_at: Option<DateTime<Utc>>,
    pub note: Option<String>,
}

/// What each side of a transfer says of the other.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub peer: ResellerId,
    /// Number of the movement in the peer's account.
    pub peer_movement: u64,
    pub note: String,
}

/// What is to be held.
#[derive(Clone, Debug)]
pub struct NewReservation {
    pub reservation_id: ReservationId,
    pub credits: Credits,
    pub tenant_id: Option<TenantId>,
    pub expires_at: DateTime<Utc>,
    pub note: String,
}

/// A movement as the log has it, for commands that take it back.
#[derive(Clone, Debug)]
pub struct Past {
    pub number: u64,
    pub event: CreditAccountEvent,
}

/// A command, with the instant at which it is given: lots and reservations whose time is over by then go first.
#[derive(Clone, Debug)]
pub enum CreditAccountCommand {
    Open,
    Purchase {
        purchase: Purchase,
        at: DateTime<Utc>,
    },
    Debit {
        credits: Credits,
        tenant_id: TenantId,
        purpose: DebitPurpose,
        at: DateTime<Utc>,
    },
    Adjust {
        kind: AdjustmentKind,
        credits: Credits,
        /// Of a bonus, where it has one.
        expires_at: Option<DateTime<Utc>>,
        note: String,
        at: DateTime<Utc>,
    },
    /// Gives back what a debit or a capture took: all that is left of it, or a part.
    Refund {
        debit: Box<Past>,
        credits: Option<Credits>,
        note: String,
        at: DateTime<Utc>,
    },
    /// Takes a movement back, at its own lots.
    Reverse {
        movement: Box<Past>,
        note: String,
        at: DateTime<Utc>,
    },
    /// The giving side of a transfer.
    Give {
        transfer: Transfer,
        credits: Credits,
        at: DateTime<Utc>,
    },
    /// The receiving side, with what [`CreditAccount::gift`] said of the giving one.
    Receive {
        transfer: Transfer,
        gift: Vec<Share>,
        at: DateTime<Utc>,
    },
    Reserve {
        wanted: NewReservation,
        at: DateTime<Utc>,
    },
    Release {
        reservation_id: ReservationId,
        at: DateTime<Utc>,
    },
    /// Spends held credits, all or a part; the rest is released.
    Capture {
        reservation_id: ReservationId,
        credits: Option<Credits>,
        note: String,
        at: DateTime<Utc>,
    },
    SetCreditLine {
        limit: Credits,
        reason: String,
        at: DateTime<Utc>,
    },
    SetAlerts {
        thresholds: Vec<Credits>,
        at: DateTime<Utc>,
    },
    /// Ends what is due, and nothing else.
    ExpireDue {
        at: DateTime<Utc>,
    },
}

impl CreditAccountCommand {
    /// `None` for the opening, before which nothing can be due.
    fn at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Open => None,
            Self::Purchase { at, .. }
            | Self::Debit { at, .. }
            | Self::Adjust { at, .. }
            | Self::Refund { at, .. }
            | Self::Reverse { at, .. }
            | Self::Give { at, .. }
            | Self::Receive { at, .. }
            | Self::Reserve { at, .. }
            | Self::Release { at, .. }
            | Self::Capture { at, .. }
            | Self::SetCreditLine { at, .. }
            | Self::SetAlerts { at, .. }
            | Self::ExpireDue { at } => Some(*at),
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

impl CreditAccount {
    /// What is available; negative where the credit line lends.
    pub fn balance(&self) -> Credits {
        self.balance
    }

    /// What reservations hold.
    pub fn held(&self) -> Credits {
        let held = self.reservations.iter().map(|reservation| reservation.credits.0);
        Credits(held.fold(0, i64::saturating_add))
    }

    /// The open lots, in the order in which they are used.
    pub fn lots(&self) -> &[Share] {
        self.lots.open()
    }

    pub fn reservations(&self) -> &[Reservation] {
        &self.reservations
    }

    /// Number of the last movement or setting.
    pub fn movements(&self) -> u64 {
        self.movements
    }

    /// What has come back of a movement; `None` where it is too old to tell.
    pub fn returned(&self, number: u64) -> Option<Credits> {
        self.returns.of(number)
    }

    pub fn credit_line(&self) -> Credits {
        self.credit_line
    }

    /// When the next lot or reservation ends.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        let lots = self.lots.open().iter().filter_map(|share| share.expires_at);
        let reservations = self.reservations.iter().map(|reservation| reservation.expires_at);
        lots.chain(reservations).min()
    }

    /// What a transfer of `credits` would take.
    ///
    /// # Errors
    /// There is no such account, or the credits do not suffice.
    pub fn gift(&self, credits: Credits, at: DateTime<Utc>) -> Result<Vec<Share>, CreditAccountError> {
        if !self.opened {
            return Err(CreditAccountError::CreditAccountNotFound);
        }
        Draft::begin(self, at).gift(credits)
    }

    /// The number that the next movement will have, after what is due by then.
    pub fn next_movement(&self, at: DateTime<Utc>) -> u64 {
        Draft::begin(self, at).next_movement()
    }

    /// What the credit line lends now.
    fn debt(&self) -> i64 {
        self.lots.total().0.saturating_sub(self.balance.0)
    }

    fn decide(&self, command: CreditAccountCommand) -> Result<Vec<CreditAccountEvent>, CreditAccountError> {
        match command.at() {
            None if self.opened => Err(CreditAccountError::CreditAccountAlreadyOpen),
            None => Ok(vec![CreditAccountEvent::CreditAccountOpened]),
            Some(_) if !self.opened => Err(CreditAccountError::CreditAccountNotFound),
            Some(at) => Draft::begin(self, at).carry_out(command),
        }
    }

    fn evolve(&mut self, event: CreditAccountEvent) {
        self.movements += 1;
        if let Some(movement) = event.movement() {
            self.fill_or_drain(&movement);
            self.balance = movement.balance_after;
        }
        match event {
            CreditAccountEvent::CreditAccountOpened => self.opened = true,
            CreditAccountEvent::CreditsReserved {
                reservation_id,
                credits,
                tenant_id,
                expires_at,
                lots,
                ..
            } => self.reservations.push(Reservation {
                reservation_id,
                credits,
                tenant_id,
                expires_at,
                lots,
            }),
            CreditAccountEvent::CreditsReleased {
                reservation_id,
                credits,
                ..
            }
            | CreditAccountEvent::CreditsCaptured {
                reservation_id,
                credits,
                ..
            } => self.unhold(reservation_id, credits),
            CreditAccountEvent::CreditsRefunded { debit, credits, .. } => self.returns.add(debit, credits),
            CreditAccountEvent::CreditsReversed {
                movement,
                debit,
                credits,
                ..
            } => {
                self.returns
                    .add(movement, Credits(credits.0.saturating_abs().max(1)));
                if let Some(debit) = debit {
                    self.returns.remove(debit, Credits(credits.0.saturating_abs()));
                }
            }
            CreditAccountEvent::CreditLineSet { limit, .. } => self.credit_line = limit,
            CreditAccountEvent::LowCreditAlertsSet { thresholds } => self.thresholds = thresholds,
            CreditAccountEvent::CreditsPurchased { .. }
            | CreditAccountEvent::CreditsDebited { .. }
            | CreditAccountEvent::CreditsAdjusted { .. }
            | CreditAccountEvent::CreditsExpired { .. }
            | CreditAccountEvent::CreditsTransferredOut { .. }
            | CreditAccountEvent::CreditsTransferredIn { .. }
            | CreditAccountEvent::LowCreditReached { .. } => {}
        }
    }

    fn fill_or_drain(&mut self, movement: &Movement<'_>) {
        if movement.amount.0 < 0 {
            // Before there were lots, events named none: the order of use says which they were.
            let drained = if movement.lots.is_empty() {
                lots::first(self.lots.open(), movement.credits).0
            } else {
                movement.lots.to_vec()
            };
            for share in &drained {
                self.lots.remove(share);
            }
        } else if movement.amount.0 > 0 {
            if movement.lots.is_empty() {
                let filled = movement.amount.0.saturating_sub(self.debt());
                self.lots.add(&Share::undated(Credits(filled.max(0))));
            }
            for share in movement.lots {
                self.lots.add(share);
                self.lots_made = self.lots_made.max(share.lot);
            }
        }
    }

    /// Takes credits out of a reservation, from its first lots on; an empty one is over.
    fn unhold(&mut self, reservation_id: ReservationId, credits: Credits) {
        let of_id = |reservation: &&mut Reservation| reservation.reservation_id == reservation_id;
        if let Some(held) = self.reservations.iter_mut().find(of_id) {
            held.credits = Credits(held.credits.0.saturating_sub(credits.0));
            let (gone, _) = lots::first(&held.lots, credits);
            for (share, gone) in held.lots.iter_mut().zip(gone) {
                share.credits = Credits(share.credits.0.saturating_sub(gone.credits.0));
            }
            held.lots.retain(|share| share.credits.0 > 0);
        }
        self.reservations.retain(|reservation| reservation.credits.0 > 0);
    }
}

#[cfg(test)]
mod tests;
