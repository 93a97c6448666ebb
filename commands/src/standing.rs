//! Whether somebody may act: a reseller with everyone above it, a customer with the reseller that it has now.

use actix_web::http::StatusCode;
use domain::hierarchy::{HIERARCHY_ID, Hierarchy, HierarchyError};
use domain::ids::{ResellerId, TenantId};
use domain::reseller::{Reseller, ResellerError};
use domain::tenant::Tenant;
use domain::user::Home;
use platform::Scope;
use sqlx::PgConnection;
use store::load;
use store::unit_of_work::{Owner, UnitOfWork};

use crate::error::{CommandError, Problem};

/// # Errors
/// The reseller, or one above it, is not active.
pub async fn ensure_active(unit: &mut UnitOfWork<'_>, reseller_id: ResellerId) -> Result<(), CommandError> {
    let hierarchy = unit.load::<Hierarchy>(HIERARCHY_ID).await?;
    for id in hierarchy.line(reseller_id) {
        let reseller = unit.load::<Reseller>(&id.to_string()).await?;
        stands(&reseller, id == reseller_id)?;
    }
    Ok(())
}

fn stands(reseller: &Reseller, itself: bool) -> Result<(), CommandError> {
    match reseller.ensure_active() {
        Ok(()) => Ok(()),
        Err(refusal) if itself => Err(CommandError::refused(&refusal)),
        // Which one it is, and why, is not for those below.
        Err(_) => Err(CommandError::refused(&HierarchyError::SuspendedAbove)),
    }
}

/// Whether the reseller is there and within the scope: somebody else's is answered like an unknown one.
///
/// # Errors
/// It is not.
pub async fn ensure_within(
    unit: &mut UnitOfWork<'_>,
    scope: Scope,
    reseller_id: ResellerId,
) -> Result<(), CommandError> {
    let not_found = || CommandError::refused(&ResellerError::ResellerNotFound);
    match scope {
        Scope::Platform => {}
        Scope::Reseller(own) => {
            let hierarchy = unit.load::<Hierarchy>(HIERARCHY_ID).await?;
            if !hierarchy.is_within(reseller_id, own) {
                return Err(not_found());
            }
        }
        Scope::Tenant { .. } => return Err(not_found()),
    }
    let reseller = unit.load::<Reseller>(&reseller_id.to_string()).await?;
    reseller
        .ensure_registered()
        .map_err(|refusal| CommandError::refused(&refusal))
}

/// As [`ensure_within`], and it is not the asker itself: a parent's command.
///
/// # Errors
/// It is not.
pub async fn ensure_below(
    unit: &mut UnitOfWork<'_>,
    scope: Scope,
    reseller_id: ResellerId,
) -> Result<(), CommandError> {
    ensure_within(unit, scope, reseller_id).await?;
    if scope == Scope::Reseller(reseller_id) {
        let detail = "a reseller does this to those below it, not to itself: ask the platform or the reseller \
                      above you";
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail).into());
    }
    Ok(())
}

/// Whom a customer's facts belong to now; `known` where the customer has no stream of its own.
///
/// # Errors
/// The stream cannot be read.
pub async fn owner(
    unit: &mut UnitOfWork<'_>,
    tenant_id: TenantId,
    known: ResellerId,
) -> Result<Owner, CommandError> {
    let tenant = unit.load::<Tenant>(&tenant_id.to_string()).await?;
    Ok(Owner::tenant(tenant.reseller_id().unwrap_or(known), tenant_id))
}

/// Where people of a home belong now, closed or not: a customer may have been moved since.
///
/// # Errors
/// The stream cannot be read.
pub async fn home_now(unit: &mut UnitOfWork<'_>, home: Home) -> Result<Home, CommandError> {
    let Home::Tenant {
        reseller_id,
        tenant_id,
    } = home
    else {
        return Ok(home);
    };
    let owner = owner(unit, tenant_id, reseller_id).await?;
    Ok(Home::Tenant {
        reseller_id: owner.reseller_id.unwrap_or(reseller_id),
        tenant_id,
    })
}

/// Where a user belongs now: a customer may have been moved since the user was registered or signed in.
///
/// # Errors
/// The customer is closed, or the database fails.
pub async fn present_home(connection: &mut PgConnection, home: Home) -> Result<Home, CommandError> {
    let Home::Tenant {
        reseller_id,
        tenant_id,
    } = home
    else {
        return Ok(home);
    };
    let tenant = load::load::<Tenant>(connection, &tenant_id.to_string())
        .await?
        .state;
    tenant
        .ensure_open()
        .map_err(|refusal| CommandError::refused(&refusal))?;
    Ok(Home::Tenant {
        reseller_id: tenant.reseller_id().unwrap_or(reseller_id),
        tenant_id,
    })
}

/// Whether people of `home` may sign in. A reseller's cannot while it, or one above it, is not active; its customers'
/// can: they read what is theirs, and their commands are refused.
///
/// # Errors
/// They may not, or the database fails.
pub async fn ensure_may_sign_in(connection: &mut PgConnection, home: Home) -> Result<(), CommandError> {
    let Home::Reseller(reseller_id) = home else {
        return Ok(());
    };
    let hierarchy = load::load::<Hierarchy>(&mut *connection, HIERARCHY_ID)
        .await?
        .state;
    for id in hierarchy.line(reseller_id) {
        let reseller = load::load::<Reseller>(&mut *connection, &id.to_string())
            .await?
            .state;
        stands(&reseller, id == reseller_id)?;
    }
    Ok(())
}
