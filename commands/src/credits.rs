//! Use cases around credits: the price list, selling packs, and every movement of an account.

pub mod prices;
mod take_back;
mod transfer;

use chrono::{DateTime, Utc};
use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountCommand, NewReservation, Purchase};
use domain::credits::{Credits, Money};
use domain::ids::ResellerId;
use serde::{Deserialize, Serialize};
use store::timers::{self as due, Timer, Waiting};
use store::unit_of_work::{Cause, Owner, UnitOfWork};

use crate::WriteSide;
use crate::bus::Done;
use crate::customers::ensure_own;
use crate::error::CommandError;
use crate::standing;
use crate::timers::{self, Handling, Kind};

pub(crate) use take_back::returning;
pub use take_back::{refund, reverse};
pub use transfer::{Transferred, transfer};

/// Ends lots and reservations whose time is over.
pub const EXPIRY: Kind = Kind {
    name: "credits_expire",
    handle: expire,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sold {
    pub credits: i64,
    pub balance: i64,
    pub price: Money,
    /// Number of the movement in the account.
    #[serde(default)]
    pub movement: u64,
}

/// An account after a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The movement's number in the account.
    pub movement: u64,
    pub balance: i64,
    pub held: i64,
}

/// What is sold.
#[derive(Clone, Debug)]
pub struct Sale {
    pub pack_code: String,
    /// Where the pack is sold in several.
    pub currency: Option<String>,
    /// When the credits expire, if they do.
    pub expires_at: Option<DateTime<Utc>>,
    pub note: Option<String>,
}

/// Sells a pack to a reseller: at its own price where it has one, else at everybody's.
///
/// # Errors
/// There is no such reseller or pack, or the reseller is suspended.
pub async fn sell_pack(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    sale: &Sale,
) -> Result<Done<Sold>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        standing::ensure_active(unit, reseller_id).await?;
        let (pack, listed) = prices::offered(unit, reseller_id, sale).await?;
        let purchase = Purchase {
            pack_code: sale.pack_code.clone(),
            credits: pack.credits,
            price: pack.price.clone(),
            listed: Some(listed),
            expires_at: sale.expires_at,
            note: sale.note.clone(),
        };
        let command = CreditAccountCommand::Purchase {
            purchase,
            at: cause.at,
        };
        let moved = carry_out(unit, reseller_id, command).await?;
        Ok(Sold {
            credits: pack.credits.0,
            balance: moved.balance,
            price: pack.price,
            movement: moved.movement,
        })
    };
    write.bus.run(cause, decide).await
}

/// A correction or a bonus.
#[derive(Clone, Debug)]
pub struct Adjustment {
    pub kind: AdjustmentKind,
    pub credits: Credits,
    /// When a bonus expires, if it does.
    pub expires_at: Option<DateTime<Utc>>,
    pub note: String,
}

/// Corrects a balance, with a note.
///
/// # Errors
/// There is no such account, or the balance would pass its floor.
pub async fn adjust(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    adjustment: Adjustment,
) -> Result<Done<Moved>, CommandError> {
    let Adjustment {
        kind,
        credits,
        expires_at,
        note,
    } = adjustment;
    let command = CreditAccountCommand::Adjust {
        kind,
        credits,
        expires_at,
        note,
        at: cause.at,
    };
    change(write, cause, reseller_id, command).await
}

/// Holds credits, for one of the reseller's customers where one is named.
///
/// # Errors
/// The credits do not suffice, a field breaks a rule, or the customer is not this reseller's.
pub async fn reserve(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    wanted: &NewReservation,
) -> Result<Done<Moved>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        standing::ensure_active(unit, reseller_id).await?;
        if let Some(tenant_id) = wanted.tenant_id {
            ensure_own(unit, reseller_id, tenant_id).await?;
        }
        let command = CreditAccountCommand::Reserve {
            wanted: wanted.clone(),
            at: cause.at,
        };
        carry_out(unit, reseller_id, command).await
    };
    write.bus.run(cause, decide).await
}

/// Carries out one command on one account.
///
/// # Errors
/// The account refuses.
pub async fn change(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    command: CreditAccountCommand,
) -> Result<Done<Moved>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| carry_out(unit, reseller_id, command.clone()).await;
    write.bus.run(cause, decide).await
}

/// As [`change`], within a unit. A timer is set where the account has something that ends.
pub(crate) async fn carry_out(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    command: CreditAccountCommand,
) -> Result<Moved, CommandError> {
    let id = reseller_id.to_string();
    let before = unit.load::<CreditAccount>(&id).await?;
    let movement = before.next_movement(unit.at());
    let account = unit
        .execute::<CreditAccount>(Owner::reseller(reseller_id), &id, command)
        .await?;
    if let Some(due_at) = account.next_due()
        && before.next_due() != Some(due_at)
    {
        due::set(unit, timer(reseller_id, due_at));
    }
    Ok(Moved {
        movement,
        balance: account.balance().0,
        held: account.held().0,
    })
}

fn timer(reseller_id: ResellerId, due_at: DateTime<Utc>) -> Timer {
    Timer {
        key: format!("{} {reseller_id}", EXPIRY.name),
        kind: EXPIRY.name,
        due_at,
        payload: serde_json::json!({ "resellerId": reseller_id }),
    }
}

fn expire<'a>(write: &'a WriteSide, waiting: &'a Waiting) -> Handling<'a> {
    Box::pin(async move {
        let cause = timers::cause(write, waiting, "expire");
        let payload = waiting.payload.get("resellerId").cloned().unwrap_or_default();
        let reseller_id: ResellerId = serde_json::from_value(payload)?;
        let decide = async |unit: &mut UnitOfWork<'_>| {
            let command = CreditAccountCommand::ExpireDue { at: cause.at };
            let owner = Owner::reseller(reseller_id);
            let account = unit
                .execute::<CreditAccount>(owner, &reseller_id.to_string(), command)
                .await?;
            if let Some(due_at) = account.next_due() {
                due::set(unit, timer(reseller_id, due_at));
            }
            Ok(())
        };
        write.bus.run(&cause, decide).await?;
        Ok(())
    })
}
