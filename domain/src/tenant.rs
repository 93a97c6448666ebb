//! A tenant: a customer of a reseller. It may be moved to another one, and is closed, never deleted.

use chrono::{DateTime, Days, Utc};
use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::ResellerId;
use crate::personal::Sealed;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::{self, NAME_CHARS_MAX, NOTE_CHARS_MAX};
use crate::version::{Stale, Versions};

/// How long a closed customer can be reopened.
pub const REOPEN_DAYS: u64 = 30;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tenant {
    reseller_id: Option<ResellerId>,
    suspended: bool,
    /// Set while it is closed: the first instant at which it cannot be reopened.
    reopen_until: Option<DateTime<Utc>>,
    name: String,
    contact_email: Option<Sealed>,
    versions: Versions,
}

#[derive(Clone, Debug)]
pub enum TenantCommand {
    Create {
        reseller_id: ResellerId,
        name: String,
        contact_email: Sealed,
    },
    EditProfile {
        /// `None` leaves it as it is.
        name: Option<String>,
        /// `None` leaves it as it is.
        contact_email: Option<Sealed>,
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
        at: DateTime<Utc>,
    },
    Reopen {
        reason: String,
        at: DateTime<Utc>,
    },
    /// Gives the customer to another reseller.
    Move {
        to: ResellerId,
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
    /// What the customer is called and whom to write to, from now on.
    TenantProfileChanged {
        name: String,
        contact_email: Sealed,
    },
    TenantClosed {
        reason: String,
        /// The first instant at which it cannot be reopened.
        reopen_until: DateTime<Utc>,
    },
    TenantReopened {
        reason: String,
    },
    /// What happened before stays the old reseller's.
    TenantMoved {
        from: ResellerId,
        to: ResellerId,
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
    #[error("the customer is closed: the reseller can reopen it until {}", .0.format("%Y-%m-%d %H:%M UTC"))]
    CustomerClosed(DateTime<Utc>),
    #[error("the customer is not closed")]
    CustomerNotClosed,
    #[error("the customer could be reopened until {}: create a new one", .0.format("%Y-%m-%d %H:%M UTC"))]
    ReopenPeriodOver(DateTime<Utc>),
    #[error("the customer is this reseller's already: choose another one")]
    CustomerAlreadyThere,
    #[error("the customer has just been moved to another reseller: send the command again")]
    CustomerMoved,
    #[error("{0}: read the customer again, and repeat your change on what it says now")]
    VersionConflict(Stale),
}

impl Refusal for TenantError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::CustomerNotFound => RefusalKind::NotFound,
            Self::CustomerAlreadyExists
            | Self::CustomerSuspended
            | Self::CustomerNotSuspended
            | Self::CustomerClosed(_)
            | Self::CustomerNotClosed
            | Self::ReopenPeriodOver(_)
            | Self::CustomerAlreadyThere
            | Self::CustomerMoved
            | Self::VersionConflict(_) => RefusalKind::Conflict,
            Self::InvalidName | Self::InvalidReason => RefusalKind::Invalid,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::VersionConflict(stale) => stale.facts(),
            Self::CustomerNotFound
            | Self::CustomerAlreadyExists
            | Self::InvalidName
            | Self::InvalidReason
            | Self::CustomerSuspended
            | Self::CustomerNotSuspended
            | Self::CustomerClosed(_)
            | Self::CustomerNotClosed
            | Self::ReopenPeriodOver(_)
            | Self::CustomerAlreadyThere
            | Self::CustomerMoved => Facts::default(),
        }
    }
}

aggregate!(Tenant, "tenant", TenantCommand, TenantEvent, TenantError);

impl TenantEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::TenantCreated { .. }
            | Self::TenantSuspended { .. }
            | Self::TenantResumed { .. }
            | Self::TenantProfileChanged { .. }
            | Self::TenantClosed { .. }
            | Self::TenantReopened { .. }
            | Self::TenantMoved { .. } => "1",
        }
    }
}

impl Tenant {
    /// The reseller that serves this tenant; `None` while it does not exist.
    pub fn reseller_id(&self) -> Option<ResellerId> {
        self.reseller_id
    }

    /// `None` while it does not exist.
    pub fn contact_email(&self) -> Option<&Sealed> {
        self.contact_email.as_ref()
    }

    pub fn is_closed(&self) -> bool {
        self.reopen_until.is_some()
    }

    /// Whether the tenant may act: created, and neither suspended nor closed.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn ensure_active(&self) -> Result<(), TenantError> {
        self.ensure_open()?;
        if self.suspended {
            Err(TenantError::CustomerSuspended)
        } else {
            Ok(())
        }
    }

    /// Whether the tenant is there and not closed; answers whose it is.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn ensure_open(&self) -> Result<ResellerId, TenantError> {
        let reseller_id = self.reseller_id.ok_or(TenantError::CustomerNotFound)?;
        match self.reopen_until {
            Some(until) => Err(TenantError::CustomerClosed(until)),
            None => Ok(reseller_id),
        }
    }

    fn decide(&self, command: TenantCommand) -> Result<Vec<TenantEvent>, TenantError> {
        let event = match command {
            TenantCommand::Create { .. } if self.reseller_id.is_some() => {
                return Err(TenantError::CustomerAlreadyExists);
            }
            TenantCommand::Create {
                reseller_id,
                name,
                contact_email,
            } => TenantEvent::TenantCreated {
                reseller_id,
                name: checked_name(&name)?,
                contact_email,
            },
            TenantCommand::EditProfile {
                name,
                contact_email,
                expected_version,
            } => return self.edited(name.as_deref(), contact_email, expected_version),
            TenantCommand::Suspend { reason } => {
                self.ensure_active()?;
                TenantEvent::TenantSuspended {
                    reason: checked_reason(&reason)?,
                }
            }
            TenantCommand::Resume { reason } => {
                self.ensure_open()?;
                if !self.suspended {
                    return Err(TenantError::CustomerNotSuspended);
                }
                TenantEvent::TenantResumed {
                    reason: checked_reason(&reason)?,
                }
            }
            TenantCommand::Close { reason, at } => {
                self.ensure_open()?;
                TenantEvent::TenantClosed {
                    reason: checked_reason(&reason)?,
                    // No clock comes near the end of time.
                    reopen_until: at.checked_add_days(Days::new(REOPEN_DAYS)).unwrap_or(at),
                }
            }
            TenantCommand::Reopen { reason, at } => self.reopened(&reason, at)?,
            TenantCommand::Move { to, reason } => {
                let from = self.ensure_open()?;
                if from == to {
                    return Err(TenantError::CustomerAlreadyThere);
                }
                // Who took it over would have to answer for what the other one decided.
                self.ensure_active()?;
                TenantEvent::TenantMoved {
                    from,
                    to,
                    reason: checked_reason(&reason)?,
                }
            }
        };
        Ok(vec![event])
    }

    fn edited(
        &self,
        name: Option<&str>,
        contact_email: Option<Sealed>,
        expected_version: Option<u64>,
    ) -> Result<Vec<TenantEvent>, TenantError> {
        self.ensure_open()?;
        self.versions
            .ensure(expected_version)
            .map_err(TenantError::VersionConflict)?;
        let known = self.contact_email.clone().ok_or(TenantError::CustomerNotFound)?;
        let name = checked_name(name.unwrap_or(&self.name))?;
        let contact_email = contact_email.unwrap_or_else(|| known.clone());
        if name == self.name && contact_email == known {
            return Ok(Vec::new());
        }
        Ok(vec![TenantEvent::TenantProfileChanged { name, contact_email }])
    }

    fn reopened(&self, reason: &str, at: DateTime<Utc>) -> Result<TenantEvent, TenantError> {
        if self.reseller_id.is_none() {
            return Err(TenantError::CustomerNotFound);
        }
        match self.reopen_until {
            None => Err(TenantError::CustomerNotClosed),
            Some(until) if at >= until => Err(TenantError::ReopenPeriodOver(until)),
            Some(_) => Ok(TenantEvent::TenantReopened {
                reason: checked_reason(reason)?,
            }),
        }
    }

    fn evolve(&mut self, event: TenantEvent) {
        let changed: &[&str] = match event {
            TenantEvent::TenantCreated {
                reseller_id,
                name,
                contact_email,
            } => {
                self.reseller_id = Some(reseller_id);
                self.name = name;
                self.contact_email = Some(contact_email);
                &["name", "contactEmail", "reseller"]
            }
            TenantEvent::TenantSuspended { .. } => {
                self.suspended = true;
                &["status"]
            }
            TenantEvent::TenantResumed { .. } => {
                self.suspended = false;
                &["status"]
            }
            TenantEvent::TenantProfileChanged { name, contact_email } => {
                let renamed = self.name != name;
                let redirected = self.contact_email.as_ref() != Some(&contact_email);
                self.name = name;
                self.contact_email = Some(contact_email);
                match (renamed, redirected) {
                    (true, true) => &["name", "contactEmail"],
                    (true, false) => &["name"],
                    (false, true) => &["contactEmail"],
                    (false, false) => &[],
                }
            }
            TenantEvent::TenantClosed { reopen_until, .. } => {
                self.reopen_until = Some(reopen_until);
                &["status"]
            }
            TenantEvent::TenantReopened { .. } => {
                self.reopen_until = None;
                &["status"]
            }
            TenantEvent::TenantMoved { to, .. } => {
                self.reseller_id = Some(to);
                &["reseller"]
            }
        };
        self.versions.next(changed);
    }
}

fn checked_name(name: &str) -> Result<String, TenantError> {
    text::checked(name, NAME_CHARS_MAX).ok_or(TenantError::InvalidName)
}

fn checked_reason(reason: &str) -> Result<String, TenantError> {
    text::checked(reason, NOTE_CHARS_MAX).ok_or(TenantError::InvalidReason)
}

#[cfg(test)]
mod tests;
