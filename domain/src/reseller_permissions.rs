//! What one reseller is permitted by itself: a version of a template, and exceptions from it. One stream per
//! reseller, under the reseller's id.
//!
//! A reseller that nobody has assigned a template has every permission, as all had before there were any.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::permission::{Origin, Permission, Template};
use crate::refusal::{Refusal, RefusalKind};
use crate::text::{self, NOTE_CHARS_MAX};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ResellerPermissions {
    assigned: Option<Assigned>,
    /// Whether each exception grants.
    overrides: BTreeMap<Permission, bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Assigned {
    code: String,
    version: u32,
    permissions: BTreeSet<Permission>,
}

#[derive(Clone, Debug)]
pub enum ResellerPermissionsCommand {
    /// In the place of the template before. Exceptions stay.
    Assign { template: Template, reason: String },
    Override {
        permission: Permission,
        granted: bool,
        reason: String,
    },
    /// Takes an exception back: the template counts again.
    WithdrawOverride { permission: Permission, reason: String },
}

/// Facts about a reseller's permissions. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum ResellerPermissionsEvent {
    /// With what the version grants, so that a decision needs no other stream.
    PermissionTemplateAssigned {
        code: String,
        version: u32,
        permissions: BTreeSet<Permission>,
        reason: String,
    },
    PermissionOverridden {
        permission: Permission,
        granted: bool,
        reason: String,
    },
    PermissionOverrideWithdrawn {
        permission: Permission,
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ResellerPermissionsError {
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why")]
    InvalidReason,
    #[error(
        "there is no exception for {} to take back: the reseller's template says what it has",
        .0.as_ref()
    )]
    OverrideNotFound(Permission),
}

impl Refusal for ResellerPermissionsError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::InvalidReason => RefusalKind::Invalid,
            Self::OverrideNotFound(_) => RefusalKind::Conflict,
        }
    }
}

aggregate!(
    ResellerPermissions,
    "reseller_permissions",
    ResellerPermissionsCommand,
    ResellerPermissionsEvent,
    ResellerPermissionsError
);

impl ResellerPermissionsEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::PermissionTemplateAssigned { .. }
            | Self::PermissionOverridden { .. }
            | Self::PermissionOverrideWithdrawn { .. } => "1",
        }
    }
}

impl ResellerPermissions {
    /// Whether the reseller by itself has a permission, whatever is above it.
    pub fn grants(&self, permission: Permission) -> bool {
        match (self.overrides.get(&permission), &self.assigned) {
            (Some(granted), _) => *granted,
            (None, Some(assigned)) => assigned.permissions.contains(&permission),
            (None, None) => true,
        }
    }

    /// What its own value comes from.
    pub fn origin(&self, permission: Permission) -> Origin {
        match &self.assigned {
            _ if self.overrides.contains_key(&permission) => Origin::Override,
            Some(assigned) => Origin::Template {
                code: assigned.code.clone(),
                version: assigned.version,
            },
            None => Origin::Unassigned,
        }
    }

    fn decide(
        &self,
        command: ResellerPermissionsCommand,
    ) -> Result<Vec<ResellerPermissionsEvent>, ResellerPermissionsError> {
        let checked = |reason: &str| {
            text::checked(reason, NOTE_CHARS_MAX).ok_or(ResellerPermissionsError::InvalidReason)
        };
        match command {
            ResellerPermissionsCommand::Assign { template, reason } => {
                let reason = checked(&reason)?;
                let present = self.assigned.as_ref();
                if present.is_some_and(|present| {
                    (&present.code, present.version) == (&template.code, template.version)
                }) {
                    return Ok(Vec::new());
                }
                Ok(vec![ResellerPermissionsEvent::PermissionTemplateAssigned {
                    code: template.code,
                    version: template.version,
                    permissions: template.permissions,
                    reason,
                }])
            }
            ResellerPermissionsCommand::Override {
                permission,
                granted,
                reason,
            } => {
                let reason = checked(&reason)?;
                if self.overrides.get(&permission) == Some(&granted) {
                    return Ok(Vec::new());
                }
                Ok(vec![ResellerPermissionsEvent::PermissionOverridden {
                    permission,
                    granted,
                    reason,
                }])
            }
            ResellerPermissionsCommand::WithdrawOverride { permission, reason } => {
                let reason = checked(&reason)?;
                if !self.overrides.contains_key(&permission) {
                    return Err(ResellerPermissionsError::OverrideNotFound(permission));
                }
                Ok(vec![ResellerPermissionsEvent::PermissionOverrideWithdrawn {
                    permission,
                    reason,
                }])
            }
        }
    }

    fn evolve(&mut self, event: ResellerPermissionsEvent) {
        match event {
            ResellerPermissionsEvent::PermissionTemplateAssigned {
                code,
                version,
                permissions,
                ..
            } => {
                self.assigned = Some(Assigned {
                    code,
                    version,
                    permissions,
                });
            }
            ResellerPermissionsEvent::PermissionOverridden {
                permission, granted, ..
            } => {
                self.overrides.insert(permission, granted);
            }
            ResellerPermissionsEvent::PermissionOverrideWithdrawn { permission, .. } => {
                self.overrides.remove(&permission);
            }
        }
    }
}

#[cfg(test)]
mod tests;
