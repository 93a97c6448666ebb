//! Refunds and reversals.

use super::*;

fn past(number: u64, event: CreditAccountEvent) -> Box<Past> {
    Box::new(Past { number, event })
}

fn refund(debit: Box<Past>, credits: Option<i64>, at: DateTime<Utc>) -> CreditAccountCommand {
    CreditAccountCommand::Refund {
        debit,
        credits: credits.map(Credits),
        note: "cancelled".to_owned(),
        at,
    }
}

fn reverse(movement: Box<Past>) -> CreditAccountCommand {
    CreditAccountCommand::Reverse {
        movement,
        note: "by mistake".to_owned(),
        at: noon(),
    }
}

fn refunded(debit: u64, credits: i64, lots: Vec<Share>, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsRefunded {
        debit,
        credits: Credits(credits),
        tenant_id: Some(CUSTOMER),
        note: "cancelled".to_owned(),
        balance_after: Credits(balance_after),
        lots,
    }
}

fn reversed(
    movement: u64,
    kind: MovementKind,
    credits: i64,
    lots: Vec<Share>,
    after: i64,
) -> CreditAccountEvent {
    let customer = matches!(kind, MovementKind::Debit | MovementKind::Refund);
    CreditAccountEvent::CreditsReversed {
        movement,
        reversed: kind,
        credits: Credits(credits),
        price: (kind == MovementKind::Purchase).then(price),
        debit: (kind == MovementKind::Refund).then_some(4),
        tenant_id: customer.then_some(CUSTOMER),
        peer: None,
        note: "by mistake".to_owned(),
        balance_after: Credits(after),
        lots,
    }
}

/// 100 paid credits in lot 1, 20 free ones in lot 2, and a debit of 50 as movement 4: all of lot 2, 30 of lot 1.
fn story() -> (Vec<CreditAccountEvent>, Box<Past>) {
    let debit = with_lots(debited(50, 70), vec![free(2, 20), share(1, 30)]);
    let mut events = holding(100);
    events.push(with_lots(
        adjusted(AdjustmentKind::Bonus, 20, 120),
        vec![free(2, 20)],
    ));
    events.push(debit.clone());
    (events, past(4, debit))
}

fn after(mut events: Vec<CreditAccountEvent>, more: CreditAccountEvent) -> Vec<CreditAccountEvent> {
    events.push(more);
    events
}

#[test]
fn a_refund_goes_back_to_its_lots_the_last_used_first() {
    let (events, debit) = story();
    let part = refunded(4, 35, vec![share(1, 30), free(2, 5)], 105);
    given(events.clone())
        .when(refund(debit.clone(), Some(35), noon()))
        .then_expect_events(vec![part.clone()]);
    given(after(events, part))
        .when(refund(debit, None, noon()))
        .then_expect_events(vec![refunded(4, 15, vec![free(2, 15)], 120)]);
}

#[test]
fn nothing_is_refunded_twice_and_no_refund_is_refunded() {
    let (events, debit) = story();
    let too_large = |needed, available| CreditAccountError::ReturnTooLarge {
        number: 4,
        needed: Credits(needed),
        available: Credits(available),
    };
    refused(
        events.clone(),
        refund(debit.clone(), Some(51), noon()),
        too_large(51, 50),
    );
    let whole = refunded(4, 50, vec![share(1, 30), free(2, 20)], 120);
    let all_back = after(events, whole.clone());
    refused(
        all_back.clone(),
        refund(debit.clone(), Some(1), noon()),
        too_large(1, 0),
    );
    refused(all_back.clone(), refund(debit, None, noon()), too_large(50, 0));
    let not_a_debit = CreditAccountError::NotADebit {
        number: 5,
        kind: MovementKind::Refund,
    };
    refused(all_back, refund(past(5, whole), None, noon()), not_a_debit);
    refused(
        holding(1),
        refund(past(1, opened()), None, noon()),
        CreditAccountError::MovementNotFound,
    );
}

#[test]
fn a_refund_to_a_lot_that_has_expired_can_be_used_for_thirty_days() {
    let (tomorrow, later) = (
        noon() + chrono::TimeDelta::days(1),
        noon() + chrono::TimeDelta::days(9),
    );
    let dated = |credits, expires_at| Share {
        expires_at: Some(expires_at),
        ..share(1, credits)
    };
    let debit = with_lots(debited(60, 40), vec![dated(60, tomorrow)]);
    let events = vec![
        opened(),
        with_lots(purchased(100, None, 100), vec![dated(100, tomorrow)]),
        debit.clone(),
    ];
    given(events)
        .when(refund(past(3, debit), None, later))
        .then_expect_events(vec![
            CreditAccountEvent::CreditsExpired {
                credits: Credits(40),
                balance_after: Credits(0),
                lots: vec![dated(40, tomorrow)],
            },
            refunded(
                3,
                60,
                vec![dated(60, later + chrono::TimeDelta::days(RETURN_GRACE_DAYS))],
                60,
            ),
        ]);
}

#[test]
fn a_debit_from_before_there_were_lots_returns_to_the_lot_of_no_lot() {
    let old = with_lots(debited(30, 70), vec![]);
    let events = vec![opened(), purchased(100, None, 100), old.clone()];
    given(events.clone())
        .when(debit(10))
        .then_expect_events(vec![with_lots(debited(10, 60), vec![share(LOT_OF_NO_LOT, 10)])]);
    given(events)
        .when(refund(past(3, old), None, noon()))
        .then_expect_events(vec![refunded(3, 30, vec![share(LOT_OF_NO_LOT, 30)], 100)]);
}

#[test]
fn a_debit_is_reversed_once_at_its_own_lots() {
    let (events, debit) = story();
    let back = reversed(4, MovementKind::Debit, 50, vec![share(1, 30), free(2, 20)], 120);
    given(events.clone())
        .when(reverse(debit.clone()))
        .then_expect_events(vec![back.clone()]);
    let already = CreditAccountError::AlreadyReturned { number: 4 };
    let over = after(events.clone(), back.clone());
    refused(over.clone(), reverse(debit.clone()), already.clone());
    let not_reversible = CreditAccountError::NotReversible {
        number: 5,
        kind: MovementKind::Reversal,
    };
    refused(over, reverse(past(5, back)), not_reversible);
    let part = after(events, refunded(4, 10, vec![share(1, 10)], 80));
    refused(part, reverse(debit), already);
}

#[test]
fn a_purchase_is_reversed_with_its_price_while_its_lot_has_its_credits() {
    let purchase = with_lots(purchased(100, None, 100), vec![share(1, 100)]);
    given(holding(100))
        .when(reverse(past(2, purchase.clone())))
        .then_expect_events(vec![reversed(
            2,
            MovementKind::Purchase,
            -100,
            vec![share(1, 100)],
            0,
        )]);
    let spent = after(holding(100), debited(1, 99));
    let lot_spent = CreditAccountError::LotSpent {
        lot: 1,
        needed: Credits(100),
        available: Credits(99),
    };
    refused(spent, reverse(past(2, purchase)), lot_spent);
}

#[test]
fn a_reversed_refund_may_be_refunded_again() {
    let (events, debit) = story();
    let back = refunded(4, 50, vec![share(1, 30), free(2, 20)], 120);
    let undone = reversed(5, MovementKind::Refund, -50, vec![share(1, 30), free(2, 20)], 70);
    given(after(events.clone(), back.clone()))
        .when(reverse(past(5, back.clone())))
        .then_expect_events(vec![undone.clone()]);
    given(after(after(events, back.clone()), undone))
        .when(refund(debit, None, noon()))
        .then_expect_events(vec![back]);
}

#[test]
fn what_is_too_old_to_be_remembered_is_not_taken_back() {
    let mut account = CreditAccount::default();
    let (events, debit) = story();
    for event in events {
        account.evolve(event);
    }
    for number in 10..=5_000 {
        account.returns.add(number, Credits(1));
    }
    let too_old = CreditAccountError::MovementTooOld { number: 4 };
    assert_told(&too_old);
    assert_eq!(account.decide(reverse(debit)), Err(too_old));
}
