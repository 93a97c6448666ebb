//! A user: a person who signs in.

use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::{ResellerId, TenantId};
use crate::personal::Sealed;
use crate::refusal::{Refusal, RefusalKind};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct User {
    identity: Option<Identity>,
}

/// What a registered user is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub name: Sealed,
    pub email: Sealed,
    pub role: Role,
    pub home: Home,
}

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
    /// Reads ledgers, changes nothing.
    PlatformFinance,
    ResellerOwner,
    CustomerAdmin,
    CustomerUser,
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

#[derive(Clone, Debug)]
pub enum UserCommand {
    Register(Identity),
    /// The hash itself lies in the credentials table, never in the log.
    ChangePassword,
}

/// Facts about a user. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum UserEvent {
    UserRegistered {
        name: Sealed,
        email: Sealed,
        role: Role,
        home: Home,
    },
    PasswordChanged,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum UserError {
    #[error("there is no such user")]
    UserNotFound,
    #[error("this user is registered already")]
    UserAlreadyRegistered,
    #[error("the role {} does not belong there: platform roles to the platform, reseller roles to a reseller, customer roles to a customer", .0.as_ref())]
    RoleNotAllowed(Role),
}

impl Refusal for UserError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::UserNotFound => RefusalKind::NotFound,
            Self::UserAlreadyRegistered => RefusalKind::Conflict,
            Self::RoleNotAllowed(_) => RefusalKind::Invalid,
        }
    }
}

aggregate!(User, "user", UserCommand, UserEvent, UserError);

impl UserEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::UserRegistered { .. } | Self::PasswordChanged => "1",
        }
    }
}

impl User {
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        match command {
            UserCommand::Register(_) if self.identity.is_some() => Err(UserError::UserAlreadyRegistered),
            UserCommand::Register(Identity {
                name,
                email,
                role,
                home,
            }) => {
                let fits = match role {
                    Role::PlatformAdmin | Role::PlatformFinance => matches!(home, Home::Platform),
                    Role::ResellerOwner => matches!(home, Home::Reseller(_)),
                    Role::CustomerAdmin | Role::CustomerUser => matches!(home, Home::Tenant { .. }),
                };
                if !fits {
                    return Err(UserError::RoleNotAllowed(role));
                }
                Ok(vec![UserEvent::UserRegistered {
                    name,
                    email,
                    role,
                    home,
                }])
            }
            UserCommand::ChangePassword if self.identity.is_none() => Err(UserError::UserNotFound),
            UserCommand::ChangePassword => Ok(vec![UserEvent::PasswordChanged]),
        }
    }

    fn evolve(&mut self, event: UserEvent) {
        match event {
            UserEvent::UserRegistered {
                name,
                email,
                role,
                home,
            } => {
                self.identity = Some(Identity {
                    name,
                    email,
                    role,
                    home,
                });
            }
            UserEvent::PasswordChanged => {}
        }
    }
}

#[cfg(test)]
mod tests;
