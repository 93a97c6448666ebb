//! Transfers: credits move from one account to another in one append.

use actix_web::http::StatusCode;
use domain::credit_account::{CreditAccount, CreditAccountCommand, Transfer};
use domain::credits::Credits;
use domain::ids::ResellerId;
use platform::Scope;
use store::unit_of_work::{Cause, UnitOfWork};

use super::{Moved, carry_out};
use crate::WriteSide;
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::standing;

/// What is moved, from whom to whom.
#[derive(Clone, Debug)]
pub struct Transferred {
    pub from: ResellerId,
    pub to: ResellerId,
    pub credits: Credits,
    pub note: String,
}

/// Moves credits from one reseller to another: one append over both accounts. Lots keep their terms. Within the
/// scope of a reseller, one side is the asker and the other one below it. Answers the account of the asker; for the
/// platform that of the giver.
///
/// # Errors
/// The credits do not suffice (a credit line is not given away), or one of the resellers is unknown, out of the
/// asker's reach or suspended.
pub async fn transfer(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    transferred: &Transferred,
) -> Result<Done<Moved>, CommandError> {
    let Transferred {
        from,
        to,
        credits,
        note,
    } = transferred;
    let (from, to, credits, at) = (*from, *to, *credits, cause.at);
    if from == to {
        let detail = "credits are transferred to another reseller: name one that is not the giver";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "TRANSFER_TO_ITSELF", detail).into());
    }
    let with = |peer, peer_movement| Transfer {
        peer,
        peer_movement,
        note: note.clone(),
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        for reseller_id in [from, to] {
            if scope != Scope::Reseller(reseller_id) {
                standing::ensure_below(unit, scope, reseller_id).await?;
            }
            standing::ensure_active(unit, reseller_id).await?;
        }
        let giver = unit.load::<CreditAccount>(&from.to_string()).await?;
        let receiver = unit.load::<CreditAccount>(&to.to_string()).await?;
        let gift = giver
            .gift(credits, at)
            .map_err(|refusal| CommandError::refused(&refusal))?;
        let receive = CreditAccountCommand::Receive {
            transfer: with(from, giver.next_movement(at)),
            gift,
            at,
        };
        let give = CreditAccountCommand::Give {
            transfer: with(to, receiver.next_movement(at)),
            credits,
            at,
        };
        let to_account = carry_out(unit, to, receive).await?;
        let from_account = carry_out(unit, from, give).await?;
        Ok(if scope == Scope::Reseller(to) {
            to_account
        } else {
            from_account
        })
    };
    write.bus.run(cause, decide).await
}
