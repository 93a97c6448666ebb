//! Who asks, and what they may see.

use domain::api_key::KeyScopes;
use domain::ids::{ApiKeyId, ResellerId, TenantId, UserId};
use domain::user::{Home, Role};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
    pub fn of(home: Home) -> Self {
        match home {
            Home::Platform => Self::Admin,
            Home::Reseller(_) => Self::Reseller,
            Home::Tenant { .. } => Self::Portal,
        }
    }
}

/// By what somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// The person itself, with the session where there is one.
    Person { session_id: Option<Uuid> },
    /// Somebody else who acts as the person.
    Impersonated {
        by: UserId,
        session_id: Uuid,
        write: bool,
    },
    /// A program.
    Key { key_id: ApiKeyId, scopes: KeyScopes },
}

impl Access {
    /// A person without a session: signed in with the password for one token.
    pub const PASSWORD: Self = Self::Person { session_id: None };

    /// What ends this way in when it is revoked.
    pub fn revocable_id(self) -> Option<Uuid> {
        match self {
            Self::Person { session_id } => session_id,
            Self::Impersonated { session_id, .. } => Some(session_id),
            Self::Key { key_id, .. } => Some(key_id.0),
        }
    }
}

/// An authenticated user or program. Made only where a session, a token or a key has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The person, or the key that a program came in with.
    pub user_id: UserId,
    pub role: Role,
    pub home: Home,
    pub access: Access,
}

impl Principal {
    pub fn audience(&self) -> Audience {
        Audience::of(self.home)
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
