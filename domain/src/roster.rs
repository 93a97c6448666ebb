//! A roster: how many open customers a reseller has, from the day on which somebody limits them. Its stream carries
//! the reseller's id.
//!
//! A stream of its own, so that counting a customer does not change the reseller that every command looks at.

use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::TenantId;
use crate::refusal::{Facts, Refusal, RefusalKind};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Roster {
    /// `None` while nobody counts.
    customers: Option<u64>,
}

#[derive(Clone, Debug)]
pub enum RosterCommand {
    /// Begins to count.
    Open {
        customers: u64,
    },
    Admit {
        tenant_id: TenantId,
        /// What the reseller's parent allows.
        customers_max: Option<u32>,
    },
    Release {
        tenant_id: TenantId,
    },
}

/// Facts about a roster. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum RosterEvent {
    RosterOpened { customers: u64 },
    CustomerAdmitted { tenant_id: TenantId },
    CustomerReleased { tenant_id: TenantId },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum RosterError {
    #[error(
        "the reseller may have {max} customers and has {present}: close one, or ask for a higher limit above it"
    )]
    CustomerLimitReached { max: u32, present: u64 },
    #[error("the reseller has {present} open customers: close them, or move them to another reseller")]
    HasCustomers { present: u64 },
}

impl Refusal for RosterError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::CustomerLimitReached { .. } | Self::HasCustomers { .. } => RefusalKind::Conflict,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::CustomerLimitReached { max, present } => Facts {
                needed: i64::try_from(present.saturating_add(1)).ok(),
                available: Some(i64::from(*max)),
                ..Facts::default()
            },
            Self::HasCustomers { present } => Facts {
                needed: Some(0),
                available: i64::try_from(*present).ok(),
                ..Facts::default()
            },
        }
    }
}

aggregate!(Roster, "roster", RosterCommand, RosterEvent, RosterError);

impl RosterEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::RosterOpened { .. } | Self::CustomerAdmitted { .. } | Self::CustomerReleased { .. } => "1",
        }
    }
}

impl Roster {
    /// Whether nobody is left, as far as it is counted.
    ///
    /// # Errors
    /// Somebody is.
    pub fn ensure_empty(&self) -> Result<(), RosterError> {
        match self.customers {
            None | Some(0) => Ok(()),
            Some(present) => Err(RosterError::HasCustomers { present }),
        }
    }

    pub fn is_open(&self) -> bool {
        self.customers.is_some()
    }

    fn decide(&self, command: RosterCommand) -> Result<Vec<RosterEvent>, RosterError> {
        match (command, self.customers) {
            (RosterCommand::Open { customers }, None) => Ok(vec![RosterEvent::RosterOpened { customers }]),
            // Who counts already goes on; whom nobody counts needs no word.
            (RosterCommand::Open { .. }, Some(_))
            | (RosterCommand::Admit { .. } | RosterCommand::Release { .. }, None) => Ok(Vec::new()),
            (
                RosterCommand::Admit {
                    tenant_id,
                    customers_max,
                },
                Some(present),
            ) => match customers_max {
                Some(max) if present >= u64::from(max) => {
                    Err(RosterError::CustomerLimitReached { max, present })
                }
                Some(_) | None => Ok(vec![RosterEvent::CustomerAdmitted { tenant_id }]),
            },
            (RosterCommand::Release { tenant_id }, Some(_)) => {
                Ok(vec![RosterEvent::CustomerReleased { tenant_id }])
            }
        }
    }

    fn evolve(&mut self, event: RosterEvent) {
        self.customers = match (event, self.customers) {
            (RosterEvent::RosterOpened { customers }, _) => Some(customers),
            (RosterEvent::CustomerAdmitted { .. }, present) => present.map(|count| count.saturating_add(1)),
            (RosterEvent::CustomerReleased { .. }, present) => present.map(|count| count.saturating_sub(1)),
        };
    }
}

#[cfg(test)]
mod tests;
