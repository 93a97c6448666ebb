//! Decides a command on a copy of the account that takes each event as it is decided: what is due goes first, and
//! an alert comes last.

use chrono::{DateTime, TimeDelta, Utc};

use super::lots::{self, Share};
use super::supply::last_first;
use super::{
    AdjustmentKind, CREDITS_PER_COMMAND_MAX, CreditAccount, CreditAccountCommand, CreditAccountError,
    CreditAccountEvent, DebitPurpose, NewReservation, Purchase, RESERVATION_DAYS_MAX, RESERVATIONS_MAX,
    Reservation, THRESHOLDS_MAX, Transfer,
};
use crate::credits::Credits;
use crate::ids::{ReservationId, TenantId};
use crate::text::{self, NOTE_CHARS_MAX};

pub(super) type Refusable<T> = Result<T, CreditAccountError>;

pub(super) struct Draft {
    pub(super) account: CreditAccount,
    /// The balance that the draft began with.
    before: Credits,
    events: Vec<CreditAccountEvent>,
    pub(super) at: DateTime<Utc>,
}

impl Draft {
    /// With what is due by then done.
    pub(super) fn begin(account: &CreditAccount, at: DateTime<Utc>) -> Self {
        let mut draft = Self {
            account: account.clone(),
            before: account.balance,
            events: Vec::new(),
            at,
        };
        let over = |reservation: &&Reservation| reservation.expires_at <= at;
        let over: Vec<_> = account.reservations.iter().filter(over).cloned().collect();
        for reservation in over {
            draft.release(reservation, true);
        }
        draft.expire();
        draft
    }

    pub(super) fn next_movement(&self) -> u64 {
        self.account.movements.saturating_add(1)
    }

    pub(super) fn carry_out(mut self, command: CreditAccountCommand) -> Refusable<Vec<CreditAccountEvent>> {
        match command {
            CreditAccountCommand::Open | CreditAccountCommand::ExpireDue { .. } => {}
            CreditAccountCommand::Purchase { purchase, .. } => self.purchase(purchase)?,
            CreditAccountCommand::Debit {
                credits,
                tenant_id,
                purpose,
                ..
            } => {
                self.debit(credits, tenant_id, purpose)?;
            }
            CreditAccountCommand::Adjust {
                kind,
                credits,
                expires_at,
                note,
                ..
            } => {
                self.adjust(kind, credits, expires_at, &note)?;
            }
            CreditAccountCommand::Refund {
                debit, credits, note, ..
            } => {
                let event = self.refund(&debit, credits, &note)?;
                self.push(event);
            }
            CreditAccountCommand::Reverse { movement, note, .. } => {
                let event = self.reverse(&movement, &note)?;
                self.push(event);
            }
            CreditAccountCommand::Give {
                transfer, credits, ..
            } => self.give(&transfer, credits)?,
            CreditAccountCommand::Receive { transfer, gift, .. } => self.receive(&transfer, &gift)?,
            CreditAccountCommand::Reserve { wanted, .. } => self.reserve(&wanted)?,
            CreditAccountCommand::Release { reservation_id, .. } => {
                let reservation = self.reservation(reservation_id)?;
                self.release(reservation, false);
                self.expire();
            }
            CreditAccountCommand::Capture {
                reservation_id,
                credits,
                note,
                ..
            } => {
                self.capture(reservation_id, credits, &note)?;
            }
            CreditAccountCommand::SetCreditLine { limit, reason, .. } => {
                self.set_credit_line(limit, &reason)?;
            }
            CreditAccountCommand::SetAlerts { thresholds, .. } => self.set_alerts(thresholds)?,
        }
        Ok(self.finish())
    }

    fn purchase(&mut self, bought: Purchase) -> Refusable<()> {
        let note = bought.note.map(|note| checked_note(&note)).transpose()?;
        let balance_after = self.raised(positive(bought.credits)?)?;
        let lots = self.new_lot(bought.credits, false, bought.expires_at)?;
        self.push(CreditAccountEvent::CreditsPurchased {
            pack_code: bought.pack_code,
            credits: bought.credits,
            price: bought.price,
            note,
            balance_after,
            listed: bought.listed,
            lots,
        });
        Ok(())
    }

    fn debit(&mut self, credits: Credits, tenant_id: TenantId, purpose: DebitPurpose) -> Refusable<()> {
        let (lots, balance_after) = self.funds(credits)?;
        self.push(CreditAccountEvent::CreditsDebited {
            credits,
            tenant_id,
            purpose,
            balance_after,
            lots,
        });
        Ok(())
    }

    fn give(&mut self, transfer: &Transfer, credits: Credits) -> Refusable<()> {
        let (note, lots) = (checked_note(&transfer.note)?, self.gift(credits)?);
        self.push(CreditAccountEvent::CreditsTransferredOut {
            to: transfer.peer,
            peer_movement: transfer.peer_movement,
            credits,
            note,
            balance_after: self.lowered(credits)?,
            lots,
        });
        Ok(())
    }

    fn receive(&mut self, transfer: &Transfer, gift: &[Share]) -> Refusable<()> {
        let (note, credits) = (checked_note(&transfer.note)?, positive(lots::total(gift))?);
        let balance_after = self.raised(credits)?;
        let lots = self.received(gift)?;
        self.push(CreditAccountEvent::CreditsTransferredIn {
            from: transfer.peer,
            peer_movement: transfer.peer_movement,
            credits,
            note,
            balance_after,
            lots,
        });
        Ok(())
    }

    fn push(&mut self, event: CreditAccountEvent) {
        self.account.evolve(event.clone());
        self.events.push(event);
    }

    /// An alert for the lowest threshold that the balance has come down to.
    fn finish(mut self) -> Vec<CreditAccountEvent> {
        let (before, balance) = (self.before, self.account.balance);
        let crossed = |threshold: &&Credits| balance <= **threshold && **threshold < before;
        if let Some(threshold) = self.account.thresholds.iter().find(crossed).copied() {
            self.push(CreditAccountEvent::LowCreditReached { threshold, balance });
        }
        self.events
    }

    fn expire(&mut self) {
        let lots = self.account.lots.due(self.at);
        let credits = lots::total(&lots);
        if credits.0 > 0 {
            let balance_after = Credits(self.account.balance.0.saturating_sub(credits.0));
            self.push(CreditAccountEvent::CreditsExpired {
                credits,
                balance_after,
                lots,
            });
        }
    }

    fn adjust(
        &mut self,
        kind: AdjustmentKind,
        credits: Credits,
        expires_at: Option<DateTime<Utc>>,
        note: &str,
    ) -> Refusable<()> {
        let note = checked_note(note)?;
        let (lots, balance_after) = match kind {
            AdjustmentKind::Refund => return Err(CreditAccountError::RefundWithoutDebit),
            AdjustmentKind::Adjustment if credits.0 < 0 => {
                let lowered = credits.0.checked_neg().ok_or(CreditAccountError::InvalidAmount)?;
                self.funds(Credits(lowered))?
            }
            AdjustmentKind::Bonus | AdjustmentKind::Adjustment => {
                let balance_after = self.raised(positive(credits)?)?;
                (
                    self.new_lot(credits, kind == AdjustmentKind::Bonus, expires_at)?,
                    balance_after,
                )
            }
        };
        self.push(CreditAccountEvent::CreditsAdjusted {
            kind,
            credits,
            note,
            balance_after,
            lots,
        });
        Ok(())
    }

    fn reserve(&mut self, wanted: &NewReservation) -> Refusable<()> {
        let NewReservation {
            reservation_id,
            credits,
            tenant_id,
            expires_at,
            ..
        } = *wanted;
        let note = checked_note(&wanted.note)?;
        if self.reservation(reservation_id).is_ok() {
            return Err(CreditAccountError::ReservationExists);
        }
        if expires_at <= self.at || expires_at - self.at > TimeDelta::days(RESERVATION_DAYS_MAX) {
            return Err(CreditAccountError::InvalidReservationEnd);
        }
        if self.account.reservations.len() >= RESERVATIONS_MAX {
            return Err(CreditAccountError::TooManyReservations);
        }
        let (lots, balance_after) = self.funds(credits)?;
        self.push(CreditAccountEvent::CreditsReserved {
            reservation_id,
            credits,
            tenant_id,
            note,
            expires_at,
            balance_after,
            lots,
        });
        Ok(())
    }

    fn reservation(&self, reservation_id: ReservationId) -> Refusable<Reservation> {
        let mut reservations = self.account.reservations.iter();
        reservations
            .find(|reservation| reservation.reservation_id == reservation_id)
            .cloned()
            .ok_or(CreditAccountError::ReservationNotFound)
    }

    fn release(&mut self, reservation: Reservation, expired: bool) {
        let credits = reservation.credits;
        let lots = self.placed(&last_first(&reservation.lots, credits), None);
        self.push(CreditAccountEvent::CreditsReleased {
            reservation_id: reservation.reservation_id,
            credits,
            tenant_id: reservation.tenant_id,
            expired,
            balance_after: Credits(self.account.balance.0.saturating_add(credits.0)),
            lots,
        });
    }

    fn capture(
        &mut self,
        reservation_id: ReservationId,
        credits: Option<Credits>,
        note: &str,
    ) -> Refusable<()> {
        let note = checked_note(note)?;
        let reservation = self.reservation(reservation_id)?;
        let credits = positive(credits.unwrap_or(reservation.credits))?;
        if credits > reservation.credits {
            return Err(CreditAccountError::CaptureTooLarge {
                needed: credits,
                available: reservation.credits,
            });
        }
        self.push(CreditAccountEvent::CreditsCaptured {
            reservation_id,
            credits,
            tenant_id: reservation.tenant_id,
            note,
            balance_after: self.account.balance,
            lots: lots::first(&reservation.lots, credits).0,
        });
        if let Ok(rest) = self.reservation(reservation_id) {
            self.release(rest, false);
            self.expire();
        }
        Ok(())
    }

    fn set_credit_line(&mut self, limit: Credits, reason: &str) -> Refusable<()> {
        let reason = checked_note(reason)?;
        if !(0..=CREDITS_PER_COMMAND_MAX).contains(&limit.0) {
            return Err(CreditAccountError::InvalidCreditLine);
        }
        let debt = self.account.balance.0.saturating_neg();
        if debt > limit.0 {
            return Err(CreditAccountError::CreditLineInUse {
                needed: Credits(debt),
                available: limit,
            });
        }
        if limit != self.account.credit_line {
            self.push(CreditAccountEvent::CreditLineSet { limit, reason });
        }
        Ok(())
    }

    fn set_alerts(&mut self, mut thresholds: Vec<Credits>) -> Refusable<()> {
        thresholds.sort_unstable();
        thresholds.dedup();
        let fit = |threshold: &Credits| (1..=CREDITS_PER_COMMAND_MAX).contains(&threshold.0);
        if thresholds.len() > THRESHOLDS_MAX || !thresholds.iter().all(fit) {
            return Err(CreditAccountError::InvalidThresholds);
        }
        if thresholds != self.account.thresholds {
            self.push(CreditAccountEvent::LowCreditAlertsSet { thresholds });
        }
        Ok(())
    }
}

pub(super) fn positive(credits: Credits) -> Refusable<Credits> {
    (1..=CREDITS_PER_COMMAND_MAX)
        .contains(&credits.0)
        .then_some(credits)
        .ok_or(CreditAccountError::InvalidAmount)
}

pub(super) fn checked_note(note: &str) -> Refusable<String> {
    text::checked(note, NOTE_CHARS_MAX).ok_or(CreditAccountError::InvalidNote)
}
