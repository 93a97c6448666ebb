use super::super::tests::{ANNA, BEN, after, bought, day, fact, known, run, transfer};
use super::super::{StoreAccount, StoreAccountCommand};
use super::*;

fn seen(transaction: &str, from: i64, to: i64) -> Observation {
    Observation {
        store: "APP_STORE".to_owned(),
        product: "premium".to_owned(),
        transaction: Some(transaction.to_owned()),
        purchased_at: day(from),
        expires_at: Some(day(to)),
        grace_ends_at: None,
        refunded_at: None,
        sandbox: false,
    }
}

fn causes(account: &StoreAccount, user: StoreUserId, observed: &[Observation]) -> Vec<DriftCause> {
    let (found, _) = compare(account.held(), &known(), user, observed, day(5));
    found.into_iter().map(|drift| drift.cause).collect()
}

fn initial() -> StoreFact {
    bought(FactKind::Purchased, "t1", 0, 10)
}

#[test]
fn what_agrees_is_no_drift() {
    let account = after([initial()]);
    assert_eq!(causes(&account, ANNA, &[seen("t1", 0, 10)]), []);
    let mut nameless = seen("t1", 0, 10);
    nameless.transaction = None;
    nameless.expires_at = Some(day(10) - TimeDelta::seconds(1));
    assert_eq!(causes(&account, ANNA, &[nameless]), []);
}

#[test]
fn each_difference_is_told_with_its_cause() {
    let account = after([initial()]);
    let mut refunded = seen("t1", 0, 10);
    refunded.refunded_at = Some(day(3));
    for (observed, cause) in [
        (vec![seen("t1", 0, 12)], DriftCause::DatesDiffer),
        (vec![refunded], DriftCause::RefundDiffers),
        (
            vec![seen("t1", 0, 10), seen("t2", 10, 20)],
            DriftCause::PurchaseMissed,
        ),
        (vec![], DriftCause::PurchaseUnknown),
    ] {
        assert_eq!(causes(&account, ANNA, &observed), [cause]);
    }
}

#[test]
fn a_repair_makes_both_agree() {
    let mut refunded = seen("t1", 0, 10);
    refunded.refunded_at = Some(day(3));
    for observed in [
        vec![seen("t1", 0, 12)],
        vec![refunded],
        vec![seen("t1", 0, 10), seen("t2", 10, 20)],
        vec![],
    ] {
        let mut account = after([initial()]);
        let (found, repairs) = compare(account.held(), &known(), ANNA, &observed, day(5));
        let command = StoreAccountCommand::Compare {
            found,
            repairs,
            known: known(),
        };
        run(&mut account, command);
        let (left, _) = compare(account.held(), &known(), ANNA, &observed, day(6));
        assert_eq!(left, [], "{observed:?}");
    }
}

#[test]
fn what_was_given_away_is_compared_with_whom_it_is_now() {
    let account = after([initial(), transfer(ANNA, BEN, day(2))]);
    assert_eq!(causes(&account, ANNA, &[]), []);
    assert_eq!(causes(&account, BEN, &[seen("t1", 0, 10)]), []);
}

#[test]
fn what_has_ended_need_not_be_known_any_more() {
    let ended = fact(FactKind::Expired, ANNA, "t1", day(3));
    assert_eq!(causes(&after([initial(), ended]), ANNA, &[]), []);
}
