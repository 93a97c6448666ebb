//! Use cases around resellers: registering them, below the platform or below another one, and their states.

use domain::credit_account::{CreditAccount, CreditAccountCommand};
use domain::hierarchy::{HIERARCHY_ID, Hierarchy, HierarchyCommand, HierarchyError, Limits};
use domain::ids::{HOUSE, ResellerId};
use domain::reseller::{Reseller, ResellerCommand};
use domain::roster::{Roster, RosterCommand};
use domain::user::{Home, Role};
use platform::Scope;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::rosters;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;
use crate::people::{self, NewUser};
use crate::permissions;
use crate::standing;

/// What is known of a new reseller.
#[derive(Clone, Debug)]
pub struct NewReseller {
    pub name: String,
    pub contact_email: String,
    pub commission_rate: Decimal,
    pub time_zone: String,
    /// `None` below the platform.
    pub parent_id: Option<ResellerId>,
    pub limits: Limits,
    /// Code of the one that it begins with.
    pub permission_template: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registered {
    pub reseller_id: Uuid,
    pub owner_user_id: Uuid,
}

/// Registers a reseller with its credit account, its place and its owner: one append.
///
/// # Errors
/// A field breaks a rule, the owner's address is taken, the parent is not within the scope or has no room, or no such
/// permission template is on offer.
pub async fn register(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
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
        if let Some(parent_id) = reseller.parent_id {
            standing::ensure_within(unit, scope, parent_id).await?;
            standing::ensure_active(unit, parent_id).await?;
        }
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
        place(unit, reseller_id, &reseller).await?;
        if let Some(code) = &reseller.permission_template {
            permissions::assign_in(unit, reseller_id, code, "registered with it").await?;
        }
        people::register(unit, owner, Role::ResellerOwner, Home::Reseller(reseller_id)).await?;
        Ok(Registered {
            reseller_id: reseller_id.0,
            owner_user_id: owner.user_id.0,
        })
    };
    write.bus.run(cause, decide).await
}

async fn place(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    reseller: &NewReseller,
) -> Result<(), CommandError> {
    let limits = reseller.limits;
    let command = match reseller.parent_id {
        Some(parent_id) => HierarchyCommand::Place {
            reseller_id,
            parent_id,
            limits,
        },
        None if limits == Limits::default() => return Ok(()),
        None => HierarchyCommand::SetLimits { reseller_id, limits },
    };
    let owner = Owner::reseller(reseller_id);
    unit.execute::<Hierarchy>(owner, HIERARCHY_ID, command).await?;
    if limits.customers_max.is_some() {
        let id = reseller_id.to_string();
        unit.begin::<Roster>(&id);
        unit.execute::<Roster>(owner, &id, RosterCommand::Open { customers: 0 })
            .await?;
    }
    Ok(())
}

/// Suspends or resumes a reseller.
///
/// # Errors
/// It is not below the asker, or is in that state already.
pub async fn change(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    reseller_id: ResellerId,
    command: ResellerCommand,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_may_change(unit, scope, reseller_id).await?;
        let owner = Owner::reseller(reseller_id);
        unit.execute::<Reseller>(owner, &reseller_id.to_string(), command.clone())
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Whether the asker may do what a parent does to a reseller.
///
/// # Errors
/// It is not below the asker, or it is the house.
pub async fn ensure_may_change(
    unit: &mut UnitOfWork<'_>,
    scope: Scope,
    reseller_id: ResellerId,
) -> Result<(), CommandError> {
    if let Scope::Reseller(own) = scope {
        standing::ensure_active(unit, own).await?;
    }
    standing::ensure_below(unit, scope, reseller_id).await?;
    if reseller_id == HOUSE {
        return Err(CommandError::refused(&HierarchyError::HouseStays));
    }
    Ok(())
}

/// Closes a reseller that has neither open sub-resellers nor open customers.
///
/// # Errors
/// It is not below the asker, is closed already, or somebody is left.
pub async fn close(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    reseller_id: ResellerId,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let id = reseller_id.to_string();
    let owner = Owner::reseller(reseller_id);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_may_change(unit, scope, reseller_id).await?;
        let command = ResellerCommand::Close {
            reason: reason.to_owned(),
        };
        unit.execute::<Reseller>(owner, &id, command).await?;
        let retire = HierarchyCommand::Retire { reseller_id };
        unit.execute::<Hierarchy>(owner, HIERARCHY_ID, retire).await?;
        let roster = counted(write, unit, reseller_id).await?;
        roster
            .ensure_empty()
            .map_err(|refusal| CommandError::refused(&refusal))?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Opens a closed reseller again, where its parent has room for it.
///
/// # Errors
/// It is not below the asker, is not closed, or the parent is not active or has no room.
pub async fn reopen(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    reseller_id: ResellerId,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let owner = Owner::reseller(reseller_id);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_may_change(unit, scope, reseller_id).await?;
        let command = ResellerCommand::Reopen {
            reason: reason.to_owned(),
        };
        unit.execute::<Reseller>(owner, &reseller_id.to_string(), command)
            .await?;
        let reinstate = HierarchyCommand::Reinstate { reseller_id };
        let hierarchy = unit.execute::<Hierarchy>(owner, HIERARCHY_ID, reinstate).await?;
        if let Some(parent_id) = hierarchy.parent_of(reseller_id) {
            standing::ensure_active(unit, parent_id).await?;
        }
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Hangs a reseller, with all below it, below another one or below the platform.
///
/// # Errors
/// There is no such reseller or parent, or a rule of the hierarchy forbids it.
pub async fn relocate(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    parent_id: Option<ResellerId>,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        standing::ensure_within(unit, Scope::Platform, reseller_id).await?;
        if let Some(parent_id) = parent_id {
            standing::ensure_within(unit, Scope::Platform, parent_id).await?;
            standing::ensure_active(unit, parent_id).await?;
        }
        let command = HierarchyCommand::Move {
            reseller_id,
            parent_id,
            reason: reason.to_owned(),
        };
        unit.execute::<Hierarchy>(Owner::reseller(reseller_id), HIERARCHY_ID, command)
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Sets how much a reseller's parent, or the platform, allows it.
///
/// # Errors
/// It is not below the asker.
pub async fn set_limits(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    reseller_id: ResellerId,
    limits: Limits,
) -> Result<Done<()>, CommandError> {
    let owner = Owner::reseller(reseller_id);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_may_change(unit, scope, reseller_id).await?;
        if limits.customers_max.is_some() {
            counted(write, unit, reseller_id).await?;
        }
        let command = HierarchyCommand::SetLimits { reseller_id, limits };
        unit.execute::<Hierarchy>(owner, HIERARCHY_ID, command).await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// The roster, which counts from now on if it has not so far.
async fn counted(
    write: &WriteSide,
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
) -> Result<Roster, CommandError> {
    let id = reseller_id.to_string();
    let roster = unit.load::<Roster>(&id).await?;
    if roster.is_open() {
        return Ok(roster);
    }
    let customers = {
        let mut connection = write.pool.acquire().await?;
        rosters::open_customers(&mut connection, reseller_id).await?
    };
    Ok(unit
        .execute::<Roster>(
            Owner::reseller(reseller_id),
            &id,
            RosterCommand::Open { customers },
        )
        .await?)
}
