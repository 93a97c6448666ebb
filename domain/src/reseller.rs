//! A reseller: who sells to customers, and at which commission.

use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::personal::Sealed;
use crate::refusal::{Refusal, RefusalKind};
use crate::text::{self, NAME_CHARS_MAX, NOTE_CHARS_MAX};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reseller {
    registered: bool,
    suspended: bool,
    #[serde(default)]
    contact_email: Option<Sealed>,
}

#[derive(Clone, Debug)]
pub enum ResellerCommand {
    Register {
        name: String,
        contact_email: Sealed,
        commission_rate: Decimal,
        time_zone: String,
    },
    Suspend {
        reason: String,
    },
    Resume {
        reason: String,
    },
}

/// Facts about a reseller. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum ResellerEvent {
    ResellerRegistered {
        name: String,
        contact_email: Sealed,
        /// The share of a sale that is the reseller's, 0 to 1.
        commission_rate: Decimal,
        /// IANA name; months begin at midnight there.
        time_zone: String,
    },
    ResellerSuspended {
        reason: String,
    },
    ResellerResumed {
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ResellerError {
    #[error("there is no such reseller")]
    ResellerNotFound,
    #[error("this reseller is registered already")]
    ResellerAlreadyRegistered,
    #[error("a name has 1 to {NAME_CHARS_MAX} characters: shorten it or type one in")]
    InvalidName,
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why")]
    InvalidReason,
    #[error("a commission rate lies between 0 and 1 with at most 6 decimals, for example 0.20 for 20 %")]
    InvalidCommissionRate,
    #[error("{0:?} is no time zone: use an IANA name such as Europe/Berlin or UTC")]
    InvalidTimeZone(String),
    #[error("the reseller is suspended: resume it first")]
    ResellerSuspended,
    #[error("the reseller is not suspended")]
    ResellerNotSuspended,
}

impl Refusal for ResellerError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::ResellerNotFound => RefusalKind::NotFound,
            Self::ResellerAlreadyRegistered | Self::ResellerSuspended | Self::ResellerNotSuspended => {
                RefusalKind::Conflict
            }
            Self::InvalidName
            | Self::InvalidReason
            | Self::InvalidCommissionRate
            | Self::InvalidTimeZone(_) => RefusalKind::Invalid,
        }
    }
}

aggregate!(
    Reseller,
    "reseller",
    ResellerCommand,
    ResellerEvent,
    ResellerError
);

impl ResellerEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::ResellerRegistered { .. }
            | Self::ResellerSuspended { .. }
            | Self::ResellerResumed { .. } => "1",
        }
    }
}

impl Reseller {
    /// `None` for a reseller that was never registered.
    pub fn contact_email(&self) -> Option<&Sealed> {
        self.contact_email.as_ref()
    }

    /// Whether the reseller may act: registered and not suspended.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn ensure_active(&self) -> Result<(), ResellerError> {
        if !self.registered {
            Err(ResellerError::ResellerNotFound)
        } else if self.suspended {
            Err(ResellerError::ResellerSuspended)
        } else {
            Ok(())
        }
    }

    fn decide(&self, command: ResellerCommand) -> Result<Vec<ResellerEvent>, ResellerError> {
        match command {
            ResellerCommand::Register { .. } if self.registered => {
                Err(ResellerError::ResellerAlreadyRegistered)
            }
            ResellerCommand::Register {
                name,
                contact_email,
                commission_rate,
                time_zone,
            } => {
                let name = text::checked(&name, NAME_CHARS_MAX).ok_or(ResellerError::InvalidName)?;
                let in_range = (Decimal::ZERO..=Decimal::ONE).contains(&commission_rate);
                if !in_range || commission_rate.normalize().scale() > 6 {
                    return Err(ResellerError::InvalidCommissionRate);
                }
                if time_zone.parse::<Tz>().is_err() {
                    return Err(ResellerError::InvalidTimeZone(time_zone));
                }
                Ok(vec![ResellerEvent::ResellerRegistered {
                    name,
                    contact_email,
                    commission_rate,
                    time_zone,
                }])
            }
            ResellerCommand::Suspend { .. } | ResellerCommand::Resume { .. } if !self.registered => {
                Err(ResellerError::ResellerNotFound)
            }
            ResellerCommand::Suspend { .. } if self.suspended => Err(ResellerError::ResellerSuspended),
            ResellerCommand::Suspend { reason } => Ok(vec![ResellerEvent::ResellerSuspended {
                reason: checked_reason(&reason)?,
            }]),
            ResellerCommand::Resume { .. } if !self.suspended => Err(ResellerError::ResellerNotSuspended),
            ResellerCommand::Resume { reason } => Ok(vec![ResellerEvent::ResellerResumed {
                reason: checked_reason(&reason)?,
            }]),
        }
    }

    fn evolve(&mut self, event: ResellerEvent) {
        match event {
            ResellerEvent::ResellerRegistered { contact_email, .. } => {
                self.registered = true;
                self.contact_email = Some(contact_email);
            }
            ResellerEvent::ResellerSuspended { .. } => self.suspended = true,
            ResellerEvent::ResellerResumed { .. } => self.suspended = false,
        }
    }
}

fn checked_reason(reason: &str) -> Result<String, ResellerError> {
    text::checked(reason, NOTE_CHARS_MAX).ok_or(ResellerError::InvalidReason)
}

#[cfg(test)]
mod tests;
