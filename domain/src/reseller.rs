//! A reseller: who sells to customers, at which commission. It applies or is registered, may be suspended, and is
//! closed, never deleted.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::commission::Rate;
use crate::es::aggregate;
use crate::personal::Sealed;
use crate::version::Versions;

pub use error::ResellerError;
pub use profile::Profile;
use profile::{checked_name, checked_profile, checked_rate, checked_reason, checked_zone};

mod error;
mod profile;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reseller {
    standing: Standing,
    profile: Profile,
    commission_rate: Rate,
    /// What the platform said to the application.
    answer: Option<String>,
    versions: Versions,
}

/// Where a reseller stands by itself, whatever is above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
enum Standing {
    #[default]
    Unknown,
    Pending,
    Declined,
    Active,
    Suspended,
    Closed,
}

#[derive(Clone, Debug)]
pub enum ResellerCommand {
    Register {
        name: String,
        contact_email: Sealed,
        commission_rate: Decimal,
        time_zone: String,
    },
    /// Makes the platform's own reseller.
    FoundHouse {
        name: String,
        time_zone: String,
    },
    /// Asks to become a reseller.
    Apply(Profile),
    Approve {
        commission_rate: Decimal,
        reason: String,
    },
    Decline {
        reason: String,
    },
    EditProfile {
        profile: Profile,
        /// What the editor has seen.
        expected_version: Option<u64>,
    },
    Suspend {
        reason: String,
    },
    Resume {
        reason: String,
    },
    Close {
        reason: String,
    },
    Reopen {
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
    HouseFounded {
        name: String,
        time_zone: String,
    },
    ResellerApplied(Profile),
    ResellerApproved {
        commission_rate: Decimal,
        reason: String,
    },
    ResellerDeclined {
        reason: String,
    },
    /// The whole profile, as it is from now on.
    ResellerProfileChanged(Profile),
    ResellerClosed {
        reason: String,
    },
    ResellerReopened {
        reason: String,
    },
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
            | Self::ResellerResumed { .. }
            | Self::HouseFounded { .. }
            | Self::ResellerApplied(_)
            | Self::ResellerApproved { .. }
            | Self::ResellerDeclined { .. }
            | Self::ResellerProfileChanged(_)
            | Self::ResellerClosed { .. }
            | Self::ResellerReopened { .. } => "1",
        }
    }
}

impl Reseller {
    /// `None` for a reseller that was never registered, and for the house.
    pub fn contact_email(&self) -> Option<&Sealed> {
        self.profile.contact_email.as_ref()
    }

    /// The share that was agreed when it was registered or approved: the first version of its contract.
    pub fn commission_rate(&self) -> Rate {
        self.commission_rate
    }

    /// Its own status, in one word.
    pub fn status(&self) -> &str {
        self.standing.as_ref()
    }

    /// Why its application was approved or declined.
    pub fn answer(&self) -> Option<&str> {
        self.answer.as_deref()
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether there is such a reseller, in whatever state.
    ///
    /// # Errors
    /// There is none.
    pub fn ensure_registered(&self) -> Result<(), ResellerError> {
        match self.standing {
            Standing::Unknown => Err(ResellerError::ResellerNotFound),
            Standing::Pending
            | Standing::Declined
            | Standing::Active
            | Standing::Suspended
            | Standing::Closed => Ok(()),
        }
    }

    /// Whether the reseller may act: registered or approved, and neither suspended nor closed.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn ensure_active(&self) -> Result<(), ResellerError> {
        match self.standing {
            Standing::Unknown => Err(ResellerError::ResellerNotFound),
            Standing::Pending => Err(ResellerError::ResellerPending),
            Standing::Declined => Err(ResellerError::ResellerDeclined),
            Standing::Active => Ok(()),
            Standing::Suspended => Err(ResellerError::ResellerSuspended),
            Standing::Closed => Err(ResellerError::ResellerClosed),
        }
    }

    fn decide(&self, command: ResellerCommand) -> Result<Vec<ResellerEvent>, ResellerError> {
        let event = match command {
            ResellerCommand::Register {
                name,
                contact_email,
                commission_rate,
                time_zone,
            } => {
                self.ensure_new()?;
                ResellerEvent::ResellerRegistered {
                    name: checked_name(&name)?,
                    contact_email,
                    commission_rate: checked_rate(commission_rate)?,
                    time_zone: checked_zone(time_zone)?,
                }
            }
            ResellerCommand::FoundHouse { name, time_zone } => {
                self.ensure_new()?;
                ResellerEvent::HouseFounded {
                    name: checked_name(&name)?,
                    time_zone: checked_zone(time_zone)?,
                }
            }
            ResellerCommand::Apply(profile) => {
                self.ensure_new()?;
                ResellerEvent::ResellerApplied(checked_profile(profile)?)
            }
            ResellerCommand::Approve {
                commission_rate,
                reason,
            } => self.approved(commission_rate, &reason)?,
            ResellerCommand::Decline { reason } => {
                self.ensure_pending()?;
                ResellerEvent::ResellerDeclined {
                    reason: checked_reason(&reason)?,
                }
            }
            ResellerCommand::EditProfile {
                profile,
                expected_version,
            } => return self.edited(profile, expected_version),
            ResellerCommand::Suspend { reason } => {
                self.ensure_active()?;
                ResellerEvent::ResellerSuspended {
                    reason: checked_reason(&reason)?,
                }
            }
            ResellerCommand::Resume { reason } => {
                self.ensure_open()?;
                self.ensure_stands(Standing::Suspended, ResellerError::ResellerNotSuspended)?;
                ResellerEvent::ResellerResumed {
                    reason: checked_reason(&reason)?,
                }
            }
            ResellerCommand::Close { reason } => {
                self.ensure_open()?;
                ResellerEvent::ResellerClosed {
                    reason: checked_reason(&reason)?,
                }
            }
            ResellerCommand::Reopen { reason } => {
                self.ensure_stands(Standing::Closed, ResellerError::ResellerNotClosed)?;
                ResellerEvent::ResellerReopened {
                    reason: checked_reason(&reason)?,
                }
            }
        };
        Ok(vec![event])
    }

    fn approved(&self, commission_rate: Decimal, reason: &str) -> Result<ResellerEvent, ResellerError> {
        // Who was declined may be approved after all.
        if self.standing != Standing::Declined {
            self.ensure_pending()?;
        }
        Ok(ResellerEvent::ResellerApproved {
            commission_rate: checked_rate(commission_rate)?,
            reason: checked_reason(reason)?,
        })
    }

    fn edited(
        &self,
        profile: Profile,
        expected_version: Option<u64>,
    ) -> Result<Vec<ResellerEvent>, ResellerError> {
        self.ensure_open()?;
        self.versions
            .ensure(expected_version)
            .map_err(ResellerError::VersionConflict)?;
        let profile = checked_profile(profile)?;
        if profile == self.profile {
            return Ok(Vec::new());
        }
        Ok(vec![ResellerEvent::ResellerProfileChanged(profile)])
    }

    fn ensure_new(&self) -> Result<(), ResellerError> {
        match self.ensure_registered() {
            Ok(()) => Err(ResellerError::ResellerAlreadyRegistered),
            Err(_) => Ok(()),
        }
    }

    fn ensure_pending(&self) -> Result<(), ResellerError> {
        self.ensure_stands(Standing::Pending, ResellerError::ResellerNotPending)
    }

    fn ensure_stands(&self, wanted: Standing, otherwise: ResellerError) -> Result<(), ResellerError> {
        self.ensure_registered()?;
        if self.standing == wanted {
            Ok(())
        } else {
            Err(otherwise)
        }
    }

    /// Active or suspended.
    fn ensure_open(&self) -> Result<(), ResellerError> {
        if self.standing == Standing::Suspended {
            Ok(())
        } else {
            self.ensure_active()
        }
    }

    fn evolve(&mut self, event: ResellerEvent) {
        match event {
            ResellerEvent::ResellerRegistered {
                name,
                contact_email,
                time_zone,
                commission_rate,
            } => {
                self.standing = Standing::Active;
                self.agree(commission_rate);
                self.take(Profile {
                    name,
                    contact_email: Some(contact_email),
                    time_zone,
                    ..Profile::default()
                });
            }
            ResellerEvent::HouseFounded { name, time_zone } => {
                self.standing = Standing::Active;
                self.take(Profile {
                    name,
                    time_zone,
                    ..Profile::default()
                });
            }
            ResellerEvent::ResellerApplied(profile) => {
                self.standing = Standing::Pending;
                self.take(profile);
            }
            ResellerEvent::ResellerProfileChanged(profile) => self.take(profile),
            ResellerEvent::ResellerApproved {
                commission_rate,
                reason,
            } => {
                self.answer = Some(reason);
                self.agree(commission_rate);
                self.stand(Standing::Active);
            }
            ResellerEvent::ResellerResumed { .. } | ResellerEvent::ResellerReopened { .. } => {
                self.stand(Standing::Active);
            }
            ResellerEvent::ResellerDeclined { reason } => {
                self.answer = Some(reason);
                self.stand(Standing::Declined);
            }
            ResellerEvent::ResellerSuspended { .. } => self.stand(Standing::Suspended),
            ResellerEvent::ResellerClosed { .. } => self.stand(Standing::Closed),
        }
    }

    fn agree(&mut self, commission_rate: Decimal) {
        // The rules let no other rate through.
        self.commission_rate = commission_rate.try_into().unwrap_or_default();
    }

    fn take(&mut self, profile: Profile) {
        let changed = self.profile.changed_parts(&profile);
        self.versions.next(&changed);
        self.profile = profile;
    }

    fn stand(&mut self, standing: Standing) {
        self.standing = standing;
        self.versions.next(&["status"]);
    }
}

#[cfg(test)]
mod tests;
