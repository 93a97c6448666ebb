//! What each role may do: one table for the commands, by route, and one for the reads, by root field. Rows name the
//! permission too that a reseller needs for it: [`needs`] and [`needs_to_read`].
//!
//! A route that has no row of its own is under the row of the longest path above it; what is under none is closed.

mod reads;
mod rules;

use domain::api_key::KeyScope;
use domain::ids::ResellerId;
use domain::permission::Permission;
use domain::user::{Home, Role};

pub use self::reads::{READS, Read};
use self::rules::{ACTORS, HELPERS};
pub use self::rules::{Impersonated, RULES, Rule};
use crate::{Access, Principal};

/// Why a route stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// These may.
    Role(&'static [Role]),
    /// The key lacks the scope.
    Scope(KeyScope),
    /// Programs have no business here.
    NoPrograms,
    /// It is for the person itself.
    OwnAccount,
    /// The impersonation may only look.
    ReadOnly,
}

/// The row that decides about a route, given by its pattern.
pub fn rule_of(pattern: &str) -> Option<&'static Rule> {
    RULES
        .iter()
        .filter(|rule| covers(rule.path, pattern))
        .max_by_key(|rule| rule.path.len())
}

fn covers(path: &str, pattern: &str) -> bool {
    let mut segments = pattern.split('/');
    path.split('/').all(|wanted| {
        segments
            .next()
            .is_some_and(|segment| segment == wanted || (wanted == "{}" && segment.starts_with('{')))
    })
}

/// Whether the principal may use a route. `safe`: it only looks.
///
/// # Errors
/// What stands in the way.
pub fn allow(principal: &Principal, pattern: &str, safe: bool) -> Result<(), Denied> {
    let Some(rule) = rule_of(pattern) else {
        return Err(Denied::Role(&[]));
    };
    match principal.access {
        Access::Key { scopes, .. } => {
            let needed = rule.key.ok_or(Denied::NoPrograms)?;
            return if scopes.contains(needed) {
                Ok(())
            } else {
                Err(Denied::Scope(needed))
            };
        }
        Access::Impersonated { write, .. } => match rule.impersonated {
            Impersonated::Never => return Err(Denied::OwnAccount),
            Impersonated::ToWrite if !safe && !write => return Err(Denied::ReadOnly),
            Impersonated::ToWrite | Impersonated::Always => {}
        },
        Access::Person { .. } => {}
    }
    if rule.roles.contains(&principal.role) {
        Ok(())
    } else {
        Err(Denied::Role(rule.roles))
    }
}

/// Whether the principal may ask for a root field, or for what hangs below one that it may ask for; what it is shown
/// there is another question.
pub fn may_read(principal: &Principal, field: &str) -> bool {
    if let Access::Key { scopes, .. } = principal.access
        && !scopes.contains(KeyScope::Read)
    {
        return false;
    }
    // Fields below a root field have no row.
    read_of(field).is_none_or(|read| read.roles.contains(&principal.role))
}

fn read_of(field: &str) -> Option<&'static Read> {
    READS.iter().find(|read| read.field == field)
}

/// Whether such a person acts as others at all; as whom, the line above and below decides.
pub fn acts_as_others(role: Role) -> bool {
    ACTORS.contains(&role)
}

/// Whether such a person helps others with their accounts.
pub fn looks_after_people(role: Role) -> bool {
    HELPERS.contains(&role)
}

/// What a reseller has to be permitted, so that one of its people or programs may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    pub reseller_id: ResellerId,
    pub permissions: Vec<Permission>,
}

/// What the principal's reseller needs for a route, given by its pattern. `None` where permissions decide nothing:
/// they are given to resellers, not to the platform and not to customers.
pub fn needs(principal: &Principal, pattern: &str) -> Option<Needs> {
    needed(principal, rule_of(pattern).and_then(|rule| rule.permission))
}

/// What the principal's reseller needs for a root field.
pub fn needs_to_read(principal: &Principal, field: &str) -> Option<Needs> {
    needed(principal, read_of(field).and_then(|read| read.permission))
}

fn needed(principal: &Principal, permission: Option<Permission>) -> Option<Needs> {
    let Home::Reseller(reseller_id) = principal.home else {
        return None;
    };
    let by_key = matches!(principal.access, Access::Key { .. }).then_some(Permission::ApiAccess);
    let permissions: Vec<_> = by_key.into_iter().chain(permission).collect();
    (!permissions.is_empty()).then_some(Needs {
        reseller_id,
        permissions,
    })
}

#[cfg(test)]
mod tests;
