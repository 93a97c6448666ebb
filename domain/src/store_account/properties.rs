//! Any order and any repetition of a history ends in the same state.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::tests::{ANNA, BEN, NOBODY, after, charge, day, fact, hour, known, run, take, transfer};
use super::*;
use crate::ids::StoreUserId;

fn anybody() -> impl Strategy<Value = StoreUserId> {
    prop_oneof![Just(ANNA), Just(BEN), Just(NOBODY)]
}

fn any_kind() -> impl Strategy<Value = FactKind> {
    prop::sample::select(vec![
        FactKind::Purchased,
        FactKind::Renewed,
        FactKind::Extended,
        FactKind::Cancelled,
        FactKind::Uncancelled,
        FactKind::Expired,
        FactKind::BillingFailed,
        FactKind::Refunded,
        FactKind::RefundReversed,
        FactKind::Lent,
        FactKind::Noted,
    ])
}

/// A fact about one of two chains of up to three transactions each, at any hour of a month.
fn any_fact() -> impl Strategy<Value = StoreFact> {
    let transfer = (anybody(), anybody(), 0..720_i64).prop_map(|(from, to, at)| transfer(from, to, hour(at)));
    let of_purchase = (any_kind(), anybody(), 1..=2_u8, 1..=3_u8, 0..720_i64, 1..30_i64).prop_map(
        |(kind, user, chain, number, at, days)| {
            let mut fact = fact(kind, user, &format!("c{chain}t{number}"), hour(at));
            fact.event_id = format!("{}-{}", fact.event_id, user.0);
            fact.bought.original_transaction = Some(format!("c{chain}t1"));
            fact.bought.purchased_at = Some(day(i64::from(number) * 7));
            fact.bought.expires_at = Some(day(i64::from(number) * 7 + days));
            fact.bought.grace_ends_at = Some(day(i64::from(number) * 7 + days + 3));
            fact.charge = if matches!(kind, FactKind::Purchased | FactKind::Renewed) {
                charge(700 * i64::from(number))
            } else if kind == FactKind::Refunded {
                charge(-700 * i64::from(number))
            } else {
                None
            };
            fact
        },
    );
    prop_oneof![1 => transfer, 5 => of_purchase]
}

/// A history, and the same shuffled with repetitions.
fn history() -> impl Strategy<Value = (Vec<StoreFact>, Vec<StoreFact>)> {
    let facts = prop::collection::vec(any_fact(), 1..24);
    facts
        .prop_flat_map(|facts| {
            let picks = prop::collection::vec(any::<prop::sample::Index>(), 0..12);
            (Just(facts), picks)
        })
        .prop_flat_map(|(facts, picks)| {
            let repeated = picks.iter().map(|pick| pick.get(&facts).clone());
            let delivered: Vec<_> = facts.iter().cloned().chain(repeated).collect();
            (Just(facts), Just(delivered).prop_shuffle())
        })
}

type Outcome = (Access, BTreeMap<(String, String), i64>, Vec<(String, Settlement)>);
type Access = Vec<(TenantId, Tier, GrantSource, DateTime<Utc>, DateTime<Utc>)>;

/// What an account comes to: access, money by transaction, and what waits.
fn outcome(account: &StoreAccount) -> Outcome {
    let held = account.held();
    let mut access: Vec<_> = held
        .grants()
        .map(|grant| {
            (
                grant.tenant_id,
                grant.tier,
                grant.source,
                grant.starts_at,
                grant.ends_at,
            )
        })
        .collect();
    access.sort_by_key(|told| format!("{told:?}"));
    let mut money = BTreeMap::new();
    for sale in held.sales() {
        let key = (sale.transaction.clone(), sale.charge.gross.currency.clone());
        *money.entry(key).or_insert(0) += sale.charge.gross.amount_minor;
    }
    // Of refunds that together are more than the sale, those count that come first: money that is recorded stays.
    let mut settled: Vec<_> = held
        .facts()
        .map(|fact| {
            let mut settlement = *held.settlement(&fact.event_id).unwrap();
            settlement.hold = settlement.hold.filter(|hold| *hold != Hold::MoneyFitsNoSale);
            (fact.event_id.clone(), settlement)
        })
        .collect();
    settled.sort_by(|left, right| left.0.cmp(&right.0));
    (access, money, settled)
}

fn comparable(account: &StoreAccount) -> String {
    format!("{:?}", outcome(account))
}

proptest! {
    #[test]
    fn any_order_and_repetition_of_a_history_ends_in_the_same_state((in_order, delivered) in history()) {
        // Two facts with one id are one fact: the first of them is taken.
        let mut seen = BTreeSet::new();
        let in_order: Vec<_> = in_order.into_iter().filter(|fact| seen.insert(fact.event_id.clone())).collect();
        let unique: BTreeMap<_, _> = in_order.iter().map(|fact| (fact.event_id.clone(), fact.clone())).collect();
        let delivered = delivered.into_iter().map(|fact| unique[&fact.event_id].clone());
        prop_assert_eq!(comparable(&after(delivered)), comparable(&after(in_order)));
    }

    #[test]
    fn an_account_read_back_from_its_events_is_the_same((_, delivered) in history()) {
        let mut account = StoreAccount::default();
        let mut log = Vec::new();
        for fact in delivered {
            log.extend(run(&mut account, take(fact)));
        }
        let mut read_back = StoreAccount::default();
        for event in log {
            read_back.evolve(event);
        }
        prop_assert_eq!(read_back.held(), account.held());
        let stored = serde_json::to_value(&account).unwrap();
        let restored: StoreAccount = serde_json::from_value(stored).unwrap();
        prop_assert_eq!(restored.held(), account.held());
        let again = run(&mut account, StoreAccountCommand::Reassess { known: known() });
        prop_assert_eq!(again, vec![]);
    }

    #[test]
    fn two_accounts_that_are_merged_end_as_if_they_had_been_one(
        (in_order, _) in history(), at in any::<prop::sample::Index>(),
    ) {
        let mut seen = BTreeSet::new();
        let facts: Vec<_> = in_order.into_iter().filter(|fact| seen.insert(fact.event_id.clone())).collect();
        let (left, right) = facts.split_at(at.index(facts.len()));
        let (mut left, right) = (after(left.to_vec()), after(right.to_vec()));
        let adopt = StoreAccountCommand::Adopt { from: vec![], held: vec![right.held().clone()] };
        run(&mut left, adopt);
        run(&mut left, StoreAccountCommand::Reassess { known: known() });
        prop_assert_eq!(comparable(&left), comparable(&after(facts)));
    }
}
