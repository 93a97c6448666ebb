//! A user: a person who signs in, from the invitation to the erasure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::es::aggregate;
use crate::ids::UserId;
use crate::personal::Sealed;
use crate::refusal::{Refusal, RefusalKind};
use crate::text::NOTE_CHARS_MAX;

mod decide;
mod role;

pub use role::{Home, Role};

/// Longest time for which somebody may act as another person.
pub const IMPERSONATION_MINUTES_MAX: i64 = 60;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct User {
    identity: Option<Identity>,
    #[serde(default)]
    invitation: Option<Invitation>,
    #[serde(default)]
    erased: bool,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    totp: bool,
    /// Impersonations that have not been ended, with the time at which each ends by itself.
    #[serde(default)]
    impersonations: Vec<(Uuid, DateTime<Utc>)>,
}

/// What a registered user is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub name: Sealed,
    pub email: Sealed,
    pub role: Role,
    pub home: Home,
}

/// What somebody is who was asked to join and has not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    pub email: Sealed,
    pub role: Role,
    pub home: Home,
    pub expires_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub enum UserCommand {
    Register(Identity),
    Invite(Invitation),
    /// A new link; the one before it is worth nothing.
    RenewInvitation {
        expires_at: DateTime<Utc>,
    },
    RevokeInvitation,
    AcceptInvitation {
        name: Sealed,
        /// Where whoever was invited belongs now: the customer may have been moved since.
        home: Home,
        at: DateTime<Utc>,
    },
    Rename {
        name: Sealed,
    },
    ChangeRole {
        role: Role,
        by: UserId,
        /// Admins of the platform besides this user.
        other_admins: u64,
        user_id: UserId,
    },
    Disable {
        reason: String,
        by: UserId,
        /// Admins of the platform besides this user.
        other_admins: u64,
        user_id: UserId,
    },
    Enable {
        reason: String,
    },
    Access(AccessCommand),
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

/// What opens the account, to the person and to somebody else.
#[derive(Clone, Debug)]
pub enum AccessCommand {
    /// The hash itself lies in the credentials table, never in the log.
    ChangePassword,
    /// A link that sets a new password without the old one.
    IssuePasswordReset {
        expires_at: DateTime<Utc>,
    },
    ResetPassword,
    EnableTotp,
    DisableTotp,
    /// Takes the second factor of a person who has lost it.
    ResetTotp {
        reason: String,
    },
    RenewRecoveryCodes,
    UseRecoveryCode {
        left: u32,
    },
    EndSessions {
        session_ids: Vec<Uuid>,
        reason: Option<String>,
    },
    BeginImpersonation(Impersonation),
    EndImpersonation {
        impersonation_id: Uuid,
        at: DateTime<Utc>,
    },
}

/// Somebody acts as this user.
#[derive(Clone, Debug)]
pub struct Impersonation {
    pub impersonation_id: Uuid,
    pub by: UserId,
    pub user_id: UserId,
    pub reason: String,
    pub write: bool,
    pub minutes: i64,
    pub at: DateTime<Utc>,
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
    UserInvited {
        email: Sealed,
        role: Role,
        home: Home,
        expires_at: DateTime<Utc>,
    },
    InvitationRenewed {
        expires_at: DateTime<Utc>,
    },
    InvitationRevoked,
    /// `UserRegistered` follows in the same append.
    InvitationAccepted,
    UserRenamed {
        name: Sealed,
    },
    UserRoleChanged {
        role: Role,
        before: Role,
    },
    UserDisabled {
        reason: String,
    },
    UserEnabled {
        reason: String,
    },
    PasswordChanged,
    PasswordResetIssued {
        expires_at: DateTime<Utc>,
    },
    PasswordReset,
    TotpEnabled,
    TotpDisabled,
    TotpReset {
        reason: String,
    },
    RecoveryCodesRenewed,
    RecoveryCodeUsed {
        left: u32,
    },
    SessionsEnded {
        session_ids: Vec<Uuid>,
        reason: Option<String>,
    },
    ImpersonationBegun {
        impersonation_id: Uuid,
        by: UserId,
        reason: String,
        write: bool,
        ends_at: DateTime<Utc>,
    },
    ImpersonationEnded {
        impersonation_id: Uuid,
    },
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
    #[error("the user has the role {} already", .0.as_ref())]
    RoleUnchanged(Role),
    #[error("this person has been erased: nothing is left that could be changed")]
    UserErased,
    #[error("this is the platform's last admin: register another one first")]
    LastPlatformAdmin,
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why, without naming the person")]
    InvalidReason,
    #[error("nobody does this to the own account: ask another admin")]
    OwnAccount,
    #[error("the user is disabled: enable the account first")]
    UserDisabled,
    #[error("the user is not disabled")]
    UserNotDisabled,
    #[error("this person is invited already: send the invitation again, or revoke it")]
    UserAlreadyInvited,
    #[error("there is no open invitation: invite the person again")]
    InvitationNotOpen,
    #[error("the invitation has expired: ask for a new one")]
    InvitationExpired,
    #[error("the second factor is on already: turn it off first to use another device")]
    TotpAlreadyOn,
    #[error("the second factor is not on")]
    TotpNotOn,
    #[error(
        "somebody of the platform or of your own organisation cannot be impersonated: choose a user of a reseller or a customer below it"
    )]
    NotImpersonable,
    #[error("an impersonation lasts 1 to {IMPERSONATION_MINUTES_MAX} minutes")]
    InvalidDuration,
    #[error("this impersonation has ended")]
    ImpersonationEnded,
}

impl Refusal for UserError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::UserNotFound => RefusalKind::NotFound,
            Self::UserAlreadyRegistered
            | Self::RoleUnchanged(_)
            | Self::UserErased
            | Self::LastPlatformAdmin
            | Self::OwnAccount
            | Self::UserDisabled
            | Self::UserNotDisabled
            | Self::UserAlreadyInvited
            | Self::InvitationNotOpen
            | Self::InvitationExpired
            | Self::TotpAlreadyOn
            | Self::TotpNotOn
            | Self::ImpersonationEnded => RefusalKind::Conflict,
            Self::RoleNotAllowed(_) | Self::InvalidReason | Self::InvalidDuration => RefusalKind::Invalid,
            Self::NotImpersonable => RefusalKind::Forbidden,
        }
    }
}

aggregate!(User, "user", UserCommand, UserEvent, UserError);

impl UserEvent {
    #[expect(
        clippy::unused_self,
        reason = "the version of an event that gets a second one depends on which it is"
    )]
    fn version(&self) -> &'static str {
        "1"
    }
}

impl User {
    /// `None` for somebody who was never registered or has been erased.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Who may sign in: registered, not disabled, not erased.
    pub fn active(&self) -> Option<&Identity> {
        self.identity.as_ref().filter(|_| !self.disabled)
    }

    /// The invitation that waits for an answer.
    pub fn invitation(&self) -> Option<&Invitation> {
        self.invitation.as_ref()
    }

    /// Where the user belongs, or will once the invitation is accepted.
    pub fn home(&self) -> Option<Home> {
        let invited = self.invitation.as_ref().map(|invitation| invitation.home);
        self.identity.as_ref().map(|identity| identity.home).or(invited)
    }

    /// Whether signing in needs a second factor.
    pub fn has_totp(&self) -> bool {
        self.totp
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
            UserEvent::UserInvited {
                email,
                role,
                home,
                expires_at,
            } => {
                self.invitation = Some(Invitation {
                    email,
                    role,
                    home,
                    expires_at,
                });
            }
            UserEvent::InvitationRenewed { expires_at } => {
                if let Some(invitation) = &mut self.invitation {
                    invitation.expires_at = expires_at;
                }
            }
            UserEvent::InvitationRevoked | UserEvent::InvitationAccepted => self.invitation = None,
            UserEvent::UserRenamed { name } => self.change(|identity| identity.name = name),
            UserEvent::UserRoleChanged { role, .. } => self.change(|identity| identity.role = role),
            UserEvent::UserDisabled { .. } => self.disabled = true,
            UserEvent::UserEnabled { .. } => self.disabled = false,
            UserEvent::TotpEnabled => self.totp = true,
            UserEvent::TotpDisabled | UserEvent::TotpReset { .. } => self.totp = false,
            UserEvent::ImpersonationBegun {
                impersonation_id,
                ends_at,
                ..
            } => {
                // Those that nobody ended have ended by themselves.
                let oldest = ends_at - TimeDelta::minutes(IMPERSONATION_MINUTES_MAX);
                self.impersonations.retain(|(_, ends_at)| *ends_at > oldest);
                self.impersonations.push((impersonation_id, ends_at));
            }
            UserEvent::ImpersonationEnded { impersonation_id } => {
                self.impersonations.retain(|(id, _)| *id != impersonation_id);
            }
            UserEvent::PasswordChanged
            | UserEvent::PasswordResetIssued { .. }
            | UserEvent::PasswordReset
            | UserEvent::RecoveryCodesRenewed
            | UserEvent::RecoveryCodeUsed { .. }
            | UserEvent::SessionsEnded { .. } => {}
            UserEvent::UserErased { .. } => {
                *self = Self {
                    erased: true,
                    ..Self::default()
                };
            }
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Identity)) {
        if let Some(identity) = &mut self.identity {
            change(identity);
        }
    }
}

#[cfg(test)]
mod tests;
