//! Closing periods: given, when, then; and that a closed period stays as it was, whatever comes later.

use chrono::TimeDelta;
use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::credit_account::{AdjustmentKind, CreditAccountEvent};
use crate::credits::Credits;
use crate::ids::ResellerId;
use crate::ledger::{Account, CREDITS, Overflow, Turnover};

fn period(text: &str) -> Period {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn given(events: Vec<BooksEvent>) -> AggregateTestExecutor<Books> {
    TestFramework::with(()).given(events)
}

/// A new refusal does not compile until its code and what it allows stand here.
#[track_caller]
fn refused(past: Vec<BooksEvent>, command: BooksCommand, error: BooksError) {
    let (code, allowed) = match &error {
        BooksError::PeriodNotOver { .. } => ("PERIOD_NOT_OVER", vec![]),
        BooksError::PeriodOutOfOrder { next, .. } => ("PERIOD_OUT_OF_ORDER", vec![next.to_string()]),
        BooksError::LedgerEmpty => ("LEDGER_EMPTY", vec![]),
        BooksError::LedgerViolated(_) => ("LEDGER_VIOLATED", vec![]),
        BooksError::LedgerOverflow => ("LEDGER_OVERFLOW", vec![]),
    };
    assert_eq!((error.code(), error.kind()), (code, RefusalKind::Conflict));
    assert_eq!(error.facts().allowed, allowed);
    given(past).when(command).then_expect_error(error);
}

fn balance(amount: i64) -> TrialBalance {
    let mut balance = TrialBalance::default();
    let reseller = ResellerId(Uuid::from_u128(1));
    let (received, given) = (
        Turnover {
            debits: amount,
            credits: 0,
        },
        Turnover {
            debits: 0,
            credits: amount,
        },
    );
    balance
        .add(reseller, Account::Available, CREDITS, received)
        .unwrap();
    balance.add(reseller, Account::Bonus, CREDITS, given).unwrap();
    balance
}

fn closing(entries: u64) -> Closing {
    Closing {
        opened: Some(period("2026-10")),
        entries,
        balance: balance(7),
        violation: None,
    }
}

fn close(month: &str, closing: Closing, now: &str) -> BooksCommand {
    BooksCommand::ClosePeriod {
        period: period(month),
        closing,
        at: at(now),
    }
}

fn closed(month: &str, entries: u64) -> BooksEvent {
    BooksEvent::PeriodClosed {
        period: period(month),
        entries,
        accounts: 2,
        totals: balance(7).totals().unwrap(),
        digest: balance(7).digest(period(month), entries),
    }
}

#[test]
fn a_month_that_is_over_is_closed_with_its_balance_and_digest() {
    given(vec![])
        .when(close("2026-10", closing(3), "2026-11-01T00:00:00Z"))
        .then_expect_events(vec![closed("2026-10", 3)]);
    given(vec![closed("2026-10", 3)])
        .when(close("2026-11", closing(5), "2027-02-01T00:00:00Z"))
        .then_expect_events(vec![closed("2026-11", 5)]);
}

#[test]
fn closing_again_changes_nothing() {
    given(vec![closed("2026-10", 3)])
        .when(close("2026-10", closing(9), "2026-12-01T00:00:00Z"))
        .then_expect_events(vec![]);
}

#[test]
fn a_month_that_still_runs_is_refused() {
    refused(
        vec![],
        close("2026-10", closing(3), "2026-10-31T23:59:59Z"),
        BooksError::PeriodNotOver {
            period: period("2026-10"),
        },
    );
}

#[test]
fn months_are_closed_in_order_from_the_first_account_on() {
    let refusal = |month, next| BooksError::PeriodOutOfOrder {
        period: period(month),
        next: period(next),
    };
    for month in ["2026-09", "2026-11"] {
        let command = close(month, closing(3), "2027-01-01T00:00:00Z");
        refused(vec![], command, refusal(month, "2026-10"));
    }
    for month in ["2026-09", "2026-12"] {
        let command = close(month, closing(3), "2027-01-01T00:00:00Z");
        refused(vec![closed("2026-10", 3)], command, refusal(month, "2026-11"));
    }
}

#[test]
fn an_empty_or_a_broken_ledger_is_not_closed() {
    let empty = Closing {
        opened: None,
        ..closing(0)
    };
    refused(
        vec![],
        close("2026-10", empty, "2026-11-01T00:00:00Z"),
        BooksError::LedgerEmpty,
    );
    let broken = Closing {
        violation: Some("event 3".to_owned()),
        ..closing(3)
    };
    refused(
        vec![],
        close("2026-10", broken, "2026-11-01T00:00:00Z"),
        BooksError::LedgerViolated("event 3".to_owned()),
    );
    let mut overflowing = closing(3);
    let other = ResellerId(Uuid::from_u128(2));
    let huge = Turnover {
        debits: i64::MAX,
        credits: 0,
    };
    overflowing
        .balance
        .add(other, Account::Available, CREDITS, huge)
        .unwrap();
    assert_eq!(overflowing.balance.totals(), Err(Overflow));
    refused(
        vec![],
        close("2026-10", overflowing, "2026-11-01T00:00:00Z"),
        BooksError::LedgerOverflow,
    );
}

#[test]
fn an_entry_after_the_close_is_late_and_lands_in_the_open_period() {
    let mut books = Books::default();
    books.apply(closed("2026-10", 3));
    let place = |entry, instant| booked(books.closes().iter(), entry, at(instant));
    let on_time = |month| Booked {
        period: period(month),
        late: false,
    };
    assert_eq!(place(3, "2026-10-31T23:59:59Z"), on_time("2026-10"));
    let late = Booked {
        period: period("2026-11"),
        late: true,
    };
    assert_eq!(place(4, "2026-10-31T23:59:59Z"), late);
    assert_eq!(place(4, "2026-11-01T00:00:00Z"), on_time("2026-11"));
    assert_eq!(place(4, "2027-03-01T00:00:00Z"), on_time("2027-03"));
}

/// The whole log after a while: bonuses of one reseller, each in a month of its own, in the order they came.
fn log(months: &[i64]) -> Vec<(DateTime<Utc>, CreditAccountEvent)> {
    let start = at("2026-01-15T12:00:00Z");
    let mut events = vec![(start, CreditAccountEvent::CreditAccountOpened)];
    for (number, month) in (1..).zip(months) {
        let event = CreditAccountEvent::CreditsAdjusted {
            kind: AdjustmentKind::Bonus,
            credits: Credits(1),
            note: "goodwill".to_owned(),
            balance_after: Credits(number),
            lots: vec![],
        };
        events.push((start + TimeDelta::days(30 * month), event));
    }
    events
}

fn fold(books: &Books, period: Period, log: &[(DateTime<Utc>, CreditAccountEvent)]) -> Closing {
    let mut fold = ClosingFold::new(books, period);
    for (sequence, (happened_at, event)) in (1..).zip(log) {
        let fact = LedgerFact {
            reseller_id: ResellerId(Uuid::from_u128(1)),
            sequence,
            happened_at: *happened_at,
            event,
        };
        fold.take(fact).unwrap();
    }
    fold.finish()
}

proptest! {
    #[test]
    fn a_closed_period_is_what_it_was_closed_with_whatever_the_log_takes_later(
        months in prop::collection::vec(0..6_i64, 0..40),
        seen in prop::collection::vec(any::<prop::sample::Index>(), 6),
    ) {
        let log = log(&months);
        let mut lengths: Vec<usize> = seen.iter().map(|seen| 1 + seen.index(log.len())).collect();
        lengths.sort_unstable();
        let mut books = Books::default();
        let mut next = period("2026-01");
        for length in lengths {
            let closing = fold(&books, next, &log[..length.min(log.len())]);
            let command = BooksCommand::ClosePeriod { period: next, closing, at: at("2030-01-01T00:00:00Z") };
            for event in books.decide(command).unwrap() {
                books.apply(event);
            }
            next = next.next();
        }
        for close in books.closes() {
            let again = fold(&books, close.period, &log);
            prop_assert_eq!(again.balance.digest(close.period, close.entries), close.digest.clone());
        }
    }

    #[test]
    fn the_fold_names_the_first_broken_event(months in prop::collection::vec(0..3_i64, 2..20)) {
        let mut log = log(&months);
        log.remove(1);
        let violation = fold(&Books::default(), period("2026-01"), &log).violation;
        let expected = "event 2 of credit account 00000000-0000-0000-0000-000000000001 breaks balance_follows";
        prop_assert!(violation.unwrap_or_default().starts_with(expected));
    }
}
