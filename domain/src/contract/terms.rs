//! What a version of a contract says.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ContractError;
use crate::commission::{Basis, Rate};
use crate::credits::is_currency;
use crate::sale::PRODUCT_CHARS_MAX;
use crate::text;

/// Largest fee or minimum, in minor units.
pub const FEE_MINOR_MAX: i64 = 1_000_000_000;
/// Most products that a version may name.
pub const PRODUCTS_MAX: usize = 100;
/// Most steps of a rate.
pub const STEPS_MAX: usize = 20;

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ContractKind {
    /// The platform owes the reseller a share of what its customers pay.
    RevenueShare,
    /// The reseller buys credits, and may owe fees.
    Wholesale,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Terms {
    RevenueShare(RevenueShare),
    Wholesale(Wholesale),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevenueShare {
    pub basis: Basis,
    pub rate: Rate,
    /// Higher or lower rates from more sales of a month on, the smallest first.
    pub steps: Vec<Step>,
    /// What holds for single products instead, whatever the month's sales.
    pub products: Vec<ProductShare>,
    /// What of the reseller's share goes on to its parent.
    pub parent_share: Rate,
    /// What has to be due before it is paid out, in `currency`.
    pub payout_minimum_minor: i64,
    /// Of steps and minimum. Sales in other currencies earn the plain rate.
    pub currency: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Sales of the month, before the one in question, from which the rate applies.
    pub from_minor: i64,
    pub rate: Rate,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductShare {
    pub product: String,
    pub basis: Basis,
    pub rate: Rate,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wholesale {
    /// Products that earn no share, because the reseller buys them.
    pub products: Vec<String>,
    pub monthly_fee_minor: i64,
    /// For each customer that had access in the month.
    pub customer_fee_minor: i64,
    pub currency: String,
}

impl Terms {
    pub fn kind(&self) -> ContractKind {
        match self {
            Self::RevenueShare(_) => ContractKind::RevenueShare,
            Self::Wholesale(_) => ContractKind::Wholesale,
        }
    }

    /// The products that it names.
    pub(super) fn products(&self) -> Vec<&str> {
        match self {
            Self::RevenueShare(share) => share
                .products
                .iter()
                .map(|named| named.product.as_str())
                .collect(),
            Self::Wholesale(wholesale) => wholesale.products.iter().map(String::as_str).collect(),
        }
    }

    pub(super) fn checked(self) -> Result<Self, ContractError> {
        match self {
            Self::RevenueShare(share) => share.checked().map(Self::RevenueShare),
            Self::Wholesale(wholesale) => wholesale.checked().map(Self::Wholesale),
        }
    }
}

impl RevenueShare {
    fn checked(self) -> Result<Self, ContractError> {
        checked_currency(&self.currency)?;
        checked_fee(self.payout_minimum_minor)?;
        let froms: Vec<i64> = self.steps.iter().map(|step| step.from_minor).collect();
        let rising = froms.iter().is_sorted_by(|one, next| one < next);
        if froms.len() > STEPS_MAX || !rising || froms.first().is_some_and(|first| *first < 1) {
            return Err(ContractError::InvalidSteps);
        }
        let products = self
            .products
            .into_iter()
            .map(|named| {
                let product = text::checked(&named.product, PRODUCT_CHARS_MAX);
                product.map(|product| ProductShare { product, ..named })
            })
            .collect::<Option<Vec<_>>>()
            .ok_or(ContractError::InvalidProducts)?;
        each_once(products.iter().map(|named| named.product.as_str()))?;
        Ok(Self { products, ..self })
    }

    /// Basis and rate of a product, and whether the rate follows from the month's sales.
    pub(super) fn of_product(&self, product: &str) -> (Basis, Rate, bool) {
        let named = self.products.iter().find(|named| named.product == product);
        named.map_or((self.basis, self.rate, !self.steps.is_empty()), |named| {
            (named.basis, named.rate, false)
        })
    }
}

impl Wholesale {
    fn checked(self) -> Result<Self, ContractError> {
        checked_currency(&self.currency)?;
        checked_fee(self.monthly_fee_minor)?;
        checked_fee(self.customer_fee_minor)?;
        let products = self
            .products
            .iter()
            .map(|product| text::checked(product, PRODUCT_CHARS_MAX))
            .collect::<Option<Vec<_>>>()
            .ok_or(ContractError::InvalidProducts)?;
        each_once(products.iter().map(String::as_str))?;
        Ok(Self { products, ..self })
    }
}

fn checked_currency(currency: &str) -> Result<(), ContractError> {
    if is_currency(currency) {
        Ok(())
    } else {
        Err(ContractError::InvalidCurrency)
    }
}

fn checked_fee(amount_minor: i64) -> Result<(), ContractError> {
    if (0..=FEE_MINOR_MAX).contains(&amount_minor) {
        Ok(())
    } else {
        Err(ContractError::InvalidFee)
    }
}

fn each_once<'a>(products: impl Iterator<Item = &'a str>) -> Result<(), ContractError> {
    let mut seen = BTreeSet::new();
    for product in products {
        if !seen.insert(product) || seen.len() > PRODUCTS_MAX {
            return Err(ContractError::InvalidProducts);
        }
    }
    Ok(())
}
