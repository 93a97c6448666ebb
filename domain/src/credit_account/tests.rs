//! Buying, debiting and adjusting credits: by example, and over random command lists.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use cqrs_es::Aggregate as _;
use cqrs_es::event_sink::EventSink;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn given(events: Vec<CreditAccountEvent>) -> AggregateTestExecutor<CreditAccount> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<CreditAccountEvent>, command: CreditAccountCommand, error: CreditAccountError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code, kind and facts stand here.
#[track_caller]
fn assert_told(error: &CreditAccountError) {
    let (code, kind, facts) = match error {
        CreditAccountError::CreditAccountNotFound => (
            "CREDIT_ACCOUNT_NOT_FOUND",
            RefusalKind::NotFound,
            Facts::default(),
        ),
        CreditAccountError::CreditAccountAlreadyOpen => (
            "CREDIT_ACCOUNT_ALREADY_OPEN",
            RefusalKind::Conflict,
            Facts::default(),
        ),
        CreditAccountError::InsufficientCredits { needed, available } => {
            let facts = Facts {
                needed: Some(needed.0),
                available: Some(available.0),
                allowed: vec![],
            };
            ("INSUFFICIENT_CREDITS", RefusalKind::Conflict, facts)
        }
        CreditAccountError::InvalidAmount => ("INVALID_AMOUNT", RefusalKind::Invalid, Facts::default()),
        CreditAccountError::InvalidNote => ("INVALID_NOTE", RefusalKind::Invalid, Facts::default()),
    };
    assert_eq!((error.code(), error.kind(), error.facts()), (code, kind, facts));
}

const CUSTOMER: TenantId = TenantId(Uuid::from_u128(2));

fn price() -> Money {
    Money {
        amount_minor: 5_000,
        currency: "USD".to_owned(),
    }
}

fn purchase(credits: i64, note: Option<&str>) -> CreditAccountCommand {
    CreditAccountCommand::Purchase {
        pack_code: "starter".to_owned(),
        credits: Credits(credits),
        price: price(),
        note: note.map(str::to_owned),
    }
}

fn debit(credits: i64) -> CreditAccountCommand {
    CreditAccountCommand::Debit {
        credits: Credits(credits),
        tenant_id: CUSTOMER,
        purpose: DebitPurpose::NewCustomer,
    }
}

fn adjust(kind: AdjustmentKind, credits: i64) -> CreditAccountCommand {
    CreditAccountCommand::Adjust {
        kind,
        credits: Credits(credits),
        note: "goodwill".to_owned(),
    }
}

fn opened() -> CreditAccountEvent {
    CreditAccountEvent::CreditAccountOpened
}

fn purchased(credits: i64, note: Option<&str>, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsPurchased {
        pack_code: "starter".to_owned(),
        credits: Credits(credits),
        price: price(),
        note: note.map(str::to_owned),
        balance_after: Credits(balance_after),
    }
}

fn debited(credits: i64, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsDebited {
        credits: Credits(credits),
        tenant_id: CUSTOMER,
        purpose: DebitPurpose::NewCustomer,
        balance_after: Credits(balance_after),
    }
}

fn adjusted(kind: AdjustmentKind, credits: i64, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsAdjusted {
        kind,
        credits: Credits(credits),
        note: "goodwill".to_owned(),
        balance_after: Credits(balance_after),
    }
}

/// An account with `balance` credits, at least one.
fn holding(balance: i64) -> Vec<CreditAccountEvent> {
    vec![opened(), purchased(balance, None, balance)]
}

fn insufficient(needed: i64, available: i64) -> CreditAccountError {
    CreditAccountError::InsufficientCredits {
        needed: Credits(needed),
        available: Credits(available),
    }
}

#[test]
fn a_credit_account_is_opened_once() {
    given(vec![])
        .when(CreditAccountCommand::Open)
        .then_expect_events(vec![opened()]);
    refused(
        vec![opened()],
        CreditAccountCommand::Open,
        CreditAccountError::CreditAccountAlreadyOpen,
    );
}

#[test]
fn nothing_moves_on_an_account_that_is_not_open() {
    for command in [purchase(900, None), debit(1), adjust(AdjustmentKind::Bonus, 1)] {
        refused(vec![], command, CreditAccountError::CreditAccountNotFound);
    }
}

#[test]
fn a_purchase_raises_the_balance() {
    given(holding(100))
        .when(purchase(900, Some(" invoice 17 ")))
        .then_expect_events(vec![purchased(900, Some("invoice 17"), 1_000)]);
}

#[test]
fn a_debit_lowers_the_balance_down_to_zero() {
    given(holding(30))
        .when(debit(30))
        .then_expect_events(vec![debited(30, 0)]);
}

#[test]
fn a_debit_above_the_balance_is_refused_with_both_figures() {
    refused(holding(15), debit(30), insufficient(30, 15));
    refused(holding(15), debit(16), insufficient(16, 15));
    refused(vec![opened()], debit(1), insufficient(1, 0));
    assert_eq!(
        insufficient(30, 15).to_string(),
        "30 credits are needed, 15 are available: buy credits or choose a shorter period"
    );
}

#[test]
fn refunds_and_bonuses_raise_the_balance() {
    for kind in [AdjustmentKind::Refund, AdjustmentKind::Bonus] {
        given(holding(10))
            .when(adjust(kind, 5))
            .then_expect_events(vec![adjusted(kind, 5, 15)]);
        refused(holding(10), adjust(kind, -5), CreditAccountError::InvalidAmount);
    }
}

#[test]
fn a_correction_goes_either_way() {
    let kind = AdjustmentKind::Adjustment;
    given(holding(10))
        .when(adjust(kind, 5))
        .then_expect_events(vec![adjusted(kind, 5, 15)]);
    given(holding(10))
        .when(adjust(kind, -10))
        .then_expect_events(vec![adjusted(kind, -10, 0)]);
}

#[test]
fn a_correction_below_zero_is_refused_with_both_figures() {
    refused(
        holding(10),
        adjust(AdjustmentKind::Adjustment, -11),
        insufficient(11, 10),
    );
}

#[test]
fn an_amount_that_no_pack_has_is_refused() {
    for credits in [i64::MIN, -1, 0, CREDITS_PER_COMMAND_MAX + 1, i64::MAX] {
        refused(
            holding(10),
            purchase(credits, None),
            CreditAccountError::InvalidAmount,
        );
        refused(holding(10), debit(credits), CreditAccountError::InvalidAmount);
        refused(
            holding(10),
            adjust(AdjustmentKind::Bonus, credits),
            CreditAccountError::InvalidAmount,
        );
    }
    for credits in [
        i64::MIN,
        -CREDITS_PER_COMMAND_MAX - 1,
        0,
        CREDITS_PER_COMMAND_MAX + 1,
    ] {
        refused(
            holding(10),
            adjust(AdjustmentKind::Adjustment, credits),
            CreditAccountError::InvalidAmount,
        );
    }
}

#[test]
fn a_balance_that_cannot_be_counted_is_refused() {
    refused(
        holding(i64::MAX),
        purchase(1, None),
        CreditAccountError::InvalidAmount,
    );
}

#[test]
fn a_note_is_neither_empty_nor_endless() {
    for note in ["", "  ", &"x".repeat(NOTE_CHARS_MAX + 1)] {
        refused(
            holding(10),
            purchase(900, Some(note)),
            CreditAccountError::InvalidNote,
        );
        let adjust = CreditAccountCommand::Adjust {
            kind: AdjustmentKind::Bonus,
            credits: Credits(1),
            note: note.to_owned(),
        };
        refused(holding(10), adjust, CreditAccountError::InvalidNote);
    }
}

/// Amounts around the sizes that business uses, and the edges of the number.
fn any_credits() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 1..200_i64,
        2 => -200..=0_i64,
        1 => Just(CREDITS_PER_COMMAND_MAX),
        1 => any::<i64>(),
    ]
}

fn any_command() -> impl Strategy<Value = CreditAccountCommand> {
    let kind = prop_oneof![
        Just(AdjustmentKind::Refund),
        Just(AdjustmentKind::Bonus),
        Just(AdjustmentKind::Adjustment)
    ];
    let note = prop_oneof![9 => Just(Some("goodwill")), 1 => Just(Some("")), 2 => Just(None)];
    prop_oneof![
        1 => Just(CreditAccountCommand::Open),
        3 => (any_credits(), note).prop_map(|(credits, note)| purchase(credits, note)),
        5 => any_credits().prop_map(debit),
        3 => (kind, any_credits()).prop_map(|(kind, credits)| adjust(kind, credits)),
    ]
}

/// Runs a command the way the store does. Deciding waits for nothing, so one poll is enough.
fn run(
    account: &mut CreditAccount,
    command: CreditAccountCommand,
) -> Result<Vec<CreditAccountEvent>, CreditAccountError> {
    let sink = EventSink::default();
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(handled) = pin!(account.handle(command, &(), &sink)).poll(&mut context) else {
        panic!("a decision waited for something");
    };
    handled?;
    let Poll::Ready(events) = pin!(sink.collect()).poll(&mut context) else {
        panic!("the events of a decision waited for something");
    };
    Ok(events)
}

/// What an event adds to the balance, and the balance that it states.
fn effect(event: &CreditAccountEvent) -> Option<(i64, Credits)> {
    match event {
        CreditAccountEvent::CreditAccountOpened => None,
        CreditAccountEvent::CreditsPurchased {
            credits,
            balance_after,
            ..
        }
        | CreditAccountEvent::CreditsAdjusted {
            credits,
            balance_after,
            ..
        } => Some((credits.0, *balance_after)),
        CreditAccountEvent::CreditsDebited {
            credits,
            balance_after,
            ..
        } => Some((-credits.0, *balance_after)),
    }
}

fn stored(account: &CreditAccount) -> serde_json::Value {
    serde_json::to_value(account).unwrap()
}

proptest! {
    #[test]
    fn the_balance_is_what_was_bought_and_adjusted_less_what_was_debited(
        commands in prop::collection::vec(any_command(), 0..60),
    ) {
        let mut account = CreditAccount::default();
        let mut sum = 0_i64;
        let _ = run(&mut account, CreditAccountCommand::Open);
        for command in commands {
            for event in run(&mut account, command).unwrap_or_default() {
                if let Some((credits, balance_after)) = effect(&event) {
                    sum += credits;
                    prop_assert_eq!(balance_after, Credits(sum), "each event states the sum up to itself");
                }
            }
            prop_assert!(account.balance() >= Credits(0));
            prop_assert_eq!(account.balance(), Credits(sum));
        }
    }

    #[test]
    fn a_refused_command_changes_nothing(commands in prop::collection::vec(any_command(), 1..60)) {
        let mut account = CreditAccount::default();
        for command in commands {
            let before = stored(&account);
            if run(&mut account, command).is_err() {
                prop_assert_eq!(stored(&account), before);
            }
        }
    }

    #[test]
    fn an_account_read_back_from_its_events_is_the_same(
        commands in prop::collection::vec(any_command(), 1..60),
    ) {
        let mut account = CreditAccount::default();
        let mut log = Vec::new();
        for command in commands {
            log.extend(run(&mut account, command).unwrap_or_default());
        }
        let mut read_back = CreditAccount::default();
        for event in log {
            read_back.apply(event);
        }
        prop_assert_eq!(stored(&read_back), stored(&account));
    }

    #[test]
    fn a_debit_is_accepted_exactly_when_the_balance_covers_it(balance in 1..500_i64, credits in 1..500_i64) {
        let mut account = CreditAccount::default();
        for event in holding(balance) {
            account.apply(event);
        }
        let expected = if credits <= balance {
            Ok(vec![debited(credits, balance - credits)])
        } else {
            Err(insufficient(credits, balance))
        };
        prop_assert_eq!(run(&mut account, debit(credits)), expected);
    }
}
