//! What may happen to a user.

use chrono::TimeDelta;
use uuid::Uuid;

use super::{
    AccessCommand, IMPERSONATION_MINUTES_MAX, Identity, Impersonation, Invitation, Role, User, UserCommand,
    UserError, UserEvent,
};
use crate::text::{self, NOTE_CHARS_MAX};

type Decided = Result<Vec<UserEvent>, UserError>;

impl User {
    pub(super) fn decide(&self, command: UserCommand) -> Decided {
        match command {
            UserCommand::Register(identity) => self.register(identity),
            UserCommand::Invite(invitation) => self.invite(invitation),
            UserCommand::RenewInvitation { expires_at } => self
                .invited()
                .map(|_| vec![UserEvent::InvitationRenewed { expires_at }]),
            UserCommand::RevokeInvitation => self.invited().map(|_| vec![UserEvent::InvitationRevoked]),
            UserCommand::AcceptInvitation { name, home, at } => {
                let invitation = self.invited()?.clone();
                if at >= invitation.expires_at {
                    return Err(UserError::InvitationExpired);
                }
                let registered = UserEvent::UserRegistered {
                    name,
                    email: invitation.email,
                    role: invitation.role,
                    home,
                };
                Ok(vec![UserEvent::InvitationAccepted, registered])
            }
            UserCommand::Rename { name } => self.known().map(|_| vec![UserEvent::UserRenamed { name }]),
            UserCommand::ChangeRole {
                role,
                by,
                other_admins,
                user_id,
            } => self.change_role(role, by == user_id, other_admins),
            UserCommand::Disable {
                reason,
                by,
                other_admins,
                user_id,
            } => self.disable(&reason, by == user_id, other_admins),
            UserCommand::Enable { reason } => {
                self.known()?;
                if !self.disabled {
                    return Err(UserError::UserNotDisabled);
                }
                Ok(vec![UserEvent::UserEnabled {
                    reason: checked(&reason)?,
                }])
            }
            UserCommand::Erase {
                reason,
                subjects,
                other_admins,
            } => self.erase(&reason, subjects, other_admins),
            UserCommand::Access(command) => self.decide_on_access(command),
        }
    }

    fn decide_on_access(&self, command: AccessCommand) -> Decided {
        match command {
            AccessCommand::ChangePassword => self.usable().map(|_| vec![UserEvent::PasswordChanged]),
            AccessCommand::IssuePasswordReset { expires_at } => self
                .usable()
                .map(|_| vec![UserEvent::PasswordResetIssued { expires_at }]),
            AccessCommand::ResetPassword => self.usable().map(|_| vec![UserEvent::PasswordReset]),
            AccessCommand::EnableTotp => {
                self.usable()?;
                if self.totp {
                    return Err(UserError::TotpAlreadyOn);
                }
                Ok(vec![UserEvent::TotpEnabled])
            }
            AccessCommand::DisableTotp => self.with_totp().map(|()| vec![UserEvent::TotpDisabled]),
            AccessCommand::ResetTotp { reason } => {
                self.with_totp()?;
                Ok(vec![UserEvent::TotpReset {
                    reason: checked(&reason)?,
                }])
            }
            AccessCommand::RenewRecoveryCodes => {
                self.with_totp().map(|()| vec![UserEvent::RecoveryCodesRenewed])
            }
            AccessCommand::UseRecoveryCode { left } => self
                .with_totp()
                .map(|()| vec![UserEvent::RecoveryCodeUsed { left }]),
            AccessCommand::EndSessions { session_ids, reason } => {
                self.known()?;
                let reason = reason.map(|reason| checked(&reason)).transpose()?;
                Ok(vec![UserEvent::SessionsEnded { session_ids, reason }])
            }
            AccessCommand::BeginImpersonation(wanted) => self.impersonate(&wanted),
            AccessCommand::EndImpersonation { impersonation_id, at } => {
                self.known()?;
                let runs = |(id, ends_at): &(Uuid, _)| *id == impersonation_id && at < *ends_at;
                if !self.impersonations.iter().any(runs) {
                    return Err(UserError::ImpersonationEnded);
                }
                Ok(vec![UserEvent::ImpersonationEnded { impersonation_id }])
            }
        }
    }

    fn known(&self) -> Result<&Identity, UserError> {
        match &self.identity {
            Some(identity) => Ok(identity),
            None if self.erased => Err(UserError::UserErased),
            None => Err(UserError::UserNotFound),
        }
    }

    fn usable(&self) -> Result<&Identity, UserError> {
        let identity = self.known()?;
        if self.disabled {
            return Err(UserError::UserDisabled);
        }
        Ok(identity)
    }

    fn with_totp(&self) -> Result<(), UserError> {
        self.known()?;
        if self.totp {
            Ok(())
        } else {
            Err(UserError::TotpNotOn)
        }
    }

    fn invited(&self) -> Result<&Invitation, UserError> {
        match &self.invitation {
            Some(invitation) => Ok(invitation),
            None => self.known().and(Err(UserError::InvitationNotOpen)),
        }
    }

    fn register(&self, identity: Identity) -> Decided {
        if self.identity.is_some() || self.erased {
            return Err(UserError::UserAlreadyRegistered);
        }
        let Identity {
            name,
            email,
            role,
            home,
        } = identity;
        if !role.fits(home) {
            return Err(UserError::RoleNotAllowed(role));
        }
        Ok(vec![UserEvent::UserRegistered {
            name,
            email,
            role,
            home,
        }])
    }

    fn invite(&self, invitation: Invitation) -> Decided {
        if self.identity.is_some() || self.erased {
            return Err(UserError::UserAlreadyRegistered);
        }
        if self.invitation.is_some() {
            return Err(UserError::UserAlreadyInvited);
        }
        let Invitation {
            email,
            role,
            home,
            expires_at,
        } = invitation;
        if !role.fits(home) {
            return Err(UserError::RoleNotAllowed(role));
        }
        Ok(vec![UserEvent::UserInvited {
            email,
            role,
            home,
            expires_at,
        }])
    }

    fn change_role(&self, role: Role, own: bool, other_admins: u64) -> Decided {
        let identity = self.known()?;
        if own {
            return Err(UserError::OwnAccount);
        }
        if !role.fits(identity.home) {
            return Err(UserError::RoleNotAllowed(role));
        }
        if role == identity.role {
            return Err(UserError::RoleUnchanged(role));
        }
        self.ensure_admin_stays(other_admins)?;
        Ok(vec![UserEvent::UserRoleChanged {
            role,
            before: identity.role,
        }])
    }

    fn disable(&self, reason: &str, own: bool, other_admins: u64) -> Decided {
        self.usable()?;
        if own {
            return Err(UserError::OwnAccount);
        }
        self.ensure_admin_stays(other_admins)?;
        Ok(vec![UserEvent::UserDisabled {
            reason: checked(reason)?,
        }])
    }

    fn erase(&self, reason: &str, subjects: Vec<Uuid>, other_admins: u64) -> Decided {
        let home = match &self.invitation {
            Some(invitation) => invitation.home,
            None => self.known()?.home,
        };
        self.ensure_admin_stays(other_admins)?;
        Ok(vec![UserEvent::UserErased {
            reason: checked(reason)?,
            home,
            subjects,
        }])
    }

    /// One who cannot sign in is not what keeps the platform from being locked out.
    fn ensure_admin_stays(&self, other_admins: u64) -> Result<(), UserError> {
        let admin = self
            .active()
            .is_some_and(|identity| identity.role == Role::PlatformAdmin);
        if admin && other_admins == 0 {
            return Err(UserError::LastPlatformAdmin);
        }
        Ok(())
    }

    fn impersonate(&self, wanted: &Impersonation) -> Decided {
        let identity = self.usable()?;
        if identity.home.reseller_id().is_none() {
            return Err(UserError::NotImpersonable);
        }
        if wanted.by == wanted.user_id {
            return Err(UserError::OwnAccount);
        }
        if !(1..=IMPERSONATION_MINUTES_MAX).contains(&wanted.minutes) {
            return Err(UserError::InvalidDuration);
        }
        Ok(vec![UserEvent::ImpersonationBegun {
            impersonation_id: wanted.impersonation_id,
            by: wanted.by,
            reason: checked(&wanted.reason)?,
            write: wanted.write,
            ends_at: wanted.at + TimeDelta::minutes(wanted.minutes),
        }])
    }
}

fn checked(reason: &str) -> Result<String, UserError> {
    text::checked(reason, NOTE_CHARS_MAX).ok_or(UserError::InvalidReason)
}
