//! What a store says of a customer and of all who ever shared purchases with them: a set of facts, and the grants
//! and sales that follow from it.
//!
//! Facts come late, repeated and in any order. What follows is therefore folded from the whole set each time
//! ([`view`]), and only the difference to what was granted before is an event.

mod chain;
pub mod compare;
mod customers;
mod fact;
mod holdings;
mod links;
mod sales;
mod view;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::{GrantId, ResellerId, StoreAccountId, TenantId};
use crate::refusal::{Refusal, RefusalKind};
use crate::store_catalogue::StoreCatalogue;
use crate::subscription::GrantSource;
use crate::tier::Tier;

pub use fact::{Bought, Charge, FactKind, StoreFact};
pub use holdings::Holdings;
pub use links::{Link, Links};
pub use sales::{StoreSale, StoreSaleKind};

/// Most facts of one account. A daily renewal fills it in a lifetime; a runaway sender is stopped.
pub const FACTS_MAX: usize = 20_000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StoreAccount {
    held: Holdings,
    /// Differences that were told and not repaired: they are told once.
    #[serde(default)]
    reported: Vec<Drift>,
    closed_into: Option<StoreAccountId>,
}

/// Access that follows from what a store says. Empty where it was taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreGrant {
    pub grant_id: GrantId,
    pub tenant_id: TenantId,
    pub tier: Tier,
    pub source: GrantSource,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

/// What a fact has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseller_id: Option<ResellerId>,
    /// Why it waits, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}

/// Why a fact has no consequences yet.
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
    strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Hold {
    /// No tenant has one of its ids: link one.
    UnknownCustomer,
    /// No tier is sold under its product: map it.
    UnknownProduct,
    /// The store names no end, and the product no number of days.
    ProductWithoutDays,
    /// It does not say which purchase it is about.
    NoTransaction,
    /// It gives back what no sale has brought in, or more than that.
    MoneyFitsNoSale,
    /// It is of a test environment, which does not count here.
    Sandbox,
    /// This program does not know its type: replay it with one that does.
    UnknownType,
}

/// A fact and what it has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub event_id: String,
    #[serde(flatten)]
    pub settlement: Settlement,
}

/// A difference between what the facts say and what the store answers when it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    pub cause: DriftCause,
    pub product: String,
    pub transaction: String,
    /// What the facts say.
    pub expected: String,
    /// What the store says.
    pub found: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseller_id: Option<ResellerId>,
}

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
    strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DriftCause {
    /// The store knows of a purchase that no event told of.
    PurchaseMissed,
    /// The dates of a purchase differ.
    DatesDiffer,
    /// A refund that no event told of, or one that the store does not know.
    RefundDiffers,
    /// The store does not know of a purchase that an event told of.
    PurchaseUnknown,
}

/// What decisions need to know besides the account.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub catalogue: StoreCatalogue,
    /// Whose customers the tenants are that the account is linked to.
    pub homes: BTreeMap<TenantId, ResellerId>,
    /// Whether purchases in a test environment are taken for real.
    pub sandbox_counts: bool,
}

#[derive(Clone, Debug)]
pub enum StoreAccountCommand {
    /// Takes a fact, with the ids in it that are tenants' own. Taking it again changes nothing, unless this
    /// program understands what an earlier one did not.
    Take {
        fact: Box<StoreFact>,
        links: Vec<Link>,
        known: Known,
    },
    /// Somebody says whose an id is.
    Link { link: Link, known: Known },
    /// Looks again at what waits, for a catalogue or a setting that has changed.
    Reassess { known: Known },
    /// Takes over what other accounts hold: they have turned out to be of the same customers.
    Adopt {
        from: Vec<StoreAccountId>,
        held: Vec<Holdings>,
    },
    /// What it holds has gone over to another account.
    Close { into: StoreAccountId },
    /// Records what a look-up found, with the facts that repair it.
    Compare {
        found: Vec<Drift>,
        repairs: Vec<StoreFact>,
        known: Known,
    },
}

/// Facts about a store account. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum StoreAccountEvent {
    StoreEventTaken {
        fact: StoreFact,
    },
    StoreUserLinked(Link),
    StoreEventsSettled {
        changes: Vec<Settled>,
    },
    StoreAccessChanged {
        grants: Vec<StoreGrant>,
    },
    StoreTransactionRecorded(StoreSale),
    StoreDriftFound {
        found: Vec<Drift>,
        repaired: bool,
    },
    StoreAccountsMerged {
        from: Vec<StoreAccountId>,
        held: Box<Holdings>,
    },
    StoreAccountClosed {
        into: StoreAccountId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum StoreAccountError {
    #[error("this store account has become part of {0}: use that one")]
    StoreAccountClosed(StoreAccountId),
    #[error(
        "this store account has {FACTS_MAX} events, which is the most that one can have: is the sender sending \
         the same ones under new ids?"
    )]
    TooManyStoreEvents,
}

impl Refusal for StoreAccountError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::StoreAccountClosed(_) | Self::TooManyStoreEvents => RefusalKind::Conflict,
        }
    }
}

aggregate!(
    StoreAccount,
    "store_account",
    StoreAccountCommand,
    StoreAccountEvent,
    StoreAccountError
);

impl StoreAccountEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::StoreEventTaken { .. }
            | Self::StoreUserLinked(_)
            | Self::StoreEventsSettled { .. }
            | Self::StoreAccessChanged { .. }
            | Self::StoreTransactionRecorded(_)
            | Self::StoreDriftFound { .. }
            | Self::StoreAccountsMerged { .. }
            | Self::StoreAccountClosed { .. } => "1",
        }
    }
}

impl StoreAccount {
    pub fn held(&self) -> &Holdings {
        &self.held
    }

    pub fn closed_into(&self) -> Option<StoreAccountId> {
        self.closed_into
    }

    fn decide(&self, command: StoreAccountCommand) -> Result<Vec<StoreAccountEvent>, StoreAccountError> {
        if let Some(into) = self.closed_into {
            return Err(StoreAccountError::StoreAccountClosed(into));
        }
        match command {
            StoreAccountCommand::Take { fact, links, known } => {
                let mut events = self.take(*fact)?;
                let new = links.into_iter().filter(|link| !self.held.links.knows(link));
                events.extend(new.map(StoreAccountEvent::StoreUserLinked));
                Ok(self.with_consequences(events, &known))
            }
            StoreAccountCommand::Link { link, known } => {
                let new = (!self.held.links.knows(&link)).then_some(StoreAccountEvent::StoreUserLinked(link));
                Ok(self.with_consequences(new.into_iter().collect(), &known))
            }
            StoreAccountCommand::Reassess { known } => Ok(self.with_consequences(vec![], &known)),
            StoreAccountCommand::Adopt { from, held } => {
                let mut together = Holdings::default();
                for other in held {
                    together.join(other);
                }
                Ok(vec![StoreAccountEvent::StoreAccountsMerged {
                    from,
                    held: Box::new(together),
                }])
            }
            StoreAccountCommand::Close { into } => Ok(vec![StoreAccountEvent::StoreAccountClosed { into }]),
            StoreAccountCommand::Compare {
                found,
                repairs,
                known,
            } => {
                let mut events = Vec::new();
                let new = |drift: &Drift| !self.reported.contains(drift);
                if found.iter().any(new) {
                    events.push(StoreAccountEvent::StoreDriftFound {
                        found,
                        repaired: !repairs.is_empty(),
                    });
                }
                for repair in repairs {
                    events.extend(self.take(repair)?);
                }
                Ok(self.with_consequences(events, &known))
            }
        }
    }

    fn take(&self, fact: StoreFact) -> Result<Vec<StoreAccountEvent>, StoreAccountError> {
        let before = self.held.facts.get(&fact.event_id);
        let understood =
            before.is_some_and(|before| before.kind != FactKind::Unknown || fact.kind == FactKind::Unknown);
        if understood {
            return Ok(vec![]);
        }
        if before.is_none() && self.held.facts.len() >= FACTS_MAX {
            return Err(StoreAccountError::TooManyStoreEvents);
        }
        Ok(vec![StoreAccountEvent::StoreEventTaken { fact }])
    }

    /// The events, and what follows once they have happened.
    fn with_consequences(&self, mut events: Vec<StoreAccountEvent>, known: &Known) -> Vec<StoreAccountEvent> {
        let mut after = self.clone();
        for event in &events {
            after.evolve(event.clone());
        }
        let held = &after.held;
        let mut view = view::view(held.facts.values(), &held.links, known);
        let sales = sales::missing(held.facts.values(), &held.sales, &mut view);
        let grants = held.changed_grants(&view.grants);
        if !grants.is_empty() {
            events.push(StoreAccountEvent::StoreAccessChanged { grants });
        }
        events.extend(sales.into_iter().map(StoreAccountEvent::StoreTransactionRecorded));
        let changes = held.changed_settlements(view.settled);
        if !changes.is_empty() {
            events.push(StoreAccountEvent::StoreEventsSettled { changes });
        }
        events
    }

    fn evolve(&mut self, event: StoreAccountEvent) {
        let held = &mut self.held;
        match event {
            StoreAccountEvent::StoreEventTaken { fact } => {
                held.facts.insert(fact.event_id.clone(), fact);
            }
            StoreAccountEvent::StoreUserLinked(link) => held.links.add(&link),
            StoreAccountEvent::StoreEventsSettled { changes } => {
                held.settled.extend(
                    changes
                        .into_iter()
                        .map(|change| (change.event_id, change.settlement)),
                );
            }
            StoreAccountEvent::StoreAccessChanged { grants } => {
                held.grants
                    .extend(grants.into_iter().map(|grant| (grant.grant_id, grant)));
            }
            StoreAccountEvent::StoreTransactionRecorded(sale) => {
                held.sales.insert(sale.sale_id, sale);
            }
            StoreAccountEvent::StoreDriftFound { found, repaired } => {
                self.reported = if repaired { Vec::new() } else { found };
            }
            StoreAccountEvent::StoreAccountsMerged { held: other, .. } => held.join(*other),
            StoreAccountEvent::StoreAccountClosed { into } => {
                self.closed_into = Some(into);
                self.held = Holdings::default();
            }
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
