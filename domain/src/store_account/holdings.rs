//! What an account holds: facts, links, and what has followed from them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::customers::Customers;
use super::links::Links;
use super::sales::StoreSale;
use super::{Settled, Settlement, StoreFact, StoreGrant};
use crate::ids::{GrantId, SaleId, StoreUserId, TenantId};

/// What an account holds; another one can take it over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Holdings {
    pub(super) facts: BTreeMap<String, StoreFact>,
    pub(super) links: Links,
    pub(super) grants: BTreeMap<GrantId, StoreGrant>,
    pub(super) sales: BTreeMap<SaleId, StoreSale>,
    pub(super) settled: BTreeMap<String, Settlement>,
}

impl Holdings {
    /// Every fact, in no order.
    pub fn facts(&self) -> impl Iterator<Item = &StoreFact> {
        self.facts.values()
    }

    pub fn sales(&self) -> impl Iterator<Item = &StoreSale> {
        self.sales.values()
    }

    /// Grants that have not been taken away.
    pub fn grants(&self) -> impl Iterator<Item = &StoreGrant> {
        self.grants
            .values()
            .filter(|grant| grant.starts_at < grant.ends_at)
    }

    /// Grants that came or changed since, those that were taken away among them.
    pub fn grants_since(&self, before: &Self) -> Vec<&StoreGrant> {
        let changed = self
            .grants
            .values()
            .filter(|grant| before.grants.get(&grant.grant_id) != Some(*grant));
        changed.collect()
    }

    /// Sales that came since, each one before those that reverse it.
    pub fn sales_since(&self, before: &Self) -> Vec<&StoreSale> {
        let mut new: Vec<_> = self
            .sales
            .values()
            .filter(|sale| !before.sales.contains_key(&sale.sale_id))
            .collect();
        new.sort_by_key(|sale| (sale.kind, sale.sold_at, sale.sale_id));
        new
    }

    /// The sale itself, of a sale or of what comes back of one.
    pub fn original_of<'a>(&'a self, sale: &'a StoreSale) -> Option<&'a StoreSale> {
        let mut original = sale;
        while let Some(reversed) = original.reverses {
            original = self.sales.get(&reversed)?;
        }
        Some(original)
    }

    pub fn settlement(&self, event_id: &str) -> Option<&Settlement> {
        self.settled.get(event_id)
    }

    /// Whether a fact waits for somebody to do something.
    pub fn waits(&self) -> bool {
        self.settled.values().any(|settlement| settlement.hold.is_some())
    }

    /// The tenants that its ids were said to be.
    pub fn tenants(&self) -> BTreeSet<TenantId> {
        self.links.all().into_iter().map(|link| link.tenant_id).collect()
    }

    /// The ids that it knows.
    pub fn users(&self) -> BTreeSet<StoreUserId> {
        let of_facts = self
            .facts
            .values()
            .flat_map(|fact| fact.users.iter().chain(&fact.taken_from));
        let linked = self.links.all().into_iter().map(|link| link.user);
        of_facts.copied().chain(linked).collect()
    }

    /// One id of each customer: the one that was heard last.
    pub fn customers(&self) -> Vec<StoreUserId> {
        let mut facts: Vec<&StoreFact> = self.facts.values().collect();
        facts.sort_by_key(|fact| fact.order());
        let customers = Customers::new(&facts, &self.links);
        let heard = facts
            .iter()
            .filter_map(|fact| Some((customers.of(&fact.users)?, *fact.users.first()?)));
        let last: BTreeMap<_, _> = heard.collect();
        last.into_values().collect()
    }

    /// Whether it is of a test environment.
    pub fn is_sandbox(&self) -> bool {
        self.facts.values().any(|fact| fact.sandbox)
    }

    pub(super) fn changed_grants(&self, wanted: &BTreeMap<GrantId, StoreGrant>) -> Vec<StoreGrant> {
        let taken_away = self
            .grants()
            .filter(|grant| !wanted.contains_key(&grant.grant_id));
        let taken_away = taken_away.map(|grant| StoreGrant {
            ends_at: grant.starts_at,
            ..grant.clone()
        });
        let changed = wanted
            .values()
            .filter(|grant| self.grants.get(&grant.grant_id) != Some(*grant));
        taken_away.chain(changed.cloned()).collect()
    }

    pub(super) fn changed_settlements(&self, wanted: BTreeMap<String, Settlement>) -> Vec<Settled> {
        let mut changes = Vec::new();
        for (event_id, mut settlement) in wanted {
            let before = self.settled.get(&event_id);
            // Whose customer it was then stays so, whoever has the customer now.
            if let Some(before) = before.filter(|before| before.tenant_id == settlement.tenant_id) {
                settlement.reseller_id = before.reseller_id.or(settlement.reseller_id);
            }
            if before != Some(&settlement) {
                changes.push(Settled { event_id, settlement });
            }
        }
        changes
    }

    pub(super) fn join(&mut self, other: Self) {
        self.facts.extend(other.facts);
        for link in other.links.all() {
            self.links.add(&link);
        }
        self.grants.extend(other.grants);
        self.sales.extend(other.sales);
        self.settled.extend(other.settled);
    }
}
