//! A tenant: a customer of a reseller.

use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::ResellerId;
use crate::personal::Sealed;
use crate::refusal::{Refusal, RefusalKind};
use crate::text::{self, NAME_CHARS_MAX, NOTE_CHARS_MAX};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tenant {
    reseller_id: Option<ResellerId>,
    suspended: bool,
}

#[derive(Clone, Debug)]
pub enum TenantCommand {
    Create {
        reseller_id: ResellerId,
        name: String,
        contact_email: Sealed,
    },
    Suspend {
        reason: String,
    },
    Resume {
        reason: String,
    },
}

/// Facts about a tenant. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum TenantEvent {
    TenantCreated {
        reseller_id: ResellerId,
        name: String,
        contact_email: Sealed,
    },
    TenantSuspended {
        reason: String,
    },
    TenantResumed {
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum TenantError {
    #[error("there is no such customer")]
    CustomerNotFound,
    #[error("this customer exists already")]
    CustomerAlreadyExists,
    #[error("a name has 1 to {NAME_CHARS_MAX} characters: shorten it or type one in")]
    InvalidName,
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why")]
    InvalidReason,
    #[error("the customer is suspended: the reseller can resume it")]
    CustomerSuspended,
    #[error("the customer is not suspended")]
    CustomerNotSuspended,
}

impl Refusal for TenantError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::CustomerNotFound => RefusalKind::NotFound,
            Self::CustomerAlreadyExists | Self::CustomerSuspended | Self::CustomerNotSuspended => {
                RefusalKind::Conflict
            }
            Self::InvalidName | Self::InvalidReason => RefusalKind::Invalid,
        }
    }
}

aggregate!(Tenant, "tenant", TenantCommand, TenantEvent, TenantError);

impl TenantEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::TenantCreated { .. } | Self::TenantSuspended { .. } | Self::TenantResumed { .. } => "1",
        }
    }
}

impl Tenant {
    /// The reseller that serves this tenant; `None` while it does not exist.
    pub fn reseller_id(&self) -> Option<ResellerId> {
        self.reseller_id
    }

    /// Whether the tenant may act: created and not suspended.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn ensure_active(&self) -> Result<(), TenantError> {
        if self.reseller_id.is_none() {
            Err(TenantError::CustomerNotFound)
        } else if self.suspended {
            Err(TenantError::CustomerSuspended)
        } else {
            Ok(())
        }
    }

    fn decide(&self, command: TenantCommand) -> Result<Vec<TenantEvent>, TenantError> {
        match command {
            TenantCommand::Create { .. } if self.reseller_id.is_some() => {
                Err(TenantError::CustomerAlreadyExists)
            }
            TenantCommand::Create {
                reseller_id,
                name,
                contact_email,
            } => {
                let name = text::checked(&name, NAME_CHARS_MAX).ok_or(TenantError::InvalidName)?;
                Ok(vec![TenantEvent::TenantCreated {
                    reseller_id,
                    name,
                    contact_email,
                }])
            }
            TenantCommand::Suspend { .. } | TenantCommand::Resume { .. } if self.reseller_id.is_none() => {
                Err(TenantError::CustomerNotFound)
            }
            TenantCommand::Suspend { .. } if self.suspended => Err(TenantError::CustomerSuspended),
            TenantCommand::Suspend { reason } => Ok(vec![TenantEvent::TenantSuspended {
                reason: checked_reason(&reason)?,
            }]),
            TenantCommand::Resume { .. } if !self.suspended => Err(TenantError::CustomerNotSuspended),
            TenantCommand::Resume { reason } => Ok(vec![TenantEvent::TenantResumed {
                reason: checked_reason(&reason)?,
            }]),
        }
    }

    fn evolve(&mut self, event: TenantEvent) {
        match event {
            TenantEvent::TenantCreated { reseller_id, .. } => self.reseller_id = Some(reseller_id),
            TenantEvent::TenantSuspended { .. } => self.suspended = true,
            TenantEvent::TenantResumed { .. } => self.suspended = false,
        }
    }
}

fn checked_reason(reason: &str) -> Result<String, TenantError> {
    text::checked(reason, NOTE_CHARS_MAX).ok_or(TenantError::InvalidReason)
}

#[cfg(test)]
mod tests;
