//! Price lists: the credit packs on sale, in which currencies, and for how long at which price. One stream for
//! everybody, [`PRICE_LIST_ID`], and one for each reseller that has prices of its own, under its id.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::credit_account::CREDITS_PER_COMMAND_MAX;
use crate::credits::{Credits, Money};
use crate::es::aggregate;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::{self, NAME_CHARS_MAX};

pub const PRICE_LIST_ID: &str = "platform";
/// Most packs that a list can hold.
pub const PACKS_MAX: usize = 100;
/// Most prices that a pack can have, in all currencies, past ones too.
pub const PRICES_PER_PACK_MAX: usize = 200;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PriceList {
    /// The prices of each pack.
    packs: BTreeMap<String, Vec<Pack>>,
    /// Changes so far: the place of the last one in the stream.
    version: u64,
}

/// A number of credits at a price, from an instant up to, not including, another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    pub name: String,
    pub credits: Credits,
    pub price: Money,
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    pub retired: bool,
}

impl Pack {
    fn is_on_sale(&self, at: DateTime<Utc>) -> bool {
        !self.retired
            && self.valid_from.is_none_or(|from| from <= at)
            && self.valid_until.is_none_or(|until| at < until)
    }

    /// Minor units for one credit, to six decimals.
    pub fn per_credit(&self) -> Decimal {
        let price = Decimal::from(self.price.amount_minor);
        price
            .checked_div(Decimal::from(self.credits.0))
            .unwrap_or_default()
            .round_dp(6)
    }
}

#[derive(Clone, Debug)]
pub enum PriceListCommand {
    PublishPack {
        code: String,
        name: String,
        credits: Credits,
        price: Money,
        /// At once where it is left out.
        valid_from: Option<DateTime<Utc>>,
        valid_until: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    },
    RetirePack {
        code: String,
        /// In one currency; in all of them where it is left out.
        currency: Option<String>,
    },
}

/// Facts about the price list. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum PriceListEvent {
    /// A new pack, or new terms of one that is known. Of two prices in one currency the one holds that begins last.
    PackPublished {
        code: String,
        name: String,
        credits: Credits,
        price: Money,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_from: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_until: Option<DateTime<Utc>>,
        /// Whether the pack's other prices stay. Those of before there were several did not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keeps_others: bool,
    },
    PackRetired {
        code: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PriceListError {
    #[error("there is no pack {code:?} on sale: {}", text::choice(on_sale))]
    PackNotFound { code: String, on_sale: Vec<String> },
    #[error(
        "the pack {code:?} is sold in several currencies: name one of {}",
        text::choice(currencies)
    )]
    CurrencyNeeded { code: String, currencies: Vec<String> },
    #[error("a price holds from now or later on, and ends after it begins")]
    InvalidValidity,
    #[error("a pack has at most {PRICES_PER_PACK_MAX} prices, past ones too: publish it under another code")]
    TooManyPrices,
    #[error("a pack's code has 1 to 40 lower-case letters, digits or hyphens, for example starter")]
    InvalidPackCode,
    #[error("a name has 1 to {NAME_CHARS_MAX} characters: shorten it or type one in")]
    InvalidName,
    #[error("a pack holds 1 to {CREDITS_PER_COMMAND_MAX} credits")]
    InvalidCredits,
    #[error("a price is a whole number of minor units, 0 or more, and a currency of three capital letters")]
    InvalidPrice,
    #[error("a price list holds at most {PACKS_MAX} packs, retired ones too: give one of them new terms")]
    TooManyPacks,
}

impl Refusal for PriceListError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::PackNotFound { .. } => RefusalKind::NotFound,
            Self::TooManyPacks | Self::TooManyPrices => RefusalKind::Conflict,
            Self::CurrencyNeeded { .. }
            | Self::InvalidPackCode
            | Self::InvalidName
            | Self::InvalidCredits
            | Self::InvalidPrice
            | Self::InvalidValidity => RefusalKind::Invalid,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::PackNotFound { on_sale: allowed, .. }
            | Self::CurrencyNeeded {
                currencies: allowed, ..
            } => Facts {
                allowed: allowed.clone(),
                ..Facts::default()
            },
            Self::TooManyPacks
            | Self::TooManyPrices
            | Self::InvalidValidity
            | Self::InvalidPackCode
            | Self::InvalidName
            | Self::InvalidCredits
            | Self::InvalidPrice => Facts::default(),
        }
    }
}

aggregate!(
    PriceList,
    "price_list",
    PriceListCommand,
    PriceListEvent,
    PriceListError
);

impl PriceListEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::PackPublished { .. } | Self::PackRetired { .. } => "1",
        }
    }
}

impl PriceList {
    /// Each change of the list makes a new one.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The pack on sale under this code at `at`, in a currency where it is sold in several.
    ///
    /// # Errors
    /// None is, or the currency is not clear; the error names the choice.
    pub fn on_sale(
        &self,
        code: &str,
        currency: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<&Pack, PriceListError> {
        let offered = self.packs.get(code).into_iter().flatten();
        let wanted = |pack: &&Pack| currency.is_none_or(|currency| pack.price.currency == currency);
        let offered: Vec<&Pack> = offered
            .filter(|pack| pack.is_on_sale(at))
            .filter(wanted)
            .collect();
        let currencies: BTreeSet<&str> = offered.iter().map(|pack| pack.price.currency.as_str()).collect();
        if currencies.len() > 1 {
            return Err(PriceListError::CurrencyNeeded {
                code: code.to_owned(),
                currencies: currencies.into_iter().map(str::to_owned).collect(),
            });
        }
        let holds = offered.into_iter().max_by_key(|pack| pack.valid_from);
        holds.ok_or_else(|| self.not_found(code, at))
    }

    fn not_found(&self, code: &str, at: DateTime<Utc>) -> PriceListError {
        let on_sale = self.packs.iter();
        let on_sale = on_sale.filter(|(_, prices)| prices.iter().any(|pack| pack.is_on_sale(at)));
        PriceListError::PackNotFound {
            code: code.to_owned(),
            on_sale: on_sale.map(|(code, _)| code.clone()).collect(),
        }
    }

    fn decide(&self, command: PriceListCommand) -> Result<Vec<PriceListEvent>, PriceListError> {
        match command {
            PriceListCommand::PublishPack {
                code,
                name,
                credits,
                price,
                valid_from,
                valid_until,
                at,
            } => {
                let pack = Pack {
                    name,
                    credits,
                    price,
                    valid_from,
                    valid_until,
                    retired: false,
                };
                self.publish(code, pack, at)
            }
            PriceListCommand::RetirePack { code, currency } => {
                let known = self.packs.get(&code).into_iter().flatten();
                let concerned = |pack: &&Pack| is_in(pack, currency.as_deref()) && !pack.retired;
                if known.filter(concerned).count() == 0 {
                    return Err(self.unknown(&code));
                }
                Ok(vec![PriceListEvent::PackRetired { code, currency }])
            }
        }
    }

    /// As [`Self::not_found`], where no instant decides: a price to come can be retired, too.
    fn unknown(&self, code: &str) -> PriceListError {
        let listed = self.packs.iter();
        let listed = listed.filter(|(_, prices)| prices.iter().any(|pack| !pack.retired));
        PriceListError::PackNotFound {
            code: code.to_owned(),
            on_sale: listed.map(|(code, _)| code.clone()).collect(),
        }
    }

    fn publish(
        &self,
        code: String,
        mut pack: Pack,
        at: DateTime<Utc>,
    ) -> Result<Vec<PriceListEvent>, PriceListError> {
        checked(&code, &mut pack)?;
        if pack.valid_from.is_some_and(|from| from < at)
            || pack
                .valid_until
                .is_some_and(|until| until <= pack.valid_from.unwrap_or(at))
        {
            return Err(PriceListError::InvalidValidity);
        }
        let known = self.packs.get(&code).map_or(&[][..], Vec::as_slice);
        let mut beside = known
            .iter()
            .filter(|other| other.price.currency == pack.price.currency);
        // The first price of a pack has no beginning; what comes after it needs one to be told from it.
        if pack.valid_from.is_none() && beside.any(|other| other.valid_from.is_some()) {
            pack.valid_from = Some(at);
        }
        if known.contains(&pack) {
            return Ok(vec![]);
        }
        if known.is_empty() && self.packs.len() >= PACKS_MAX {
            return Err(PriceListError::TooManyPacks);
        }
        if known.iter().filter(|other| !replaces(&pack, other)).count() >= PRICES_PER_PACK_MAX {
            return Err(PriceListError::TooManyPrices);
        }
        Ok(vec![PriceListEvent::PackPublished {
            code,
            name: pack.name,
            credits: pack.credits,
            price: pack.price,
            valid_from: pack.valid_from,
            valid_until: pack.valid_until,
            keeps_others: true,
        }])
    }

    fn evolve(&mut self, event: PriceListEvent) {
        self.version += 1;
        match event {
            PriceListEvent::PackPublished {
                code,
                name,
                credits,
                price,
                valid_from,
                valid_until,
                keeps_others,
            } => {
                let pack = Pack {
                    name,
                    credits,
                    price,
                    valid_from,
                    valid_until,
                    retired: false,
                };
                let prices = self.packs.entry(code).or_default();
                prices.retain(|other| keeps_others && !replaces(&pack, other));
                prices.push(pack);
            }
            PriceListEvent::PackRetired { code, currency } => {
                let prices = self.packs.get_mut(&code).into_iter().flatten();
                for pack in prices.filter(|pack| is_in(pack, currency.as_deref())) {
                    pack.retired = true;
                }
            }
        }
    }
}

fn is_in(pack: &Pack, currency: Option<&str>) -> bool {
    currency.is_none_or(|currency| pack.price.currency == currency)
}

/// Whether a price takes the place of another one: the same currency, the same beginning.
fn replaces(pack: &Pack, other: &Pack) -> bool {
    pack.price.currency == other.price.currency && pack.valid_from == other.valid_from
}

fn checked(code: &str, pack: &mut Pack) -> Result<(), PriceListError> {
    if !text::is_code(code, 40) {
        return Err(PriceListError::InvalidPackCode);
    }
    pack.name = text::checked(&pack.name, NAME_CHARS_MAX).ok_or(PriceListError::InvalidName)?;
    if !(1..=CREDITS_PER_COMMAND_MAX).contains(&pack.credits.0) {
        return Err(PriceListError::InvalidCredits);
    }
    if pack.price.amount_minor < 0 || !pack.price.has_valid_currency() {
        return Err(PriceListError::InvalidPrice);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
