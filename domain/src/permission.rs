//! What a reseller may do at all: rights that the platform, or the reseller above, gives to the business, whatever
//! the roles of its people are.
//!
//! A reseller never has more than everyone above it: what is in effect is its own rights and those of its whole line.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use crate::ids::ResellerId;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::reseller_permissions::ResellerPermissions;

/// The list is short on purpose: people choose from it. A name is never changed: it is in the log.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumIter,
    strum::EnumString,
)]
pub enum Permission {
    #[serde(rename = "canCreateCustomers")]
    #[strum(serialize = "canCreateCustomers")]
    CreateCustomers,
    #[serde(rename = "canEditCustomers")]
    #[strum(serialize = "canEditCustomers")]
    EditCustomers,
    #[serde(rename = "canCloseCustomers")]
    #[strum(serialize = "canCloseCustomers")]
    CloseCustomers,
    #[serde(rename = "canExtendSubscriptions")]
    #[strum(serialize = "canExtendSubscriptions")]
    ExtendSubscriptions,
    #[serde(rename = "canResetAccess")]
    #[strum(serialize = "canResetAccess")]
    ResetAccess,
    #[serde(rename = "canViewCustomers")]
    #[strum(serialize = "canViewCustomers")]
    ViewCustomers,
    #[serde(rename = "canViewStatistics")]
    #[strum(serialize = "canViewStatistics")]
    ViewStatistics,
    #[serde(rename = "canViewConnections")]
    #[strum(serialize = "canViewConnections")]
    ViewConnections,
    #[serde(rename = "canViewLogs")]
    #[strum(serialize = "canViewLogs")]
    ViewLogs,
    #[serde(rename = "canBulkOperations")]
    #[strum(serialize = "canBulkOperations")]
    BulkOperations,
    #[serde(rename = "canApiAccess")]
    #[strum(serialize = "canApiAccess")]
    ApiAccess,
    #[serde(rename = "canCustomizeBranding")]
    #[strum(serialize = "canCustomizeBranding")]
    CustomizeBranding,
}

impl Permission {
    /// What it is about, after "may" or "may not".
    pub fn meaning(self) -> &'static str {
        match self {
            Self::CreateCustomers => "create customers",
            Self::EditCustomers => "edit, suspend, resume and move customers",
            Self::CloseCustomers => "close and reopen customers",
            Self::ExtendSubscriptions => "extend subscriptions and change them",
            Self::ResetAccess => "reset passwords and second factors of people",
            Self::ViewCustomers => "see customers, their subscriptions and their work",
            Self::ViewStatistics => "see the dashboard and forecasts",
            Self::ViewConnections => "see where people are signed in",
            Self::ViewLogs => "see the audit log and what happened lately",
            Self::BulkOperations => "work on many customers at once",
            Self::ApiAccess => "come in with API keys",
            Self::CustomizeBranding => "change the name and the contact that its customers see",
        }
    }

    /// All names, for refusals.
    pub fn names() -> Vec<String> {
        Self::iter()
            .map(|permission| permission.as_ref().to_owned())
            .collect()
    }
}

/// One version of a template, as it is assigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// For programs, for example `basic`.
    pub code: String,
    /// Counted from 1.
    pub version: u32,
    /// For people.
    pub name: String,
    /// What it grants; what it does not name it denies.
    pub permissions: BTreeSet<Permission>,
}

/// What a reseller's own value of a permission comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody has said anything: no template was ever assigned.
    Unassigned,
    Template {
        code: String,
        version: u32,
    },
    /// Somebody has made an exception for this reseller.
    Override,
}

/// Whether a reseller has a permission, and who decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    pub granted: bool,
    /// The reseller itself, or the nearest one above it that lacks the permission.
    pub decided_by: ResellerId,
    pub origin: Origin,
}

/// What is in effect for a reseller, given its line: itself first, then everyone above it.
pub fn effective<'a>(
    line: impl IntoIterator<Item = (ResellerId, &'a ResellerPermissions)>,
    permission: Permission,
) -> Option<Effective> {
    let mut own = None;
    for (reseller_id, permissions) in line {
        let found = Effective {
            granted: permissions.grants(permission),
            decided_by: reseller_id,
            origin: permissions.origin(permission),
        };
        if !found.granted {
            return Some(found);
        }
        own = own.or(Some(found));
    }
    own
}

/// The answer to somebody whose reseller lacks a permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "your reseller may not {}: {} is denied {}; the platform, or a reseller above yours, can grant it",
    .permission.meaning(), .permission.as_ref(), told(.origin.as_ref())
)]
pub struct PermissionDenied {
    pub permission: Permission,
    /// `None` where somebody above decides: who that is, and why, is not for those below.
    pub origin: Option<Origin>,
}

fn told(origin: Option<&Origin>) -> String {
    match origin {
        None => "to a reseller above yours".to_owned(),
        Some(Origin::Template { code, version }) => {
            format!("by its permission template {code}, version {version}")
        }
        Some(Origin::Override) => "to it by an exception from its permission template".to_owned(),
        Some(Origin::Unassigned) => "although it has no permission template".to_owned(),
    }
}

impl PermissionDenied {
    /// `None` where the permission is in effect.
    pub fn of(permission: Permission, asker: ResellerId, effective: &Effective) -> Option<Self> {
        (!effective.granted).then(|| Self {
            permission,
            origin: (effective.decided_by == asker).then(|| effective.origin.clone()),
        })
    }
}

impl Refusal for PermissionDenied {
    fn code(&self) -> &'static str {
        "PERMISSION_DENIED"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Forbidden
    }

    fn facts(&self) -> Facts {
        Facts {
            permission: Some(self.permission),
            ..Facts::default()
        }
    }
}

#[cfg(test)]
mod tests;
