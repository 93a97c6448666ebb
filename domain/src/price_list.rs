//! The platform's price list: the credit packs on sale. One stream, [`PRICE_LIST_ID`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::credit_account::CREDITS_PER_COMMAND_MAX;
use crate::credits::{Credits, Money};
use crate::es::aggregate;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::{self, NAME_CHARS_MAX};

pub const PRICE_LIST_ID: &str = "platform";
/// Most packs that the list can hold.
pub const PACKS_MAX: usize = 100;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PriceList {
    packs: BTreeMap<String, Pack>,
}

/// A number of credits at a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    pub name: String,
    pub credits: Credits,
    pub price: Money,
    pub retired: bool,
}

#[derive(Clone, Debug)]
pub enum PriceListCommand {
    PublishPack {
        code: String,
        name: String,
        credits: Credits,
        price: Money,
    },
    RetirePack {
        code: String,
    },
}

/// Facts about the price list. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum PriceListEvent {
    /// A new pack, or new terms of one that is known.
    PackPublished {
        code: String,
        name: String,
        credits: Credits,
        price: Money,
    },
    PackRetired {
        code: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PriceListError {
    #[error("there is no pack {code:?} on sale: {}", text::choice(on_sale))]
    PackNotFound { code: String, on_sale: Vec<String> },
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
            Self::TooManyPacks => RefusalKind::Conflict,
            Self::InvalidPackCode | Self::InvalidName | Self::InvalidCredits | Self::InvalidPrice => {
                RefusalKind::Invalid
            }
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::PackNotFound { on_sale, .. } => Facts {
                allowed: on_sale.clone(),
                ..Facts::default()
            },
            Self::TooManyPacks
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
    /// The pack on sale under this code.
    ///
    /// # Errors
    /// None is; the error names those that are.
    pub fn on_sale(&self, code: &str) -> Result<&Pack, PriceListError> {
        self.packs
            .get(code)
            .filter(|pack| !pack.retired)
            .ok_or_else(|| PriceListError::PackNotFound {
                code: code.to_owned(),
                on_sale: self
                    .packs
                    .iter()
                    .filter(|(_, pack)| !pack.retired)
                    .map(|(code, _)| code.clone())
                    .collect(),
            })
    }

    fn decide(&self, command: PriceListCommand) -> Result<Vec<PriceListEvent>, PriceListError> {
        match command {
            PriceListCommand::PublishPack {
                code,
                name,
                credits,
                price,
            } => self.publish(code, &name, credits, price),
            PriceListCommand::RetirePack { code } => {
                self.on_sale(&code)?;
                Ok(vec![PriceListEvent::PackRetired { code }])
            }
        }
    }

    fn publish(
        &self,
        code: String,
        name: &str,
        credits: Credits,
        price: Money,
    ) -> Result<Vec<PriceListEvent>, PriceListError> {
        let code_fits = (1..=40).contains(&code.len())
            && code
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !code_fits {
            return Err(PriceListError::InvalidPackCode);
        }
        let name = text::checked(name, NAME_CHARS_MAX).ok_or(PriceListError::InvalidName)?;
        if !(1..=CREDITS_PER_COMMAND_MAX).contains(&credits.0) {
            return Err(PriceListError::InvalidCredits);
        }
        let currency_fits =
            price.currency.len() == 3 && price.currency.bytes().all(|b| b.is_ascii_uppercase());
        if price.amount_minor < 0 || !currency_fits {
            return Err(PriceListError::InvalidPrice);
        }
        let same = Pack {
            name: name.clone(),
            credits,
            price: price.clone(),
            retired: false,
        };
        match self.packs.get(&code) {
            Some(known) if *known == same => Ok(vec![]),
            None if self.packs.len() >= PACKS_MAX => Err(PriceListError::TooManyPacks),
            Some(_) | None => Ok(vec![PriceListEvent::PackPublished {
                code,
                name,
                credits,
                price,
            }]),
        }
    }

    fn evolve(&mut self, event: PriceListEvent) {
        match event {
            PriceListEvent::PackPublished {
                code,
                name,
                credits,
                price,
            } => {
                self.packs.insert(
                    code,
                    Pack {
                        name,
                        credits,
                        price,
                        retired: false,
                    },
                );
            }
            PriceListEvent::PackRetired { code } => {
                if let Some(pack) = self.packs.get_mut(&code) {
                    pack.retired = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
