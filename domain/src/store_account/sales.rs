//! Which sales, refunds and reversed refunds follow from the facts. What was recorded once stays as it was.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::view::{NAMES, View};
use super::{Charge, FactKind, Hold, StoreFact};
use crate::credits::Money;
use crate::ids::{ResellerId, SaleId, TenantId};

/// Money that moved in a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreSale {
    pub sale_id: SaleId,
    /// The event that told of it.
    pub event_id: String,
    pub kind: StoreSaleKind,
    /// The customer at the time, and whose customer that was.
    pub tenant_id: TenantId,
    pub reseller_id: ResellerId,
    pub store: String,
    pub product: String,
    pub transaction: String,
    /// Negative where money went back.
    #[serde(flatten)]
    pub charge: Charge,
    pub sold_at: DateTime<Utc>,
    /// The sale that is given back, or the refund that is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<SaleId>,
}

/// What can be reversed comes before what reverses it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum StoreSaleKind {
    Sale,
    Refund,
    RefundReversed,
}

/// The sales that are not recorded yet, each one before those that reverse it. Facts whose money fits nothing are
/// held in the view.
pub(super) fn missing<'a>(
    facts: impl Iterator<Item = &'a StoreFact>,
    recorded: &BTreeMap<SaleId, StoreSale>,
    view: &mut View,
) -> Vec<StoreSale> {
    let mut facts: Vec<&StoreFact> = facts.collect();
    facts.sort_by_key(|fact| fact.order());
    let mut sales = Sales {
        all: recorded.clone(),
        new: Vec::new(),
    };
    // One that fits nothing may fit when a later one has made room for it.
    let mut waiting = sales.settle(&facts, view);
    while !waiting.is_empty() {
        let before = sales.new.len();
        waiting = sales.settle(&facts, view);
        if sales.new.len() == before {
            break;
        }
    }
    for event_id in waiting {
        if let Some(settlement) = view.settled.get_mut(event_id) {
            settlement.hold = settlement.hold.or(Some(Hold::MoneyFitsNoSale));
        }
    }
    sales.new
}

struct Sales {
    all: BTreeMap<SaleId, StoreSale>,
    new: Vec<StoreSale>,
}

impl Sales {
    /// Adds what fits. Answers which facts' money fits nothing yet.
    fn settle<'a>(&mut self, facts: &[&'a StoreFact], view: &View) -> Vec<&'a str> {
        let mut waiting = Vec::new();
        // A refund may be dated before its sale where clocks differ.
        for pass in [
            StoreSaleKind::Sale,
            StoreSaleKind::Refund,
            StoreSaleKind::RefundReversed,
        ] {
            for fact in facts.iter().filter(|fact| kind(fact) == Some(pass)) {
                let fits = match pass {
                    StoreSaleKind::Sale => self.sell(fact, view),
                    StoreSaleKind::Refund => self.give_back(fact),
                    StoreSaleKind::RefundReversed => self.take_back(fact),
                };
                if !fits {
                    waiting.push(fact.event_id.as_str());
                }
            }
        }
        waiting
    }

    /// Answers whether the fact is accounted for, or waits for something else than a sale.
    fn sell(&mut self, fact: &StoreFact, view: &View) -> bool {
        let (Some(charge), Some(settled)) = (&fact.charge, view.settled.get(&fact.event_id)) else {
            return true;
        };
        let (Some(tenant_id), Some(reseller_id)) = (settled.tenant_id, settled.reseller_id) else {
            return true;
        };
        if settled.hold == Some(Hold::Sandbox) {
            return true;
        }
        let sale_id = sale_of(fact);
        if !self.all.contains_key(&sale_id) {
            self.add(StoreSale {
                sale_id,
                event_id: fact.event_id.clone(),
                kind: StoreSaleKind::Sale,
                tenant_id,
                reseller_id,
                store: fact.store.clone(),
                product: fact.bought.product.clone().unwrap_or_default(),
                transaction: transaction(fact).to_owned(),
                charge: charge.clone(),
                sold_at: fact.purchased_at(),
                reverses: None,
            });
        }
        true
    }

    fn give_back(&mut self, fact: &StoreFact) -> bool {
        let sale_id = named("refund", &fact.event_id);
        if self.all.contains_key(&sale_id) {
            return true;
        }
        let Some(sale) = self.all.get(&sale_of(fact)).cloned() else {
            return false;
        };
        let charge = fact.charge.clone().unwrap_or_else(|| negative(&sale.charge));
        let left = self.left_of(&sale).saturating_add(charge.gross.amount_minor);
        if charge.gross.currency != sale.charge.gross.currency || left < 0 {
            return false;
        }
        self.add(reversal(fact, StoreSaleKind::Refund, sale_id, charge, &sale));
        true
    }

    fn take_back(&mut self, fact: &StoreFact) -> bool {
        let sale_id = named("refund_reversed", &fact.event_id);
        if self.all.contains_key(&sale_id) {
            return true;
        }
        let sale = sale_of(fact);
        let refunds = self.all.values().filter(|refund| refund.reverses == Some(sale));
        let open = refunds.filter(|refund| {
            !self
                .all
                .values()
                .any(|other| other.reverses == Some(refund.sale_id))
        });
        let Some(refund) = open
            .max_by_key(|refund| (refund.sold_at, refund.sale_id))
            .cloned()
        else {
            return false;
        };
        let charge = negative(&refund.charge);
        self.add(reversal(
            fact,
            StoreSaleKind::RefundReversed,
            sale_id,
            charge,
            &refund,
        ));
        true
    }

    /// What of a sale has not been given back.
    fn left_of(&self, sale: &StoreSale) -> i64 {
        let refunds = self
            .all
            .values()
            .filter(|refund| refund.reverses == Some(sale.sale_id));
        let open = refunds.filter(|refund| {
            !self
                .all
                .values()
                .any(|other| other.reverses == Some(refund.sale_id))
        });
        open.fold(sale.charge.gross.amount_minor, |left, refund| {
            left.saturating_add(refund.charge.gross.amount_minor)
        })
    }

    fn add(&mut self, sale: StoreSale) {
        self.all.insert(sale.sale_id, sale.clone());
        self.new.push(sale);
    }
}

/// What a fact does with money. A refund or its reversal need not name the amount; nobody pays nothing.
fn kind(fact: &StoreFact) -> Option<StoreSaleKind> {
    let amount = fact.charge.as_ref().map_or(0, |charge| charge.gross.amount_minor);
    match fact.kind {
        FactKind::Purchased | FactKind::Renewed | FactKind::BoughtOnce => {
            (amount > 0).then_some(StoreSaleKind::Sale)
        }
        FactKind::Refunded => Some(StoreSaleKind::Refund),
        FactKind::RefundReversed => Some(StoreSaleKind::RefundReversed),
        FactKind::Lent
        | FactKind::Extended
        | FactKind::Cancelled
        | FactKind::Uncancelled
        | FactKind::Paused
        | FactKind::Expired
        | FactKind::BillingFailed
        | FactKind::ProductChangeAnnounced
        | FactKind::Transferred
        | FactKind::Observed
        | FactKind::Noted
        | FactKind::Unknown => None,
    }
}

/// A reversal belongs to whom the reversed one belonged to, whoever the customer is now.
fn reversal(
    fact: &StoreFact,
    kind: StoreSaleKind,
    sale_id: SaleId,
    charge: Charge,
    reversed: &StoreSale,
) -> StoreSale {
    StoreSale {
        sale_id,
        event_id: fact.event_id.clone(),
        kind,
        charge,
        sold_at: fact.at,
        reverses: Some(reversed.sale_id),
        ..reversed.clone()
    }
}

fn negative(charge: &Charge) -> Charge {
    Charge {
        gross: Money {
            amount_minor: charge.gross.amount_minor.saturating_neg(),
            currency: charge.gross.currency.clone(),
        },
        tax_minor: charge.tax_minor.saturating_neg(),
        store_cut_minor: charge.store_cut_minor.saturating_neg(),
    }
}

fn transaction(fact: &StoreFact) -> &str {
    fact.bought.transaction.as_deref().unwrap_or(&fact.event_id)
}

/// One sale per transaction, whichever event tells of it.
fn sale_of(fact: &StoreFact) -> SaleId {
    named("sale", &format!("{}|{}", fact.store, transaction(fact)))
}

fn named(kind: &str, name: &str) -> SaleId {
    SaleId(Uuid::new_v5(&NAMES, format!("{kind}|{name}").as_bytes()))
}
