//! Double entry: by example, and over random movements of several accounts.

use std::collections::HashMap;

use proptest::prelude::*;
use strum::VariantArray;
use uuid::Uuid;

use super::*;
use crate::credit_account::{AdjustmentKind, DebitPurpose};
use crate::credits::Money;
use crate::ids::{ResellerId, TenantId};

fn purchased(credits: i64, amount_minor: i64, currency: &str, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsPurchased {
        pack_code: "starter".to_owned(),
        credits: Credits(credits),
        price: Money {
            amount_minor,
            currency: currency.to_owned(),
        },
        note: None,
        balance_after: Credits(balance_after),
        listed: None,
        lots: vec![],
    }
}

fn debited(credits: i64, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsDebited {
        credits: Credits(credits),
        tenant_id: TenantId(Uuid::from_u128(2)),
        purpose: DebitPurpose::Extension,
        balance_after: Credits(balance_after),
        lots: vec![],
    }
}

fn adjusted(kind: AdjustmentKind, credits: i64, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsAdjusted {
        kind,
        credits: Credits(credits),
        note: "goodwill".to_owned(),
        balance_after: Credits(balance_after),
        lots: vec![],
    }
}

fn lines(event: &CreditAccountEvent) -> Vec<Line<'_>> {
    match entry(event) {
        Entry::Movement { lines, .. } => lines,
        Entry::Opening | Entry::CreditLine(_) | Entry::Nothing => vec![],
    }
}

/// Debit, credit, unit, amount.
fn told(event: &CreditAccountEvent) -> Vec<(&'static str, &'static str, String, i64)> {
    let name = |account: Account| {
        Account::VARIANTS
            .iter()
            .find(|known| **known == account)
            .map(|known| match known.as_ref() {
                "credits.available" => "available",
                "credits.sold" => "sold",
                "credits.spent" => "spent",
                "credits.bonus" => "bonus",
                "credits.refunded" => "refunded",
                "credits.adjusted" => "adjusted",
                "credits.held" => "held",
                "credits.expired" => "expired",
                "credits.transferred" => "transferred",
                "money.receivable" => "receivable",
                "money.revenue" => "revenue",
                other => panic!("{other} is new: say what moves it"),
            })
            .unwrap()
    };
    lines(event)
        .into_iter()
        .map(|line| {
            (
                name(line.debit),
                name(line.credit),
                line.unit.to_owned(),
                line.amount,
            )
        })
        .collect()
}

#[test]
fn a_sale_moves_credits_and_money() {
    assert_eq!(
        told(&purchased(900, 5_000, "USD", 900)),
        [
            ("available", "sold", "credits".to_owned(), 900),
            ("receivable", "revenue", "USD".to_owned(), 5_000)
        ]
    );
    assert_eq!(
        told(&purchased(7, 0, "USD", 7)).len(),
        1,
        "a free pack moves no money"
    );
}

#[test]
fn a_debit_spends_what_was_available() {
    assert_eq!(
        told(&debited(30, 870)),
        [("spent", "available", "credits".to_owned(), 30)]
    );
}

#[test]
fn what_is_given_by_hand_comes_from_an_account_of_its_kind() {
    for (kind, source) in [
        (AdjustmentKind::Bonus, "bonus"),
        (AdjustmentKind::Refund, "refunded"),
        (AdjustmentKind::Adjustment, "adjusted"),
    ] {
        assert_eq!(
            told(&adjusted(kind, 5, 5)),
            [("available", source, "credits".to_owned(), 5)]
        );
    }
    assert_eq!(
        told(&adjusted(AdjustmentKind::Adjustment, -5, 0)),
        [("adjusted", "available", "credits".to_owned(), 5)],
        "a correction downwards goes the other way"
    );
}

fn broken(
    state: &mut AccountState,
    sequence: i64,
    event: &CreditAccountEvent,
) -> Vec<(Rule, String, String)> {
    state
        .take(sequence, &entry(event))
        .into_iter()
        .map(|violation| (violation.rule, violation.expected, violation.found))
        .collect()
}

#[test]
fn each_broken_rule_is_named_once() {
    let opened = CreditAccountEvent::CreditAccountOpened;
    let mut state = AccountState::default();
    let named = |rule, expected: &str, found: &str| vec![(rule, expected.to_owned(), found.to_owned())];
    assert_eq!(
        broken(&mut state, 1, &purchased(9, 5, "USD", 9)),
        named(Rule::AccountOpened, "1", "0")
    );
    assert_eq!(broken(&mut state, 2, &opened), []);
    assert_eq!(
        broken(&mut state, 3, &opened),
        named(Rule::AccountOpened, "0", "1")
    );
    assert_eq!(
        broken(&mut state, 5, &debited(1, 8)),
        named(Rule::SequenceContiguous, "4", "5")
    );
    assert_eq!(
        broken(&mut state, 6, &debited(1, 6)),
        named(Rule::BalanceFollows, "7", "6")
    );
    assert_eq!(
        broken(&mut state, 7, &debited(1, 5)),
        [],
        "the next one follows from what was stated"
    );
    assert_eq!(
        broken(&mut state, 8, &debited(6, -1)),
        named(Rule::BalanceNotNegative, "0", "-1")
    );
}

#[test]
fn amounts_at_the_edge_of_the_number_are_no_panic() {
    let mut balance = TrialBalance::default();
    let event = adjusted(AdjustmentKind::Adjustment, i64::MIN, 0);
    let reseller = ResellerId(Uuid::nil());
    for line in lines(&event) {
        balance.post(reseller, &line).unwrap();
        assert_eq!(balance.post(reseller, &line), Err(Overflow));
    }
}

#[test]
fn the_digest_is_the_one_in_the_document() {
    let mut balance = TrialBalance::default();
    let reseller = ResellerId(Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0001));
    for event in [purchased(900, 5_000, "USD", 900), debited(30, 870)] {
        for line in lines(&event) {
            balance.post(reseller, &line).unwrap();
        }
    }
    let text = include_str!("../../../docs/ledger.md");
    let digest = balance.digest("2026-10".parse().unwrap(), 2);
    assert!(text.contains(&digest), "docs/ledger.md does not name {digest}");
}

#[derive(Clone, Copy, Debug)]
enum Movement {
    Sale(i64, i64, usize),
    Debit(i64),
    Adjust(AdjustmentKind, i64),
}

fn any_movement() -> impl Strategy<Value = (usize, Movement)> {
    let kind = prop_oneof![
        Just(AdjustmentKind::Refund),
        Just(AdjustmentKind::Bonus),
        Just(AdjustmentKind::Adjustment)
    ];
    let movement = prop_oneof![
        (1..1_000_i64, 0..9_000_i64, 0..2_usize)
            .prop_map(|(credits, price, unit)| Movement::Sale(credits, price, unit)),
        (1..400_i64).prop_map(Movement::Debit),
        (kind, -200..400_i64).prop_map(|(kind, credits)| Movement::Adjust(kind, credits)),
    ];
    (0..3_usize, movement)
}

/// The events that the rules of the account let through, in the order of the log.
fn events(movements: &[(usize, Movement)]) -> Vec<(ResellerId, CreditAccountEvent)> {
    let mut balances = [0_i64; 3];
    let reseller = |index: usize| ResellerId(Uuid::from_u128(100 + u128::try_from(index).unwrap()));
    let mut events: Vec<_> = (0..3)
        .map(|index| (reseller(index), CreditAccountEvent::CreditAccountOpened))
        .collect();
    for (index, movement) in movements {
        let credits = match movement {
            Movement::Sale(credits, ..) | Movement::Adjust(AdjustmentKind::Adjustment, credits) => *credits,
            Movement::Debit(credits) => -credits,
            Movement::Adjust(AdjustmentKind::Refund | AdjustmentKind::Bonus, credits) => credits.abs(),
        };
        let after = balances[*index] + credits;
        if after < 0 || credits == 0 {
            continue;
        }
        balances[*index] = after;
        let event = match movement {
            Movement::Sale(credits, price, unit) => purchased(*credits, *price, ["USD", "EUR"][*unit], after),
            Movement::Debit(credits) => debited(*credits, after),
            Movement::Adjust(kind, _) => adjusted(*kind, credits, after),
        };
        events.push((reseller(*index), event));
    }
    events
}

proptest! {
    #[test]
    fn every_entry_sums_to_zero_and_the_identity_holds_at_every_position(
        movements in prop::collection::vec(any_movement(), 0..80),
    ) {
        let mut states = HashMap::<ResellerId, AccountState>::new();
        let mut all = TrialBalance::default();
        let mut alone = HashMap::<ResellerId, TrialBalance>::new();
        for (reseller, event) in events(&movements) {
            let state = states.entry(reseller).or_default();
            prop_assert_eq!(state.take(state.sequence + 1, &entry(&event)), vec![]);
            for line in lines(&event) {
                prop_assert!(line.amount > 0);
                let sum: i64 = line.postings().iter().map(|posting| posting.amount).sum();
                prop_assert_eq!(sum, 0);
                all.post(reseller, &line).unwrap();
                alone.entry(reseller).or_default().post(reseller, &line).unwrap();
            }
            for (reseller, balance) in &alone {
                let identity = CreditIdentity::of(&balance.totals().unwrap());
                prop_assert!(identity.holds(), "{:?}", identity);
                prop_assert_eq!(identity.available, states[reseller].balance, "the balance that the events state");
            }
            prop_assert!(CreditIdentity::of(&all.totals().unwrap()).holds());
        }
        let mut units = HashMap::<String, i64>::new();
        for total in all.totals().unwrap() {
            *units.entry(total.unit).or_default() += total.debits - total.credits;
        }
        prop_assert!(units.values().all(|sum| *sum == 0), "{:?}", units);
    }

    #[test]
    fn an_altered_amount_is_found_at_its_event(
        movements in prop::collection::vec(any_movement(), 1..40),
        at in any::<prop::sample::Index>(),
        by in 1..50_i64,
    ) {
        let mut events = events(&movements);
        prop_assume!(events.len() > 3);
        let at = 3 + at.index(events.len() - 3);
        if let CreditAccountEvent::CreditsPurchased { credits, .. }
            | CreditAccountEvent::CreditsDebited { credits, .. }
            | CreditAccountEvent::CreditsAdjusted { credits, .. } = &mut events[at].1
        {
            credits.0 += by;
        }
        let mut states = HashMap::<ResellerId, AccountState>::new();
        let mut found = Vec::new();
        for (number, (reseller, event)) in events.iter().enumerate() {
            let state = states.entry(*reseller).or_default();
            let broken = state.take(state.sequence + 1, &entry(event));
            found.extend(broken.into_iter().map(|violation| (number, violation.rule)));
        }
        prop_assert_eq!(found, vec![(at, Rule::BalanceFollows)]);
    }
}
