//! Which ids of a store were said to be which tenant.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{StoreUserId, TenantId};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    recognised: BTreeMap<StoreUserId, TenantId>,
    by_hand: BTreeMap<StoreUserId, ByHand>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct ByHand {
    at: DateTime<Utc>,
    tenant_id: TenantId,
}

/// One id that is a tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub user: StoreUserId,
    pub tenant_id: TenantId,
    /// When somebody said so; `None` where the id is the tenant's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_at: Option<DateTime<Utc>>,
}

impl Links {
    pub(super) fn recognised(&self, user: StoreUserId) -> Option<TenantId> {
        self.recognised.get(&user).copied()
    }

    /// The last word comes last.
    pub(super) fn by_hand(&self) -> Vec<(StoreUserId, TenantId)> {
        let mut said: Vec<_> = self.by_hand.iter().collect();
        said.sort_by_key(|(user, said)| (said.at, **user));
        said.into_iter()
            .map(|(user, said)| (*user, said.tenant_id))
            .collect()
    }

    pub(super) fn knows(&self, link: &Link) -> bool {
        match link.said_at {
            None => self.recognised.contains_key(&link.user),
            Some(at) => self
                .by_hand
                .get(&link.user)
                .is_some_and(|said| said.tenant_id == link.tenant_id || said.at > at),
        }
    }

    pub(super) fn add(&mut self, link: &Link) {
        match link.said_at {
            None => {
                self.recognised.entry(link.user).or_insert(link.tenant_id);
            }
            Some(at) => {
                let tenant_id = link.tenant_id;
                let said = ByHand { at, tenant_id };
                let kept = self.by_hand.entry(link.user).or_insert(said);
                *kept = said.max(*kept);
            }
        }
    }

    pub(super) fn all(&self) -> Vec<Link> {
        let recognised = self.recognised.iter().map(|(user, tenant_id)| Link {
            user: *user,
            tenant_id: *tenant_id,
            said_at: None,
        });
        let by_hand = self.by_hand.iter().map(|(user, said)| Link {
            user: *user,
            tenant_id: said.tenant_id,
            said_at: Some(said.at),
        });
        recognised.chain(by_hand).collect()
    }
}
