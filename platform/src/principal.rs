//! Who asks, and what they may see.

use domain::ids::{ResellerId, TenantId, UserId};
use domain::user::{Home, Role};
use serde::{Deserialize, Serialize};

/// Which part of the product a session or a token is for. Audiences do not cross.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::AsRefStr, strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Audience {
    Admin,
    Reseller,
    Portal,
}

impl Audience {
    pub fn of(role: Role) -> Self {
        match role {
            Role::PlatformAdmin | Role::PlatformFinance => Self::Admin,
            Role::ResellerOwner => Self::Reseller,
            Role::CustomerAdmin | Role::CustomerUser => Self::Portal,
        }
    }
}

/// An authenticated user. Made only where a session or a token has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    pub user_id: UserId,
    pub role: Role,
    pub home: Home,
}

impl Principal {
    pub fn audience(&self) -> Audience {
        Audience::of(self.role)
    }

    pub fn scope(&self) -> Scope {
        match self.home {
            Home::Platform => Scope::Platform,
            Home::Reseller(reseller_id) => Scope::Reseller(reseller_id),
            Home::Tenant {
                reseller_id,
                tenant_id,
            } => Scope::Tenant {
                reseller_id,
                tenant_id,
            },
        }
    }
}

/// The rows that a principal may see: an argument of every query function, and the setting that Postgres'
/// row-level security reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    Platform,
    Reseller(ResellerId),
    Tenant {
        reseller_id: ResellerId,
        tenant_id: TenantId,
    },
}

impl Scope {
    /// The reseller whose rows alone may be seen; `None` for the platform, which sees all.
    pub fn reseller_id(self) -> Option<ResellerId> {
        match self {
            Self::Platform => None,
            Self::Reseller(reseller_id) | Self::Tenant { reseller_id, .. } => Some(reseller_id),
        }
    }

    /// The tenant whose rows alone may be seen; `None` where the scope is wider.
    pub fn tenant_id(self) -> Option<TenantId> {
        match self {
            Self::Tenant { tenant_id, .. } => Some(tenant_id),
            Self::Platform | Self::Reseller(_) => None,
        }
    }
}
