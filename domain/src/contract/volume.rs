//! Which terms hold for a sale, and the sales of a month that a rate may depend on.

use chrono::{DateTime, Utc};

use super::{ContractError, ContractEvent, Contracts, FIRST_VERSION, RevenueShare, Terms, Wholesale};
use crate::commission::{Basis, Rate, VolumeStep};
use crate::period::Period;

/// A sale, as far as its terms depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub product: &'a str,
    pub currency: &'a str,
    pub sold_at: DateTime<Utc>,
    /// The rate that the reseller was registered with.
    pub first_rate: Rate,
}

/// What the contracts say of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    pub contract_version: u32,
    pub basis: Basis,
    pub rate: Rate,
    pub volume: Option<VolumeStep>,
    pub parent_share: Rate,
}

/// Name of a month's sales in a currency.
pub(super) fn key(month: Period, currency: &str) -> String {
    format!("{month} {currency}")
}

impl Contracts {
    /// The terms of a sale. `None` where no contract is in force, or where the product is sold wholesale.
    pub fn applied(&self, asked: Asked<'_>) -> Option<Applied> {
        let wholesale = self.wholesale_at(asked.sold_at);
        if wholesale.is_some_and(|(_, wholesale)| wholesale.products.iter().any(|name| name == asked.product))
        {
            return None;
        }
        let Some((contract_version, share)) = self.share_at(asked.sold_at) else {
            return self.is_first_at(asked.sold_at).then_some(Applied {
                contract_version: FIRST_VERSION,
                basis: Basis::Gross,
                rate: asked.first_rate,
                volume: None,
                parent_share: Rate::ZERO,
            });
        };
        let (basis, rate, by_volume) = share.of_product(asked.product);
        let (rate, volume) = if by_volume && share.currency == asked.currency {
            self.by_volume(share, asked)
        } else {
            (rate, None)
        };
        Some(Applied {
            contract_version,
            basis,
            rate,
            volume,
            parent_share: share.parent_share,
        })
    }

    /// What a reseller's parent gets of what comes to it from below, and the version that says so.
    pub fn passed_up(&self, at: DateTime<Utc>) -> (u32, Rate) {
        self.share_at(at)
            .map_or((FIRST_VERSION, Rate::ZERO), |(version, share)| {
                (version, share.parent_share)
            })
    }

    /// What has to be due in a currency before it is paid out.
    pub fn payout_minimum(&self, currency: &str, at: DateTime<Utc>) -> i64 {
        self.share_at(at)
            .filter(|(_, share)| share.currency == currency)
            .map_or(0, |(_, share)| share.payout_minimum_minor)
    }

    fn by_volume(&self, share: &RevenueShare, asked: Asked<'_>) -> (Rate, Option<VolumeStep>) {
        let month = Period::of(asked.sold_at);
        let reached_minor = self
            .sold
            .get(&key(month, asked.currency))
            .copied()
            .unwrap_or_default();
        let step = share.steps.iter().rfind(|step| step.from_minor <= reached_minor);
        let from_minor = step.map_or(0, |step| step.from_minor);
        let volume = VolumeStep {
            from_minor,
            reached_minor,
        };
        (step.map_or(share.rate, |step| step.rate), Some(volume))
    }

    pub(super) fn count(
        &self,
        month: Period,
        currency: String,
        change_minor: i64,
    ) -> Result<Vec<ContractEvent>, ContractError> {
        let before = self.sold.get(&key(month, &currency)).copied().unwrap_or_default();
        let volume_minor = before
            .checked_add(change_minor)
            .ok_or(ContractError::VolumeOverflow)?;
        Ok(vec![ContractEvent::SalesCounted {
            month,
            currency,
            change_minor,
            volume_minor,
        }])
    }

    pub(super) fn wholesale_at(&self, at: DateTime<Utc>) -> Option<(u32, &Wholesale)> {
        self.in_force(at).find_map(|(version, terms)| match terms {
            Terms::Wholesale(wholesale) => Some((version, wholesale)),
            Terms::RevenueShare(_) => None,
        })
    }

    fn share_at(&self, at: DateTime<Utc>) -> Option<(u32, &RevenueShare)> {
        self.in_force(at).find_map(|(version, terms)| match terms {
            Terms::RevenueShare(share) => Some((version, share)),
            Terms::Wholesale(_) => None,
        })
    }

    fn is_first_at(&self, at: DateTime<Utc>) -> bool {
        self.first_to.is_none_or(|to| at < to)
    }

    fn in_force(&self, at: DateTime<Utc>) -> impl Iterator<Item = (u32, &Terms)> {
        self.versions
            .iter()
            .filter(move |version| version.from <= at && version.to.is_none_or(|to| at < to))
            .map(|version| (version.version, &version.terms))
    }
}
