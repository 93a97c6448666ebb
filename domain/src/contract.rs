//! A reseller's contracts with the platform: a share of sales to its customers, and the terms of buying wholesale.
//! Its stream carries the reseller's id.
//!
//! The versions of a kind follow one another without gap or overlap. Version 1, a share of the gross amount, is the
//! rate that the reseller was registered with; it is in no event of this stream.

mod refusals;
mod terms;
mod volume;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::commission::InvalidRate;
use crate::credits::Money;
use crate::es::aggregate;
use crate::period::Period;

pub use refusals::ContractError;
pub use terms::{
    ContractKind, FEE_MINOR_MAX, PRODUCTS_MAX, ProductShare, RevenueShare, STEPS_MAX, Step, Terms, Wholesale,
};
pub use volume::{Applied, Asked};

/// Most versions that a reseller's contracts can have.
pub const VERSIONS_MAX: usize = 1_000;
/// The version that a reseller's registration brings.
pub const FIRST_VERSION: u32 = 1;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Contracts {
    /// In the order in which they were agreed, without the first.
    versions: Vec<Version>,
    /// End of the first version.
    first_to: Option<DateTime<Utc>>,
    /// Sales of a month, by the month and their currency.
    sold: BTreeMap<String, i64>,
    charged: BTreeSet<String>,
}

/// Terms, from an instant up to, not including, another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub version: u32,
    pub from: DateTime<Utc>,
    /// `None` for as long as nothing else is agreed.
    pub to: Option<DateTime<Utc>>,
    pub terms: Terms,
}

#[derive(Clone, Debug)]
pub enum ContractCommand {
    /// New terms. Those of the same kind before them end where they have no end yet.
    Agree {
        from: DateTime<Utc>,
        to: Option<DateTime<Utc>>,
        terms: Terms,
    },
    /// The kind's last version ends.
    End { kind: ContractKind, to: DateTime<Utc> },
    /// A sale whose rate depends on the month's sales; negative for what came back.
    CountSale {
        month: Period,
        currency: String,
        change_minor: i64,
    },
    /// The wholesale contract's fees for a month. A charged month stays as it is.
    ChargeFees {
        month: Period,
        customers: u32,
        at: DateTime<Utc>,
    },
}

/// Facts about contracts. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum ContractEvent {
    /// The version before it of the same kind ends at `from` where it had no end.
    ContractAgreed(Version),
    ContractEnded {
        version: u32,
        to: DateTime<Utc>,
    },
    SalesCounted {
        month: Period,
        currency: String,
        change_minor: i64,
        /// Sales of the month with this one.
        volume_minor: i64,
    },
    FeesCharged {
        month: Period,
        contract_version: u32,
        customers: u32,
        monthly_fee_minor: i64,
        customer_fee_minor: i64,
        /// The monthly fee, and the fee of each customer.
        total: Money,
    },
}

impl From<InvalidRate> for ContractError {
    fn from(error: InvalidRate) -> Self {
        Self::InvalidRate(error)
    }
}

/// A rate as people write it.
///
/// # Errors
/// It is none.
pub fn rate(decimal: Decimal) -> Result<crate::commission::Rate, ContractError> {
    Ok(decimal.try_into()?)
}

aggregate!(
    Contracts,
    "contracts",
    ContractCommand,
    ContractEvent,
    ContractError
);

impl ContractEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::ContractAgreed(_)
            | Self::ContractEnded { .. }
            | Self::SalesCounted { .. }
            | Self::FeesCharged { .. } => "1",
        }
    }
}

/// The last version of a kind.
struct Last {
    version: u32,
    /// `None` for the first, which holds since ever.
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

impl Last {
    /// Neither a gap nor an overlap lies between it and what begins at `from`.
    fn ensure_followed_from(&self, from: DateTime<Utc>) -> Result<(), ContractError> {
        let version = self.version;
        match (self.from, self.to) {
            (_, Some(end)) if from > end => Err(ContractError::ContractGap {
                version,
                from: end,
                to: from,
            }),
            (begin, Some(end)) if from < end => Err(ContractError::ContractOverlap {
                version,
                from: begin.unwrap_or(DateTime::<Utc>::MIN_UTC),
                to: Some(end),
            }),
            (Some(begin), None) if from <= begin => Err(ContractError::ContractOverlap {
                version,
                from: begin,
                to: None,
            }),
            (_, Some(_) | None) => Ok(()),
        }
    }
}

impl Contracts {
    /// All versions but the first, in the order in which they were agreed.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    fn decide(&self, command: ContractCommand) -> Result<Vec<ContractEvent>, ContractError> {
        match command {
            ContractCommand::Agree { from, to, terms } => self.agree(from, to, terms),
            ContractCommand::End { kind, to } => self.end(kind, to),
            ContractCommand::CountSale {
                month,
                currency,
                change_minor,
            } => self.count(month, currency, change_minor),
            ContractCommand::ChargeFees { month, customers, at } => self.charge(month, customers, at),
        }
    }

    fn agree(
        &self,
        from: DateTime<Utc>,
        to: Option<DateTime<Utc>>,
        terms: Terms,
    ) -> Result<Vec<ContractEvent>, ContractError> {
        let terms = terms.checked()?;
        if let Some(to) = to.filter(|to| *to <= from) {
            return Err(ContractError::ContractEndsBeforeBegin { from, to });
        }
        if let Some(last) = self.last(terms.kind()) {
            last.ensure_followed_from(from)?;
        }
        self.not_under_both(from, to, &terms)?;
        if self.versions.len() >= VERSIONS_MAX {
            return Err(ContractError::TooManyVersions);
        }
        let version = u32::try_from(self.versions.len()).unwrap_or(u32::MAX) + FIRST_VERSION + 1;
        Ok(vec![ContractEvent::ContractAgreed(Version {
            version,
            from,
            to,
            terms,
        })])
    }

    /// A product that is sold wholesale has no share of its own at the same time.
    fn not_under_both(
        &self,
        from: DateTime<Utc>,
        to: Option<DateTime<Utc>>,
        terms: &Terms,
    ) -> Result<(), ContractError> {
        let meets = |other: &Version| {
            to.is_none_or(|to| other.from < to) && other.to.is_none_or(|other_to| from < other_to)
        };
        let named = terms.products();
        self.versions
            .iter()
            .filter(|other| other.terms.kind() != terms.kind() && meets(other))
            .find_map(|other| {
                named
                    .iter()
                    .find(|product| other.terms.products().contains(product))
            })
            .map_or(Ok(()), |product| {
                Err(ContractError::ProductUnderBoth((*product).to_owned()))
            })
    }

    fn end(&self, kind: ContractKind, to: DateTime<Utc>) -> Result<Vec<ContractEvent>, ContractError> {
        let last = self.last(kind).ok_or(ContractError::ContractNotFound)?;
        match (last.from, last.to) {
            (_, Some(end)) if end == to => Ok(vec![]),
            (_, Some(end)) => Err(ContractError::ContractEnded(end)),
            (Some(from), None) if to <= from => Err(ContractError::ContractEndsBeforeBegin { from, to }),
            (_, None) => Ok(vec![ContractEvent::ContractEnded {
                version: last.version,
                to,
            }]),
        }
    }

    fn charge(
        &self,
        month: Period,
        customers: u32,
        at: DateTime<Utc>,
    ) -> Result<Vec<ContractEvent>, ContractError> {
        if self.charged.contains(&month.to_string()) {
            return Ok(vec![]);
        }
        if month.end() > at {
            return Err(ContractError::MonthNotOver { month });
        }
        // The terms of the month's last instant are those of the month.
        let last_instant = month.end() - chrono::TimeDelta::microseconds(1);
        let (version, wholesale) = self
            .wholesale_at(last_instant)
            .ok_or(ContractError::NoFees { month })?;
        let of_customers = wholesale.customer_fee_minor.saturating_mul(customers.into());
        let total = Money {
            amount_minor: wholesale.monthly_fee_minor.saturating_add(of_customers),
            currency: wholesale.currency.clone(),
        };
        if total.amount_minor == 0 {
            return Err(ContractError::NoFees { month });
        }
        Ok(vec![ContractEvent::FeesCharged {
            month,
            contract_version: version,
            customers,
            monthly_fee_minor: wholesale.monthly_fee_minor,
            customer_fee_minor: wholesale.customer_fee_minor,
            total,
        }])
    }

    fn last(&self, kind: ContractKind) -> Option<Last> {
        let agreed = self.versions.iter().rfind(|version| version.terms.kind() == kind);
        match (agreed, kind) {
            (Some(version), _) => Some(Last {
                version: version.version,
                from: Some(version.from),
                to: version.to,
            }),
            (None, ContractKind::RevenueShare) => Some(Last {
                version: FIRST_VERSION,
                from: None,
                to: self.first_to,
            }),
            (None, ContractKind::Wholesale) => None,
        }
    }

    fn evolve(&mut self, event: ContractEvent) {
        match event {
            ContractEvent::ContractAgreed(version) => {
                if let Some(last) = self.last(version.terms.kind()).filter(|last| last.to.is_none()) {
                    self.set_end(last.version, version.from);
                }
                self.versions.push(version);
            }
            ContractEvent::ContractEnded { version, to } => self.set_end(version, to),
            ContractEvent::SalesCounted {
                month,
                currency,
                volume_minor,
                ..
            } => {
                self.sold.insert(volume::key(month, &currency), volume_minor);
            }
            ContractEvent::FeesCharged { month, .. } => {
                self.charged.insert(month.to_string());
            }
        }
    }

    fn set_end(&mut self, version: u32, to: DateTime<Utc>) {
        if version == FIRST_VERSION {
            self.first_to = Some(to);
        } else if let Some(known) = self.versions.iter_mut().find(|known| known.version == version) {
            known.to = Some(to);
        }
    }
}

#[cfg(test)]
mod tests;
