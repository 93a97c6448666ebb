//! Use cases around a customer's life: closing it, opening it again, giving it to another reseller.

use domain::hierarchy::{HIERARCHY_ID, Hierarchy};
use domain::ids::{ResellerId, TenantId};
use domain::roster::{Roster, RosterCommand};
use domain::tenant::{Tenant, TenantCommand, TenantError};
use platform::Scope;
use store::unit_of_work::{Cause, Owner, UnitOfWork};

use crate::WriteSide;
use crate::bus::Done;
use crate::customers::ensure_own;
use crate::error::CommandError;
use crate::standing;

/// Closes a customer; it can be opened again for a while.
///
/// # Errors
/// The customer is not this reseller's, or is closed already.
pub async fn close(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        standing::ensure_active(unit, reseller_id).await?;
        ensure_own(unit, reseller_id, tenant_id).await?;
        let command = TenantCommand::Close {
            reason: reason.to_owned(),
            at: cause.at,
        };
        let owner = Owner::tenant(reseller_id, tenant_id);
        unit.execute::<Tenant>(owner, &tenant_id.to_string(), command)
            .await?;
        release(unit, reseller_id, tenant_id).await
    };
    write.bus.run(cause, decide).await
}

/// Opens a closed customer again, where the reseller has room for it.
///
/// # Errors
/// The customer is not this reseller's, is not closed, or was closed too long ago.
pub async fn reopen(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        standing::ensure_active(unit, reseller_id).await?;
        ensure_own(unit, reseller_id, tenant_id).await?;
        let command = TenantCommand::Reopen {
            reason: reason.to_owned(),
            at: cause.at,
        };
        let owner = Owner::tenant(reseller_id, tenant_id);
        unit.execute::<Tenant>(owner, &tenant_id.to_string(), command)
            .await?;
        admit(unit, reseller_id, tenant_id).await
    };
    write.bus.run(cause, decide).await
}

/// Gives a customer to another reseller: the platform between any two, a reseller between those of its own tree.
///
/// # Errors
/// One of the three is not within the scope, the new reseller is not active or has no room, or the customer is
/// suspended or closed.
pub async fn relocate(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    tenant_id: TenantId,
    to: ResellerId,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| relocate_in(unit, scope, tenant_id, to, reason).await;
    write.bus.run(cause, decide).await
}

/// As [`relocate`], within a unit.
///
/// # Errors
/// As [`relocate`].
pub async fn relocate_in(
    unit: &mut UnitOfWork<'_>,
    scope: Scope,
    tenant_id: TenantId,
    to: ResellerId,
    reason: &str,
) -> Result<(), CommandError> {
    if let Scope::Reseller(own) = scope {
        standing::ensure_active(unit, own).await?;
    }
    let not_found = || CommandError::refused(&TenantError::CustomerNotFound);
    let id = tenant_id.to_string();
    let tenant = unit.load::<Tenant>(&id).await?;
    let from = tenant.reseller_id().ok_or_else(not_found)?;
    if let Scope::Reseller(own) = scope {
        let hierarchy = unit.load::<Hierarchy>(HIERARCHY_ID).await?;
        if !hierarchy.is_within(from, own) {
            return Err(not_found());
        }
    }
    standing::ensure_within(unit, scope, to).await?;
    standing::ensure_active(unit, to).await?;
    let command = TenantCommand::Move {
        to,
        reason: reason.to_owned(),
    };
    // The last word of the old reseller's history.
    unit.execute::<Tenant>(Owner::tenant(from, tenant_id), &id, command)
        .await?;
    release(unit, from, tenant_id).await?;
    admit(unit, to, tenant_id).await
}

/// Counts a customer in, where somebody counts and the limit allows it.
///
/// # Errors
/// The reseller has as many customers as it may have.
pub async fn admit(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
) -> Result<(), CommandError> {
    let hierarchy = unit.load::<Hierarchy>(HIERARCHY_ID).await?;
    let command = RosterCommand::Admit {
        tenant_id,
        customers_max: hierarchy.limits_of(reseller_id).customers_max,
    };
    let owner = Owner::reseller(reseller_id);
    unit.execute::<Roster>(owner, &reseller_id.to_string(), command)
        .await?;
    Ok(())
}

async fn release(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
) -> Result<(), CommandError> {
    let owner = Owner::reseller(reseller_id);
    let command = RosterCommand::Release { tenant_id };
    unit.execute::<Roster>(owner, &reseller_id.to_string(), command)
        .await?;
    Ok(())
}
