//! What contracts refuse, and what is told about it.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{FEE_MINOR_MAX, PRODUCTS_MAX, STEPS_MAX, VERSIONS_MAX};
use crate::commission::InvalidRate;
use crate::period::Period;
use crate::refusal::{Facts, Refusal, RefusalKind};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ContractError {
    #[error("{0}")]
    InvalidRate(InvalidRate),
    #[error("a contract ends after it begins: {} is not after {}", told(.to), told(.from))]
    ContractEndsBeforeBegin { from: DateTime<Utc>, to: DateTime<Utc> },
    #[error(
        "from {} to {} there would be no contract of this kind: begin where version {version} ends", told(.from), told(.to)
    )]
    ContractGap {
        version: u32,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    },
    #[error(
        "from {} to {} version {version} is in force: begin where it ends, or later than it begins", told(.from),
        .to.as_ref().map_or_else(|| "no end".to_owned(), told)
    )]
    ContractOverlap {
        version: u32,
        from: DateTime<Utc>,
        to: Option<DateTime<Utc>>,
    },
    #[error(
        "steps begin at more and more sales, each above 0, and there are at most {STEPS_MAX}: sort them by fromMinor"
    )]
    InvalidSteps,
    #[error("a contract names at most {PRODUCTS_MAX} products, each with 1 to 100 characters and only once")]
    InvalidProducts,
    #[error("{0:?} would be sold wholesale and shared at the same time: take it out of one of the contracts")]
    ProductUnderBoth(String),
    #[error("a fee or minimum lies between 0 and {FEE_MINOR_MAX} minor units")]
    InvalidFee,
    #[error("a currency has three capital letters, for example EUR")]
    InvalidCurrency,
    #[error("there is no contract of this kind that could end: agree on one first")]
    ContractNotFound,
    #[error("the contract has ended at {} already: an end is not moved", told(.0))]
    ContractEnded(DateTime<Utc>),
    #[error("a reseller has at most {VERSIONS_MAX} versions of its contracts")]
    TooManyVersions,
    #[error("{month} is not over: its fees can be charged from {} on", told(&.month.end()))]
    MonthNotOver { month: Period },
    #[error("no wholesale contract is in force at the end of {month}: there are no fees to charge")]
    NoFees { month: Period },
    #[error("the month's sales add up to more than 2^63 minor units")]
    VolumeOverflow,
}

fn told(instant: &DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl Refusal for ContractError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::InvalidRate(_)
            | Self::ContractEndsBeforeBegin { .. }
            | Self::InvalidSteps
            | Self::InvalidProducts
            | Self::InvalidFee
            | Self::InvalidCurrency => RefusalKind::Invalid,
            Self::ContractNotFound => RefusalKind::NotFound,
            Self::ContractGap { .. }
            | Self::ContractOverlap { .. }
            | Self::ProductUnderBoth(_)
            | Self::ContractEnded(_)
            | Self::TooManyVersions
            | Self::MonthNotOver { .. }
            | Self::NoFees { .. }
            | Self::VolumeOverflow => RefusalKind::Conflict,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::ContractGap { from: begin, .. } | Self::ContractOverlap { to: Some(begin), .. } => Facts {
                allowed: vec![told(begin)],
                ..Facts::default()
            },
            Self::InvalidRate(_)
            | Self::ContractEndsBeforeBegin { .. }
            | Self::ContractOverlap { to: None, .. }
            | Self::InvalidSteps
            | Self::InvalidProducts
            | Self::ProductUnderBoth(_)
            | Self::InvalidFee
            | Self::InvalidCurrency
            | Self::ContractNotFound
            | Self::ContractEnded(_)
            | Self::TooManyVersions
            | Self::MonthNotOver { .. }
            | Self::NoFees { .. }
            | Self::VolumeOverflow => Facts::default(),
        }
    }
}
