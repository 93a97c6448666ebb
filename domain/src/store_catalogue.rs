//! Which tier is sold under which product of a store. One stream, [`STORE_CATALOGUE_ID`].
//!
//! Versioned: a purchase gets what its product meant when it was bought. A product that gets its first meaning
//! later has it from the beginning, since somebody has paid for it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::refusal::{Refusal, RefusalKind};
use crate::text;
use crate::tier::Tier;

pub const STORE_CATALOGUE_ID: &str = "platform";
/// Longest name of a product, in characters.
pub const PRODUCT_CHARS_MAX: usize = 200;
/// Longest access that a product without an end of its own may give, in days.
pub const PRODUCT_DAYS_MAX: u32 = 3_650;
const PRODUCTS_MAX: usize = 2_000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StoreCatalogue {
    products: BTreeMap<String, Vec<Version>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    since: DateTime<Utc>,
    /// `None` from when it was retired.
    mapping: Option<Mapping>,
}

/// What a product gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    pub tier: Tier,
    /// How long it gives it, where the store names no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

#[derive(Clone, Debug)]
pub enum StoreCatalogueCommand {
    /// Mapping it as it is changes nothing.
    Map {
        product: String,
        mapping: Mapping,
        at: DateTime<Utc>,
    },
    /// Purchases from now on give nothing; earlier ones keep what they gave.
    Retire { product: String, at: DateTime<Utc> },
}

/// Facts about the catalogue. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum StoreCatalogueEvent {
    StoreProductMapped {
        product: String,
        /// Counted from 1 for each product.
        version: u32,
        #[serde(flatten)]
        mapping: Mapping,
        since: DateTime<Utc>,
    },
    StoreProductRetired {
        product: String,
        version: u32,
        since: DateTime<Utc>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum StoreCatalogueError {
    #[error("a product is called by 1 to {PRODUCT_CHARS_MAX} characters, as the store calls it")]
    InvalidProduct,
    #[error("a product without an end of its own gives 1 to {PRODUCT_DAYS_MAX} days")]
    InvalidProductDays,
    #[error("there is no such product, or it is retired")]
    ProductNotFound,
    #[error("there are {PRODUCTS_MAX} products, which is the most: are there some that nobody sells?")]
    TooManyProducts,
}

impl Refusal for StoreCatalogueError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::InvalidProduct | Self::InvalidProductDays => RefusalKind::Invalid,
            Self::ProductNotFound => RefusalKind::NotFound,
            Self::TooManyProducts => RefusalKind::Conflict,
        }
    }
}

aggregate!(
    StoreCatalogue,
    "store_catalogue",
    StoreCatalogueCommand,
    StoreCatalogueEvent,
    StoreCatalogueError
);

impl StoreCatalogueEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::StoreProductMapped { .. } | Self::StoreProductRetired { .. } => "1",
        }
    }
}

impl StoreCatalogue {
    /// What a product bought at `at` gives. Of `subscription:baseplan` the part before the colon counts where the
    /// whole has no meaning of its own.
    pub fn mapping(&self, product: &str, at: DateTime<Utc>) -> Option<&Mapping> {
        let base = product.split_once(':').map(|(base, _)| base);
        let versions = self.products.get(product).or_else(|| self.products.get(base?))?;
        let in_force = versions.iter().rev().find(|version| version.since <= at);
        in_force.or(versions.first())?.mapping.as_ref()
    }

    fn present(&self, product: &str) -> Option<&Mapping> {
        self.products.get(product)?.last()?.mapping.as_ref()
    }

    fn next_version(&self, product: &str) -> u32 {
        let versions = self.products.get(product).map_or(0, Vec::len);
        u32::try_from(versions).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn decide(
        &self,
        command: StoreCatalogueCommand,
    ) -> Result<Vec<StoreCatalogueEvent>, StoreCatalogueError> {
        match command {
            StoreCatalogueCommand::Map { product, mapping, at } => {
                let product =
                    text::checked(&product, PRODUCT_CHARS_MAX).ok_or(StoreCatalogueError::InvalidProduct)?;
                if mapping
                    .days
                    .is_some_and(|days| !(1..=PRODUCT_DAYS_MAX).contains(&days))
                {
                    return Err(StoreCatalogueError::InvalidProductDays);
                }
                if self.present(&product) == Some(&mapping) {
                    return Ok(vec![]);
                }
                if !self.products.contains_key(&product) && self.products.len() >= PRODUCTS_MAX {
                    return Err(StoreCatalogueError::TooManyProducts);
                }
                Ok(vec![StoreCatalogueEvent::StoreProductMapped {
                    version: self.next_version(&product),
                    product,
                    mapping,
                    since: at,
                }])
            }
            StoreCatalogueCommand::Retire { product, at } => {
                let product = product.trim().to_owned();
                self.present(&product)
                    .ok_or(StoreCatalogueError::ProductNotFound)?;
                Ok(vec![StoreCatalogueEvent::StoreProductRetired {
                    version: self.next_version(&product),
                    product,
                    since: at,
                }])
            }
        }
    }

    fn evolve(&mut self, event: StoreCatalogueEvent) {
        let (product, version) = match event {
            StoreCatalogueEvent::StoreProductMapped {
                product,
                mapping,
                since,
                ..
            } => (
                product,
                Version {
                    since,
                    mapping: Some(mapping),
                },
            ),
            StoreCatalogueEvent::StoreProductRetired { product, since, .. } => {
                (product, Version { since, mapping: None })
            }
        };
        self.products.entry(product).or_default().push(version);
    }
}

#[cfg(test)]
mod tests;
