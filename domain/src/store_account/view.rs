//! What follows from a set of facts: grants, sales, and what stands in the way. A pure function of the set: the
//! order in which facts arrive, and how often, changes nothing.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::chain::{Chain, Period};
use super::customers::Customers;
use super::links::Links;
use super::{FactKind, Hold, Holdings, Known, Settlement, StoreFact, StoreGrant};
use crate::ids::{GrantId, StoreUserId, TenantId};
use crate::store_catalogue::Mapping;
use crate::subscription::GrantSource;
use crate::tier::Tier;

/// Names of grants and sales are derived below it: never changes.
pub(super) const NAMES: Uuid = Uuid::from_u128(0x5f0e_6a1c_93b4_4d5e_9a3f_7c21_8e44_d0b7);
/// Longest grant of a store, which calls two centuries "for life".
const GRANT_MAX: TimeDelta = TimeDelta::days(36_500);

#[derive(Debug, Default, PartialEq)]
pub(super) struct View {
    pub grants: BTreeMap<GrantId, StoreGrant>,
    /// What each fact has come to, by its event.
    pub settled: BTreeMap<String, Settlement>,
}

/// Names a transaction in a store, or the event where the store named none.
type ChainKey<'a> = (&'a str, &'a str);

struct Viewing<'a> {
    customers: Customers,
    known: &'a Known,
    originals: HashMap<ChainKey<'a>, &'a str>,
    chains: BTreeMap<ChainKey<'a>, Chain<'a>>,
    view: View,
}

/// `facts` in any order.
pub(super) fn view<'a>(facts: impl Iterator<Item = &'a StoreFact>, links: &Links, known: &'a Known) -> View {
    let mut facts: Vec<&StoreFact> = facts.collect();
    facts.sort_by_key(|fact| fact.order());
    let mut viewing = Viewing {
        customers: Customers::new(&facts, links),
        known,
        originals: originals(&facts),
        chains: BTreeMap::new(),
        view: View::default(),
    };
    for fact in facts {
        viewing.take(fact);
    }
    viewing.grant();
    viewing.view
}

/// A purchase as the facts say, of whom it is now.
#[derive(Clone, Debug)]
pub(super) struct Purchase {
    pub store: String,
    pub product: String,
    pub transaction: String,
    pub sandbox: bool,
    pub starts_at: DateTime<Utc>,
    pub paid_to: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Purchase {
    pub fn holds_at(&self, at: DateTime<Utc>) -> bool {
        self.starts_at <= at && self.revoked_at.is_none() && self.paid_to.is_none_or(|end| at < end)
    }
}

/// The purchases of the customer whom the store calls `user`.
pub(super) fn purchases(held: &Holdings, known: &Known, user: StoreUserId) -> Vec<Purchase> {
    let mut facts: Vec<&StoreFact> = held.facts().collect();
    facts.sort_by_key(|fact| fact.order());
    let sandbox = facts.iter().any(|fact| fact.sandbox);
    let mut viewing = Viewing {
        customers: Customers::new(&facts, &held.links),
        known,
        originals: originals(&facts),
        chains: BTreeMap::new(),
        view: View::default(),
    };
    for fact in facts {
        viewing.take(fact);
    }
    let customer = viewing.customers.of(&[user]);
    let of_customer = viewing
        .chains
        .iter()
        .filter(|(_, chain)| chain.owner() == customer);
    let periods = of_customer.flat_map(|((store, _), chain)| {
        let periods = chain.periods.iter();
        periods.map(move |(transaction, period)| (*store, *transaction, period, chain.switched_at(period)))
    });
    periods
        .filter_map(|(store, transaction, period, switched_at)| {
            Some(Purchase {
                store: store.to_owned(),
                product: period.product.filter(|_| period.is_confirmed())?.to_owned(),
                transaction: transaction.to_owned(),
                sandbox,
                starts_at: period.starts_at?,
                paid_to: [period.paid_to(), switched_at].into_iter().flatten().min(),
                revoked_at: period.revoked_at(),
            })
        })
        .collect()
}

/// Which first transaction each one goes back to.
fn originals<'a>(facts: &[&'a StoreFact]) -> HashMap<ChainKey<'a>, &'a str> {
    let mut originals = HashMap::new();
    for fact in facts {
        if let (Some(transaction), Some(original)) =
            (&fact.bought.transaction, &fact.bought.original_transaction)
        {
            originals
                .entry((fact.store.as_str(), transaction.as_str()))
                .or_insert(original.as_str());
        }
    }
    originals
}

impl<'a> Viewing<'a> {
    fn take(&mut self, fact: &'a StoreFact) {
        if fact.sandbox && !self.known.sandbox_counts {
            self.settle(fact, None, Some(Hold::Sandbox));
            return;
        }
        let customer = self.customers.of(&fact.users);
        let tenant_id = customer.and_then(|customer| self.customers.tenant(customer));
        if fact.kind.is_silent() {
            let hold = (fact.kind == FactKind::Unknown).then_some(Hold::UnknownType);
            self.settle(fact, tenant_id, hold);
            return;
        }
        let mut hold = tenant_id.is_none().then_some(Hold::UnknownCustomer);
        if fact.kind == FactKind::Transferred {
            self.transfer(fact);
        } else if let Some(transaction) = transaction(fact) {
            let original = self.originals.get(&(fact.store.as_str(), transaction));
            let key = (fact.store.as_str(), original.copied().unwrap_or(transaction));
            let chain = self.chains.entry(key).or_default();
            if let Some(customer) = customer {
                chain.pass_to(customer, fact);
            }
            chain.take(transaction, fact);
        } else {
            hold = hold.or(Some(Hold::NoTransaction));
        }
        if fact.kind.gives_access() {
            hold = hold.or_else(|| self.product_hold(fact));
        }
        self.settle(fact, tenant_id, hold);
    }

    fn transfer(&mut self, fact: &'a StoreFact) {
        let (from, to) = (
            self.customers.of(&fact.taken_from),
            self.customers.of(&fact.users),
        );
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        for chain in self.chains.values_mut() {
            if chain.owner() == Some(from) {
                chain.pass_to(to, fact);
            }
        }
    }

    fn product_hold(&self, fact: &StoreFact) -> Option<Hold> {
        let product = fact.bought.product.as_deref().unwrap_or_default();
        let Some(mapping) = self.known.catalogue.mapping(product, fact.purchased_at()) else {
            return Some(Hold::UnknownProduct);
        };
        let endless = fact.bought.expires_at.is_none() && fact.kind != FactKind::Lent;
        (endless && mapping.days.is_none()).then_some(Hold::ProductWithoutDays)
    }

    fn settle(&mut self, fact: &StoreFact, tenant_id: Option<TenantId>, hold: Option<Hold>) {
        let reseller_id = tenant_id.and_then(|tenant_id| self.known.homes.get(&tenant_id).copied());
        let settlement = Settlement {
            tenant_id,
            reseller_id,
            hold,
        };
        self.view.settled.insert(fact.event_id.clone(), settlement);
    }

    fn grant(&mut self) {
        let mut grants = BTreeMap::new();
        for ((store, _), chain) in &self.chains {
            for (transaction, period) in &chain.periods {
                let Some(mapping) = self.mapping(period) else {
                    continue;
                };
                let Some(dates) = chain.dates(period, mapping.days) else {
                    continue;
                };
                let paid = (GrantSource::Store, dates.from, dates.to);
                let grace = dates.grace_to.map(|to| (GrantSource::Grace, dates.to, to));
                for owner in chain.ownerships() {
                    let Some(tenant_id) = self.customers.tenant(owner.customer) else {
                        continue;
                    };
                    let held = [Some(paid), grace].into_iter().flatten();
                    grants.extend(held.filter_map(|(source, from, to)| {
                        let name = format!("grant|{store}|{transaction}|{}", owner.event_id);
                        let grant =
                            held_grant(&name, tenant_id, mapping.tier, source, owner.within(from, to));
                        grant.map(|grant| (grant.grant_id, grant))
                    }));
                }
            }
        }
        self.view.grants = grants;
    }

    fn mapping(&self, period: &Period<'_>) -> Option<&'a Mapping> {
        self.known.catalogue.mapping(period.product?, period.starts_at?)
    }
}

/// The grant of one owner, unless it is empty.
fn held_grant(
    name: &str,
    tenant_id: TenantId,
    tier: Tier,
    source: GrantSource,
    (starts_at, ends_at): (DateTime<Utc>, DateTime<Utc>),
) -> Option<StoreGrant> {
    let most = starts_at.checked_add_signed(GRANT_MAX);
    let ends_at = most.map_or(ends_at, |most| most.min(ends_at));
    let name = format!("{name}|{}|{tenant_id}", source.as_ref());
    (starts_at < ends_at).then(|| StoreGrant {
        grant_id: GrantId(Uuid::new_v5(&NAMES, name.as_bytes())),
        tenant_id,
        tier,
        source,
        starts_at,
        ends_at,
    })
}

/// What names the purchase: the transaction, or the event where access was lent before there was one.
fn transaction(fact: &StoreFact) -> Option<&str> {
    let lent = (fact.kind == FactKind::Lent).then_some(fact.event_id.as_str());
    fact.bought.transaction.as_deref().or(lent)
}
