//! Compares what the facts say of a customer with what the store answers when it is asked.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::view::{self, Purchase};
use super::{Bought, Drift, DriftCause, FactKind, Holdings, Known, StoreFact};
use crate::ids::StoreUserId;

/// Answers have whole seconds.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// A purchase as the store answers; of a subscription the last period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    pub store: String,
    pub product: String,
    /// `None` where the answer names none: it is then the last one of the product.
    pub transaction: Option<String>,
    pub purchased_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub grace_ends_at: Option<DateTime<Utc>>,
    pub refunded_at: Option<DateTime<Utc>>,
    pub sandbox: bool,
}

/// What differs, and the facts that repair it.
pub type Comparison = (Vec<Drift>, Vec<StoreFact>);

/// Compares what is said of the customer whom the store calls `user`.
pub fn compare(
    held: &Holdings,
    known: &Known,
    user: StoreUserId,
    observed: &[Observation],
    at: DateTime<Utc>,
) -> Comparison {
    let purchases = view::purchases(held, known, user);
    let mut last: BTreeMap<&str, &Purchase> = BTreeMap::new();
    for purchase in &purchases {
        let of_product = last.entry(&purchase.product).or_insert(purchase);
        if purchase.starts_at > of_product.starts_at {
            *of_product = purchase;
        }
    }
    let mut comparison = Comparison::default();
    let mut add = |drift: Drift, repair: StoreFact| {
        comparison.0.push(drift);
        comparison.1.push(repair);
    };
    for seen in observed {
        let expected = match &seen.transaction {
            Some(transaction) => purchases.iter().find(|known| known.transaction == *transaction),
            None => last.get(seen.product.as_str()).copied(),
        };
        let cause = match expected {
            None => Some(DriftCause::PurchaseMissed),
            Some(expected) => difference(expected, seen),
        };
        if let Some(cause) = cause {
            let transaction = transaction(seen, expected);
            let expected_text = expected.map_or_else(|| "nothing".to_owned(), told);
            let drift = drift(
                held,
                user,
                cause,
                &seen.product,
                &transaction,
                (expected_text, seen_told(seen)),
            );
            add(drift, repair(user, seen, transaction, at));
        }
    }
    for expected in last.values().filter(|expected| expected.holds_at(at)) {
        if observed.iter().all(|seen| !is_of(seen, expected)) {
            let told = (told(expected), "nothing".to_owned());
            let cause = DriftCause::PurchaseUnknown;
            let drift = drift(held, user, cause, &expected.product, &expected.transaction, told);
            add(drift, ended(user, expected, at));
        }
    }
    comparison
}

fn is_of(seen: &Observation, expected: &Purchase) -> bool {
    match &seen.transaction {
        Some(transaction) => *transaction == expected.transaction,
        None => seen.product == expected.product,
    }
}

fn difference(expected: &Purchase, seen: &Observation) -> Option<DriftCause> {
    if expected.revoked_at.is_some() != seen.refunded_at.is_some() {
        return Some(DriftCause::RefundDiffers);
    }
    if seen.refunded_at.is_some() {
        return None;
    }
    // What has no end in the store has the product's.
    let seen_end = seen.expires_at?;
    let same = expected.paid_to.is_some_and(|end| near(end, seen_end));
    (!same).then_some(DriftCause::DatesDiffer)
}

fn near(one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
    (one - other).abs() <= TOLERANCE
}

/// The name of the purchase in the store's answer, or one that follows from it.
fn transaction(seen: &Observation, expected: Option<&Purchase>) -> String {
    seen.transaction
        .clone()
        .or_else(|| expected.map(|expected| expected.transaction.clone()))
        .unwrap_or_else(|| format!("{} {}", seen.product, seen.purchased_at.timestamp()))
}

fn drift(
    held: &Holdings,
    user: StoreUserId,
    cause: DriftCause,
    product: &str,
    transaction: &str,
    (expected, found): (String, String),
) -> Drift {
    let of_user = held.facts.values().filter(|fact| fact.users.contains(&user));
    let settled = of_user
        .max_by_key(|fact| fact.order())
        .and_then(|fact| held.settled.get(&fact.event_id));
    Drift {
        cause,
        product: product.to_owned(),
        transaction: transaction.to_owned(),
        expected,
        found,
        tenant_id: settled.and_then(|settled| settled.tenant_id),
        reseller_id: settled.and_then(|settled| settled.reseller_id),
    }
}

fn repair(user: StoreUserId, seen: &Observation, transaction: String, at: DateTime<Utc>) -> StoreFact {
    StoreFact {
        event_id: format!("look-up {} {transaction}", at.timestamp_millis()),
        event_type: "LOOK_UP".to_owned(),
        kind: FactKind::Observed,
        at,
        users: vec![user],
        taken_from: Vec::new(),
        store: seen.store.clone(),
        sandbox: seen.sandbox,
        bought: Bought {
            product: Some(seen.product.clone()),
            transaction: Some(transaction),
            purchased_at: Some(seen.purchased_at),
            expires_at: seen.expires_at,
            grace_ends_at: seen.grace_ends_at,
            refunded_at: seen.refunded_at,
            ..Bought::default()
        },
        charge: None,
    }
}

/// The store does not know of it: it ends now.
fn ended(user: StoreUserId, expected: &Purchase, at: DateTime<Utc>) -> StoreFact {
    StoreFact {
        event_id: format!("look-up {} {}", at.timestamp_millis(), expected.transaction),
        event_type: "LOOK_UP".to_owned(),
        kind: FactKind::Expired,
        at,
        users: vec![user],
        taken_from: Vec::new(),
        store: expected.store.clone(),
        sandbox: expected.sandbox,
        bought: Bought {
            product: Some(expected.product.clone()),
            transaction: Some(expected.transaction.clone()),
            reason: Some("UNKNOWN_TO_THE_STORE".to_owned()),
            ..Bought::default()
        },
        charge: None,
    }
}

fn told(purchase: &Purchase) -> String {
    dates(purchase.starts_at, purchase.paid_to, purchase.revoked_at)
}

fn seen_told(seen: &Observation) -> String {
    dates(seen.purchased_at, seen.expires_at, seen.refunded_at)
}

fn dates(from: DateTime<Utc>, to: Option<DateTime<Utc>>, refunded: Option<DateTime<Utc>>) -> String {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let to = to.map_or_else(|| "no end".to_owned(), text);
    let refunded = refunded.map_or_else(String::new, |at| format!(", refunded {}", text(at)));
    format!("{} to {to}{refunded}", text(from))
}

#[cfg(test)]
mod tests;
