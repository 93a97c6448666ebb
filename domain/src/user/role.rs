//! What somebody may be, and where one belongs.

use serde::{Deserialize, Serialize};

use crate::ids::{ResellerId, TenantId};

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    PlatformAdmin,
    /// Reads ledgers and closes months.
    PlatformFinance,
    /// Helps resellers and customers; handles no money.
    PlatformSupport,
    ResellerOwner,
    /// Looks after a reseller's customers, not after its people and keys.
    ResellerStaff,
    CustomerAdmin,
    CustomerUser,
    /// A program with an API key. No person has this role.
    Service,
}

impl Role {
    /// Whether people with this role belong to such a home.
    pub fn fits(self, home: Home) -> bool {
        match self {
            Self::PlatformAdmin | Self::PlatformFinance | Self::PlatformSupport => {
                matches!(home, Home::Platform)
            }
            Self::ResellerOwner | Self::ResellerStaff => matches!(home, Home::Reseller(_)),
            Self::CustomerAdmin | Self::CustomerUser => matches!(home, Home::Tenant { .. }),
            Self::Service => false,
        }
    }
}

/// Where a user belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Home {
    Platform,
    Reseller(ResellerId),
    Tenant {
        reseller_id: ResellerId,
        tenant_id: TenantId,
    },
}

impl Home {
    pub fn reseller_id(self) -> Option<ResellerId> {
        match self {
            Self::Platform => None,
            Self::Reseller(reseller_id) | Self::Tenant { reseller_id, .. } => Some(reseller_id),
        }
    }

    pub fn tenant_id(self) -> Option<TenantId> {
        match self {
            Self::Tenant { tenant_id, .. } => Some(tenant_id),
            Self::Platform | Self::Reseller(_) => None,
        }
    }
}
