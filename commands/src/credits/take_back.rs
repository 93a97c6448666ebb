//! What comes back: refunds and reversals, and the days that are left of a cancelled subscription.

use domain::credit_account::{
    AdjustmentKind, CreditAccount, CreditAccountCommand, CreditAccountError, CreditAccountEvent, Past,
};
use domain::credits::Credits;
use domain::ids::ResellerId;
use domain::subscription::PaidBack;
use store::ledger;
use store::unit_of_work::{Cause, UnitOfWork};

use super::{Moved, carry_out, change};
use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;

/// Gives back what a debit or a capture took, all that is left of it or a part.
///
/// # Errors
/// There is no such movement, it is none of these, or less is left of it.
pub async fn refund(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    debit: u64,
    credits: Option<Credits>,
    note: String,
) -> Result<Done<Moved>, CommandError> {
    let debit = Box::new(past(write, reseller_id, debit).await?);
    let command = CreditAccountCommand::Refund {
        debit,
        credits,
        note,
        at: cause.at,
    };
    change(write, cause, reseller_id, command).await
}

/// Takes a movement back at its own lots; a transfer on both accounts.
///
/// # Errors
/// There is no such movement, it has been taken back, or what it brought is spent.
pub async fn reverse(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    number: u64,
    note: &str,
) -> Result<Done<Moved>, CommandError> {
    let own = past(write, reseller_id, number).await?;
    let other = match &own.event {
        CreditAccountEvent::CreditsTransferredOut {
            to: peer,
            peer_movement,
            ..
        }
        | CreditAccountEvent::CreditsTransferredIn {
            from: peer,
            peer_movement,
            ..
        } => Some((*peer, past(write, *peer, *peer_movement).await?)),
        CreditAccountEvent::CreditAccountOpened
        | CreditAccountEvent::CreditsPurchased { .. }
        | CreditAccountEvent::CreditsDebited { .. }
        | CreditAccountEvent::CreditsAdjusted { .. }
        | CreditAccountEvent::CreditsRefunded { .. }
        | CreditAccountEvent::CreditsExpired { .. }
        | CreditAccountEvent::CreditsReserved { .. }
        | CreditAccountEvent::CreditsReleased { .. }
        | CreditAccountEvent::CreditsCaptured { .. }
        | CreditAccountEvent::CreditsReversed { .. }
        | CreditAccountEvent::CreditLineSet { .. }
        | CreditAccountEvent::LowCreditAlertsSet { .. }
        | CreditAccountEvent::LowCreditReached { .. } => None,
    };
    let command = |movement: &Past| CreditAccountCommand::Reverse {
        movement: Box::new(movement.clone()),
        note: note.to_owned(),
        at: cause.at,
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        if let Some((peer, movement)) = &other {
            carry_out(unit, *peer, command(movement)).await?;
        }
        carry_out(unit, reseller_id, command(&own)).await
    };
    write.bus.run(cause, decide).await
}

/// A movement as the log has it. What the log has does not change, so it is read before the command is decided.
async fn past(write: &WriteSide, reseller_id: ResellerId, number: u64) -> Result<Past, CommandError> {
    let not_found = || CommandError::refused(&CreditAccountError::MovementNotFound);
    let sequence = i64::try_from(number).map_err(|_| not_found())?;
    let mut connection = write.pool.acquire().await?;
    let event = ledger::event(&mut connection, &reseller_id.to_string(), sequence)
        .await
        .map_err(CommandError::internal)?
        .ok_or_else(not_found)?;
    Ok(Past { number, event })
}

/// What comes back to the accounts that paid.
#[derive(Clone, Debug)]
pub(crate) struct Returning {
    refunds: Vec<(ResellerId, Past, Credits)>,
    /// For days of which no debit is known or remembered: booked as an adjustment.
    unnamed: Credits,
}

/// What each debit can still return of what is to come back: it may have been refunded in part before.
///
/// # Errors
/// A stream cannot be read.
pub(crate) async fn returning(
    write: &WriteSide,
    unit: &mut UnitOfWork<'_>,
    wanted: PaidBack,
) -> Result<Returning, CommandError> {
    let mut returning = Returning {
        refunds: Vec::new(),
        unnamed: wanted.unnamed,
    };
    for payment in wanted.payments {
        let account = unit
            .load::<CreditAccount>(&payment.reseller_id.to_string())
            .await?;
        let Some(returned) = account.returned(payment.debit) else {
            returning.unnamed.0 = returning.unnamed.0.saturating_add(payment.credits.0);
            continue;
        };
        let debit = past(write, payment.reseller_id, payment.debit).await?;
        let taken = debit.event.movement().map_or(0, |movement| movement.credits.0);
        let credits = payment.credits.0.min(taken.saturating_sub(returned.0));
        if credits > 0 {
            returning
                .refunds
                .push((payment.reseller_id, debit, Credits(credits)));
        }
    }
    Ok(returning)
}

impl Returning {
    /// What comes back in all.
    pub(crate) fn credits(&self) -> Credits {
        let refunds = self.refunds.iter().map(|(.., credits)| credits.0);
        Credits(refunds.fold(self.unnamed.0, i64::saturating_add))
    }

    /// Gives it back. What no debit is known for goes to `reseller_id`, whose balance is answered where it moved.
    ///
    /// # Errors
    /// An account refuses.
    pub(crate) async fn give_back(
        self,
        unit: &mut UnitOfWork<'_>,
        reseller_id: ResellerId,
        note: &str,
    ) -> Result<Option<i64>, CommandError> {
        let mut balance = None;
        for (payer, debit, credits) in self.refunds {
            let refund = CreditAccountCommand::Refund {
                debit: Box::new(debit),
                credits: Some(credits),
                note: note.to_owned(),
                at: unit.at(),
            };
            let moved = carry_out(unit, payer, refund).await?;
            // A customer may have been moved: what the account of another has is not told.
            if payer == reseller_id {
                balance = Some(moved.balance);
            }
        }
        if self.unnamed.0 > 0 {
            let correction = CreditAccountCommand::Adjust {
                kind: AdjustmentKind::Adjustment,
                credits: self.unnamed,
                expires_at: None,
                note: note.to_owned(),
                at: unit.at(),
            };
            balance = Some(carry_out(unit, reseller_id, correction).await?.balance);
        }
        Ok(balance)
    }
}
