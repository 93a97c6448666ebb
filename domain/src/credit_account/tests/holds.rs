//! Reservations, expiry and alerts.

use chrono::TimeDelta;

use super::*;

const HOLD: ReservationId = ReservationId(Uuid::from_u128(3));

fn tomorrow() -> DateTime<Utc> {
    noon() + TimeDelta::days(1)
}

fn reserve(credits: i64, expires_at: DateTime<Utc>) -> CreditAccountCommand {
    CreditAccountCommand::Reserve {
        wanted: NewReservation {
            reservation_id: HOLD,
            credits: Credits(credits),
            tenant_id: Some(CUSTOMER),
            expires_at,
            note: "renewal".to_owned(),
        },
        at: noon(),
    }
}

fn capture(credits: Option<i64>) -> CreditAccountCommand {
    CreditAccountCommand::Capture {
        reservation_id: HOLD,
        credits: credits.map(Credits),
        note: "renewed".to_owned(),
        at: noon(),
    }
}

fn reserved(credits: i64, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsReserved {
        reservation_id: HOLD,
        credits: Credits(credits),
        tenant_id: Some(CUSTOMER),
        note: "renewal".to_owned(),
        expires_at: tomorrow(),
        balance_after: Credits(balance_after),
        lots: vec![share(1, credits)],
    }
}

fn released(credits: i64, expired: bool, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsReleased {
        reservation_id: HOLD,
        credits: Credits(credits),
        tenant_id: Some(CUSTOMER),
        expired,
        balance_after: Credits(balance_after),
        lots: vec![share(1, credits)],
    }
}

fn captured(credits: i64, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsCaptured {
        reservation_id: HOLD,
        credits: Credits(credits),
        tenant_id: Some(CUSTOMER),
        note: "renewed".to_owned(),
        balance_after: Credits(balance_after),
        lots: vec![share(1, credits)],
    }
}

fn held() -> Vec<CreditAccountEvent> {
    let mut events = holding(100);
    events.push(reserved(30, 70));
    events
}

#[test]
fn held_credits_are_neither_available_nor_spent() {
    given(holding(100))
        .when(reserve(30, tomorrow()))
        .then_expect_events(vec![reserved(30, 70)]);
    refused(held(), debit(71), insufficient(71, 70));
    let mut account = CreditAccount::default();
    for event in held() {
        account.evolve(event);
    }
    assert_eq!((account.balance(), account.held()), (Credits(70), Credits(30)));
    assert_eq!(account.next_due(), Some(tomorrow()));
}

#[test]
fn a_reservation_is_captured_in_whole_or_in_part_and_the_rest_comes_back() {
    given(held())
        .when(capture(None))
        .then_expect_events(vec![captured(30, 70)]);
    given(held())
        .when(capture(Some(20)))
        .then_expect_events(vec![captured(20, 70), released(10, false, 80)]);
    let too_large = CreditAccountError::CaptureTooLarge {
        needed: Credits(31),
        available: Credits(30),
    };
    refused(held(), capture(Some(31)), too_large);
    refused(held(), capture(Some(0)), CreditAccountError::InvalidAmount);
    refused(
        holding(100),
        capture(None),
        CreditAccountError::ReservationNotFound,
    );
}

#[test]
fn a_reservation_is_released_by_hand_or_when_its_time_is_over() {
    let release = |at| CreditAccountCommand::Release {
        reservation_id: HOLD,
        at,
    };
    given(held())
        .when(release(noon()))
        .then_expect_events(vec![released(30, false, 100)]);
    refused(
        held(),
        release(tomorrow()),
        CreditAccountError::ReservationNotFound,
    );
    given(held())
        .when(CreditAccountCommand::ExpireDue { at: tomorrow() })
        .then_expect_events(vec![released(30, true, 100)]);
    given(held())
        .when(CreditAccountCommand::ExpireDue { at: noon() })
        .then_expect_events(vec![]);
}

#[test]
fn a_reservation_ends_after_now_and_not_in_years() {
    let last = noon() + TimeDelta::days(RESERVATION_DAYS_MAX);
    for ends in [noon(), last + TimeDelta::seconds(1)] {
        refused(
            holding(100),
            reserve(30, ends),
            CreditAccountError::InvalidReservationEnd,
        );
    }
    refused(
        held(),
        reserve(30, tomorrow()),
        CreditAccountError::ReservationExists,
    );
}

#[test]
fn an_account_has_a_bounded_number_of_reservations_and_lots() {
    let mut account = CreditAccount::default();
    for event in holding(5_000) {
        account.evolve(event);
    }
    for number in 0..u128::try_from(RESERVATIONS_MAX).unwrap() {
        account.evolve(CreditAccountEvent::CreditsReserved {
            reservation_id: ReservationId(Uuid::from_u128(100 + number)),
            credits: Credits(1),
            tenant_id: None,
            note: "x".to_owned(),
            expires_at: tomorrow(),
            balance_after: Credits(4_999 - i64::try_from(number).unwrap()),
            lots: vec![share(1, 1)],
        });
    }
    let full = CreditAccountError::TooManyReservations;
    assert_told(&full);
    assert_eq!(account.decide(reserve(1, tomorrow())), Err(full));
    let mut account = CreditAccount::default();
    account.evolve(opened());
    for lot in 1..=u64::try_from(LOTS_OPEN_MAX).unwrap() {
        account.lots.add(&share(lot, 1));
    }
    account.balance = account.lots.total();
    assert_told(&CreditAccountError::TooManyLots);
    assert_eq!(
        account.decide(purchase(1, None)),
        Err(CreditAccountError::TooManyLots)
    );
}

#[test]
fn credits_expire_before_the_next_command_sees_them() {
    let dated = |credits| Share {
        expires_at: Some(tomorrow()),
        ..share(1, credits)
    };
    let bought = with_lots(purchased(100, None, 100), vec![dated(100)]);
    given(vec![opened()])
        .when(purchase_until(100, Some(tomorrow()), None))
        .then_expect_events(vec![bought.clone()]);
    refused(
        vec![opened()],
        purchase_until(100, Some(noon()), None),
        CreditAccountError::InvalidExpiry,
    );
    let debit_at = |at| CreditAccountCommand::Debit {
        credits: Credits(30),
        tenant_id: CUSTOMER,
        purpose: DebitPurpose::NewCustomer,
        at,
    };
    refused(
        vec![opened(), bought.clone()],
        debit_at(tomorrow()),
        insufficient(30, 0),
    );
    given(vec![opened(), bought])
        .when(CreditAccountCommand::ExpireDue { at: tomorrow() })
        .then_expect_events(vec![CreditAccountEvent::CreditsExpired {
            credits: Credits(100),
            balance_after: Credits(0),
            lots: vec![dated(100)],
        }]);
}

#[test]
fn an_alert_is_raised_once_at_each_crossing() {
    let alerts = |thresholds: &[i64]| CreditAccountCommand::SetAlerts {
        thresholds: thresholds.iter().copied().map(Credits).collect(),
        at: noon(),
    };
    let set = CreditAccountEvent::LowCreditAlertsSet {
        thresholds: vec![Credits(10), Credits(50)],
    };
    given(holding(100))
        .when(alerts(&[50, 10, 50]))
        .then_expect_events(vec![set.clone()]);
    let mut events = holding(100);
    events.push(set);
    given(events.clone())
        .when(alerts(&[10, 50]))
        .then_expect_events(vec![]);
    let reached = |threshold, balance| CreditAccountEvent::LowCreditReached {
        threshold: Credits(threshold),
        balance: Credits(balance),
    };
    given(events.clone())
        .when(debit(49))
        .then_expect_events(vec![debited(49, 51)]);
    given(events.clone())
        .when(debit(50))
        .then_expect_events(vec![debited(50, 50), reached(50, 50)]);
    given(events.clone())
        .when(debit(95))
        .then_expect_events(vec![debited(95, 5), reached(10, 5)]);
    events.push(debited(50, 50));
    events.push(reached(50, 50));
    given(events)
        .when(debit(1))
        .then_expect_events(vec![debited(1, 49)]);
    for wrong in [
        vec![0],
        vec![-1],
        vec![CREDITS_PER_COMMAND_MAX + 1],
        (1..=11).collect(),
    ] {
        refused(holding(1), alerts(&wrong), CreditAccountError::InvalidThresholds);
    }
}
