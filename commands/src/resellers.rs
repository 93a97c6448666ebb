//! Use cases of the platform admin around resellers.

use domain::credit_account::{CreditAccount, CreditAccountCommand};
use domain::ids::ResellerId;
use domain::reseller::{Reseller, ResellerCommand};
use domain::user::{Home, Role};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;
use crate::people::{self, NewUser};

/// What is known of a new reseller.
#[derive(Clone, Debug)]
pub struct NewReseller {
    pub name: String,
    pub contact_email: String,
    pub commission_rate: Decimal,
    pub time_zone: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registered {
    pub reseller_id: Uuid,
    pub owner_user_id: Uuid,
}

/// Registers a reseller with its credit account and its owner: one append.
///
/// # Errors
/// A field breaks a rule, or the owner's address is taken.
pub async fn register(
    write: &WriteSide,
    cause: &Cause,
    reseller: NewReseller,
    owner: &NewUser,
) -> Result<Done<Registered>, CommandError> {
    let reseller_id = ResellerId(Uuid::now_v7());
    let contact = people::checked_email(&reseller.contact_email)?;
    let [contact_email] = {
        let mut connection = write.pool.acquire().await?;
        let contact = [contact.as_str()];
        write.vault.seal(&mut connection, reseller_id.0, contact).await?
    };
    let id = reseller_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = ResellerCommand::Register {
            name: reseller.name.clone(),
            contact_email: contact_email.clone(),
            commission_rate: reseller.commission_rate,
            time_zone: reseller.time_zone.clone(),
        };
        unit.begin::<Reseller>(&id);
        unit.begin::<CreditAccount>(&id);
        unit.execute::<Reseller>(Owner::reseller(reseller_id), &id, command)
            .await?;
        unit.execute::<CreditAccount>(Owner::reseller(reseller_id), &id, CreditAccountCommand::Open)
            .await?;
        people::register(unit, owner, Role::ResellerOwner, Home::Reseller(reseller_id)).await?;
        Ok(Registered {
            reseller_id: reseller_id.0,
            owner_user_id: owner.user_id.0,
        })
    };
    write.bus.run(cause, decide).await
}

/// Suspends or resumes a reseller.
///
/// # Errors
/// There is no such reseller, or it is in that state already.
pub async fn change(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    command: ResellerCommand,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let owner = Owner::reseller(reseller_id);
        unit.execute::<Reseller>(owner, &reseller_id.to_string(), command.clone())
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}
