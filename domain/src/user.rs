//! A user: a person who signs in.

use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::{ResellerId, TenantId};
use crate::personal::Sealed;
use crate::refusal::{Refusal, RefusalKind};
use crate::text::{self, NOTE_CHARS_MAX};
use uuid::Uuid;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct User {
    identity: Option<Identity>,
    #[serde(default)]
    erased: bool,
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
    /// Forgets the person: the keys of `subjects` are destroyed with the append.
    Erase {
        reason: String,
        /// Whose keys seal what is known of the person: the user's own and, where it was the person's address,
        /// that of a business's contact.
        subjects: Vec<Uuid>,
        /// Admins of the platform besides this user.
        other_admins: u64,
    },
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
    /// The keys of `subjects` are gone, and with them every field that they seal.
    UserErased {
        reason: String,
        home: Home,
        subjects: Vec<Uuid>,
    },
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
    #[error("this person has been erased: nothing is left that could be changed")]
    UserErased,
    #[error("this is the platform's last admin: register another one first")]
    LastPlatformAdmin,
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why, without naming the person")]
    InvalidReason,
}

impl Refusal for UserError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::UserNotFound => RefusalKind::NotFound,
            Self::UserAlreadyRegistered | Self::UserErased | Self::LastPlatformAdmin => RefusalKind::Conflict,
            Self::RoleNotAllowed(_) | Self::InvalidReason => RefusalKind::Invalid,
        }
    }
}

aggregate!(User, "user", UserCommand, UserEvent, UserError);

impl UserEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::UserRegistered { .. } | Self::PasswordChanged | Self::UserErased { .. } => "1",
        }
    }
}

impl User {
    /// `None` for somebody who was never registered or has been erased.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    fn known(&self) -> Result<&Identity, UserError> {
        match &self.identity {
            Some(identity) => Ok(identity),
            None if self.erased => Err(UserError::UserErased),
            None => Err(UserError::UserNotFound),
        }
    }

    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        match command {
            UserCommand::Register(_) if self.identity.is_some() || self.erased => {
                Err(UserError::UserAlreadyRegistered)
            }
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
            UserCommand::ChangePassword => self.known().map(|_| vec![UserEvent::PasswordChanged]),
            UserCommand::Erase {
                reason,
                subjects,
                other_admins,
            } => {
                let identity = self.known()?;
                if identity.role == Role::PlatformAdmin && other_admins == 0 {
                    return Err(UserError::LastPlatformAdmin);
                }
                Ok(vec![UserEvent::UserErased {
                    reason: text::checked(&reason, NOTE_CHARS_MAX).ok_or(UserError::InvalidReason)?,
                    home: identity.home,
                    subjects,
                }])
            }
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
            UserEvent::UserErased { .. } => {
                self.identity = None;
                self.erased = true;
            }
        }
    }
}

#[cfg(test)]
mod tests;
