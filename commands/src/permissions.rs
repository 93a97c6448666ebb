//! Use cases around what resellers are permitted, and the check of it.

use std::collections::BTreeSet;

use domain::hierarchy::{HIERARCHY_ID, Hierarchy};
use domain::ids::ResellerId;
use domain::permission::{Permission, PermissionDenied, effective};
use domain::permission_templates::{PermissionTemplates, PermissionTemplatesCommand, TEMPLATES_ID};
use domain::reseller_permissions::{ResellerPermissions, ResellerPermissionsCommand};
use platform::Scope;
use platform::access::Needs;
use serde::{Deserialize, Serialize};
use store::load;
use store::unit_of_work::{Cause, Owner, UnitOfWork};

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;
use crate::resellers::ensure_may_change;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Versioned {
    pub version: u32,
}

/// Publishes a template, or the next version of one. Nobody's permissions change by it.
///
/// # Errors
/// The code or the name breaks a rule.
pub async fn publish(
    write: &WriteSide,
    cause: &Cause,
    code: &str,
    name: &str,
    permissions: &BTreeSet<Permission>,
) -> Result<Done<Versioned>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = PermissionTemplatesCommand::Publish {
            code: code.to_owned(),
            name: name.to_owned(),
            permissions: permissions.clone(),
        };
        let templates = unit
            .execute::<PermissionTemplates>(Owner::PLATFORM, TEMPLATES_ID, command)
            .await?;
        let template = templates
            .offered(code)
            .map_err(|refusal| CommandError::refused(&refusal))?;
        Ok(Versioned {
            version: template.version,
        })
    };
    write.bus.run(cause, decide).await
}

/// Offers a template no longer; who has it keeps it.
///
/// # Errors
/// No such template is on offer.
pub async fn retire(write: &WriteSide, cause: &Cause, code: &str) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = PermissionTemplatesCommand::Retire {
            code: code.to_owned(),
        };
        unit.execute::<PermissionTemplates>(Owner::PLATFORM, TEMPLATES_ID, command)
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Assigns the present version of a template to a reseller.
///
/// # Errors
/// The reseller is not below the asker, or no such template is on offer.
pub async fn assign(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    reseller_id: ResellerId,
    code: &str,
    reason: &str,
) -> Result<Done<Versioned>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_may_change(unit, scope, reseller_id).await?;
        assign_in(unit, reseller_id, code, reason).await
    };
    write.bus.run(cause, decide).await
}

/// As [`assign`], in a unit that has checked who asks.
///
/// # Errors
/// No such template is on offer.
pub async fn assign_in(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    code: &str,
    reason: &str,
) -> Result<Versioned, CommandError> {
    let templates = unit.load::<PermissionTemplates>(TEMPLATES_ID).await?;
    let template = templates
        .offered(code)
        .map_err(|refusal| CommandError::refused(&refusal))?
        .clone();
    let version = template.version;
    let command = ResellerPermissionsCommand::Assign {
        template,
        reason: reason.to_owned(),
    };
    unit.execute::<ResellerPermissions>(Owner::reseller(reseller_id), &reseller_id.to_string(), command)
        .await?;
    Ok(Versioned { version })
}

/// Makes an exception from a reseller's template, or takes one back.
///
/// # Errors
/// The reseller is not below the asker, or there is nothing to take back.
pub async fn change(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    reseller_id: ResellerId,
    command: &ResellerPermissionsCommand,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_may_change(unit, scope, reseller_id).await?;
        let owner = Owner::reseller(reseller_id);
        unit.execute::<ResellerPermissions>(owner, &reseller_id.to_string(), command.clone())
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Whether a reseller has what one of its people or programs needs, as the log says now: a change holds from the next
/// request on, in every process.
///
/// # Errors
/// It lacks a permission, by itself or because one above it does.
pub async fn ensure(write: &WriteSide, needs: &Needs) -> Result<(), CommandError> {
    let mut connection = write.pool.acquire().await?;
    let hierarchy = load::load::<Hierarchy>(&mut connection, HIERARCHY_ID)
        .await?
        .state;
    let mut line = Vec::new();
    for id in hierarchy.line(needs.reseller_id) {
        let own = load::load::<ResellerPermissions>(&mut connection, &id.to_string()).await?;
        line.push((id, own.state));
    }
    for &permission in &needs.permissions {
        let line = line.iter().map(|(id, own)| (*id, own));
        let denied = effective(line, permission)
            .and_then(|effective| PermissionDenied::of(permission, needs.reseller_id, &effective));
        if let Some(denied) = denied {
            return Err(CommandError::refused(&denied));
        }
    }
    Ok(())
}
