//! A purchase with its renewals: who had it when, and which periods of access follow.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::customers::CustomerKey;
use super::{FactKind, StoreFact};

/// Longest time for which a store may lend access before it confirms a purchase.
const LENT_MAX: TimeDelta = TimeDelta::hours(24);

/// See the module's text. Facts are taken in their own order.
#[derive(Default)]
pub(super) struct Chain<'a> {
    owners: Vec<Ownership<'a>>,
    pub periods: BTreeMap<&'a str, Period<'a>>,
}

/// Since when a purchase is whose.
#[derive(Clone, Copy)]
struct Ownership<'a> {
    customer: CustomerKey,
    /// `None` for the first owner.
    since: Option<DateTime<Utc>>,
    /// The event that made it so; empty for the first owner.
    event_id: &'a str,
}

/// A time during which a purchase is one customer's.
pub(super) struct Owned<'a> {
    pub customer: CustomerKey,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    pub event_id: &'a str,
}

impl Owned<'_> {
    /// The part of a time that is this owner's.
    pub fn within(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        (
            self.since.map_or(from, |since| since.max(from)),
            self.until.map_or(to, |until| until.min(to)),
        )
    }
}

/// What one transaction has bought.
#[derive(Clone, Default)]
pub(super) struct Period<'a> {
    pub product: Option<&'a str>,
    /// `None` where no purchase has been heard of.
    pub starts_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    /// Whether more than a loan of the store has been heard of.
    confirmed: bool,
    grace_ends_at: Option<DateTime<Utc>>,
    /// When grace was over before its end: the store gave up, or the renewal came.
    grace_cut_at: Option<DateTime<Utc>>,
}

impl<'a> Chain<'a> {
    pub fn owner(&self) -> Option<CustomerKey> {
        self.owners.last().map(|owner| owner.customer)
    }

    /// From `fact` on it is this customer's.
    pub fn pass_to(&mut self, customer: CustomerKey, fact: &'a StoreFact) {
        if self.owner() == Some(customer) {
            return;
        }
        let first = self.owners.is_empty();
        self.owners.push(Ownership {
            customer,
            since: (!first).then_some(fact.at),
            event_id: if first { "" } else { &fact.event_id },
        });
    }

    pub fn ownerships(&self) -> impl Iterator<Item = Owned<'a>> {
        let ends = self.owners.iter().skip(1).map(|next| next.since);
        self.owners
            .iter()
            .zip(ends.chain([None]))
            .map(|(owner, until)| Owned {
                customer: owner.customer,
                since: owner.since,
                until,
                event_id: owner.event_id,
            })
    }

    pub fn take(&mut self, transaction: &'a str, fact: &'a StoreFact) {
        let period = self.periods.entry(transaction).or_default();
        period.take(fact);
        if fact.kind == FactKind::Renewed {
            let renewed_at = fact.purchased_at();
            for (other, period) in &mut self.periods {
                if *other != transaction {
                    period.cut_grace(renewed_at);
                }
            }
        }
    }

    /// When the product was changed for another one before the period's end.
    pub fn switched_at(&self, period: &Period<'_>) -> Option<DateTime<Utc>> {
        self.periods
            .values()
            .filter(|later| later.product != period.product && later.revoked_at.is_none())
            .filter_map(|later| later.starts_at)
            .filter(|starts_at| Some(*starts_at) > period.starts_at)
            .min()
    }

    /// The dates of a period and of the grace after it. `days` is how long it lasts where the store names no end.
    pub fn dates(&self, period: &Period<'_>, days: Option<u32>) -> Option<Dates> {
        let starts_at = period.starts_at?;
        let lasting = days.and_then(|days| starts_at.checked_add_signed(TimeDelta::days(days.into())));
        let paid_to = period.expires_at.or(lasting)?;
        let cuts = [period.revoked_at, period.ended_at, self.switched_at(period)];
        let ends_at = cuts.into_iter().flatten().fold(paid_to, DateTime::min);
        let grace_ends_at = period.grace_ends_at.map(|grace| {
            let cuts = [period.revoked_at, period.grace_cut_at, self.switched_at(period)];
            cuts.into_iter().flatten().fold(grace, DateTime::min)
        });
        Some(Dates {
            from: starts_at,
            to: ends_at,
            grace_to: grace_ends_at.filter(|grace| *grace > paid_to && ends_at == paid_to),
        })
    }
}

pub(super) struct Dates {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Grace begins where the period ends.
    pub grace_to: Option<DateTime<Utc>>,
}

impl<'a> Period<'a> {
    fn take(&mut self, fact: &'a StoreFact) {
        let bought = &fact.bought;
        if fact.kind != FactKind::ProductChangeAnnounced {
            self.product = self.product.or(bought.product.as_deref());
        }
        match fact.kind {
            FactKind::Purchased | FactKind::Renewed | FactKind::BoughtOnce => {
                self.buy(fact, bought.expires_at);
            }
            FactKind::Lent => {
                let starts_at = fact.purchased_at();
                let most = starts_at + LENT_MAX;
                self.buy(fact, Some(bought.expires_at.map_or(most, |ends| ends.min(most))));
            }
            FactKind::Observed => {
                self.buy(fact, bought.expires_at);
                self.starts_at = bought.purchased_at.or(self.starts_at);
                self.revoked_at = bought.refunded_at;
                self.grace_ends_at = bought.grace_ends_at;
                self.grace_cut_at = None;
            }
            FactKind::Extended | FactKind::Uncancelled => {
                self.expires_at = bought.expires_at.or(self.expires_at);
                self.ended_at = None;
            }
            FactKind::Cancelled => self.expires_at = bought.expires_at.or(self.expires_at),
            FactKind::Refunded => self.revoked_at = Some(fact.at),
            FactKind::RefundReversed => {
                self.expires_at = bought.expires_at.or(self.expires_at);
                self.revoked_at = None;
                self.ended_at = None;
            }
            FactKind::Expired => {
                self.ended_at = Some(bought.expires_at.map_or(fact.at, |ends| ends.min(fact.at)));
                self.cut_grace(fact.at);
            }
            FactKind::BillingFailed => self.grace_ends_at = bought.grace_ends_at,
            FactKind::Paused
            | FactKind::ProductChangeAnnounced
            | FactKind::Transferred
            | FactKind::Noted
            | FactKind::Unknown => {}
        }
    }

    /// Up to when the store says that it is paid, or was.
    pub fn paid_to(&self) -> Option<DateTime<Utc>> {
        [self.expires_at, self.ended_at].into_iter().flatten().min()
    }

    pub fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    pub fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.revoked_at
    }

    fn buy(&mut self, fact: &'a StoreFact, expires_at: Option<DateTime<Utc>>) {
        let starts_at = fact.purchased_at();
        self.product = fact.bought.product.as_deref().or(self.product);
        self.confirmed |= fact.kind != FactKind::Lent;
        self.starts_at = Some(self.starts_at.map_or(starts_at, |known| known.min(starts_at)));
        self.expires_at = expires_at;
        self.ended_at = None;
    }

    fn cut_grace(&mut self, at: DateTime<Utc>) {
        if self.grace_ends_at.is_some() {
            self.grace_cut_at = Some(self.grace_cut_at.map_or(at, |cut| cut.min(at)));
        }
    }
}
