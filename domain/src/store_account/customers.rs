//! Which ids of a store are one customer, and which tenant that is. It depends on the set of facts alone, not on
//! the order of their arrival.

use std::collections::BTreeMap;

use super::StoreFact;
use super::links::Links;
use crate::ids::{StoreUserId, TenantId};

/// A customer of the store: the least of its ids.
pub(super) type CustomerKey = StoreUserId;

pub(super) struct Customers {
    parents: BTreeMap<StoreUserId, StoreUserId>,
    tenants: BTreeMap<CustomerKey, TenantId>,
}

impl Customers {
    /// `facts` are in their own order.
    pub fn new(facts: &[&StoreFact], links: &Links) -> Self {
        let mut customers = Self {
            parents: BTreeMap::new(),
            tenants: BTreeMap::new(),
        };
        for fact in facts {
            customers.unite(&fact.users);
            customers.unite(&fact.taken_from);
        }
        // The first fact that names a tenant decides: who comes later cannot take a customer over.
        for fact in facts {
            for user in fact.users.iter().chain(&fact.taken_from) {
                if let (Some(tenant_id), Some(key)) = (links.recognised(*user), customers.of(&[*user])) {
                    customers.tenants.entry(key).or_insert(tenant_id);
                }
            }
        }
        // What people have said counts for more, the last word most.
        for (user, tenant_id) in links.by_hand() {
            customers.unite(&[user]);
            if let Some(key) = customers.of(&[user]) {
                customers.tenants.insert(key, tenant_id);
            }
        }
        customers
    }

    /// The customer with these ids.
    pub fn of(&self, users: &[StoreUserId]) -> Option<CustomerKey> {
        users.first().map(|user| self.root(*user))
    }

    pub fn tenant(&self, customer: CustomerKey) -> Option<TenantId> {
        self.tenants.get(&customer).copied()
    }

    fn root(&self, user: StoreUserId) -> StoreUserId {
        let mut root = user;
        while let Some(parent) = self.parents.get(&root).filter(|parent| **parent != root) {
            root = *parent;
        }
        root
    }

    fn unite(&mut self, users: &[StoreUserId]) {
        let Some(least) = users.iter().map(|user| self.root(*user)).min() else {
            return;
        };
        for user in users {
            let root = self.root(*user);
            self.parents.insert(root, least);
            self.parents.insert(*user, least);
        }
    }
}
