//! Buying, debiting and adjusting credits.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::NOTE_CHARS_MAX;

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
    use CreditAccountError as E;
    use RefusalKind::{Conflict, Invalid, NotFound};
    let (code, kind, figures) = match error {
        E::CreditAccountNotFound => ("CREDIT_ACCOUNT_NOT_FOUND", NotFound, None),
        E::MovementNotFound => ("MOVEMENT_NOT_FOUND", NotFound, None),
        E::ReservationNotFound => ("RESERVATION_NOT_FOUND", NotFound, None),
        E::CreditAccountAlreadyOpen => ("CREDIT_ACCOUNT_ALREADY_OPEN", Conflict, None),
        E::InsufficientCredits { needed, available } => {
            ("INSUFFICIENT_CREDITS", Conflict, Some((needed, available)))
        }
        E::ReturnTooLarge {
            needed, available, ..
        } => ("RETURN_TOO_LARGE", Conflict, Some((needed, available))),
        E::LotSpent {
            needed, available, ..
        } => ("LOT_SPENT", Conflict, Some((needed, available))),
        E::CaptureTooLarge { needed, available } => {
            ("CAPTURE_TOO_LARGE", Conflict, Some((needed, available)))
        }
        E::CreditLineInUse { needed, available } => {
            ("CREDIT_LINE_IN_USE", Conflict, Some((needed, available)))
        }
        E::NotADebit { .. } => ("NOT_A_DEBIT", Conflict, None),
        E::NotReversible { .. } => ("NOT_REVERSIBLE", Conflict, None),
        E::AlreadyReturned { .. } => ("ALREADY_RETURNED", Conflict, None),
        E::MovementTooOld { .. } => ("MOVEMENT_TOO_OLD", Conflict, None),
        E::TooManyLots => ("TOO_MANY_LOTS", Conflict, None),
        E::ReservationExists => ("RESERVATION_EXISTS", Conflict, None),
        E::TooManyReservations => ("TOO_MANY_RESERVATIONS", Conflict, None),
        E::InvalidAmount => ("INVALID_AMOUNT", Invalid, None),
        E::InvalidNote => ("INVALID_NOTE", Invalid, None),
        E::InvalidExpiry => ("INVALID_EXPIRY", Invalid, None),
        E::RefundWithoutDebit => ("REFUND_WITHOUT_DEBIT", Invalid, None),
        E::InvalidReservationEnd => ("INVALID_RESERVATION_END", Invalid, None),
        E::InvalidCreditLine => ("INVALID_CREDIT_LINE", Invalid, None),
        E::InvalidThresholds => ("INVALID_THRESHOLDS", Invalid, None),
    };
    let facts = Facts {
        needed: figures.map(|(needed, _)| needed.0),
        available: figures.map(|(_, available)| available.0),
        ..Facts::default()
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

/// When commands are given, unless a test says otherwise.
fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn purchase_until(
    credits: i64,
    expires_at: Option<DateTime<Utc>>,
    note: Option<&str>,
) -> CreditAccountCommand {
    CreditAccountCommand::Purchase {
        purchase: Purchase {
            pack_code: "starter".to_owned(),
            credits: Credits(credits),
            price: price(),
            listed: None,
            expires_at,
            note: note.map(str::to_owned),
        },
        at: noon(),
    }
}

fn purchase(credits: i64, note: Option<&str>) -> CreditAccountCommand {
    purchase_until(credits, None, note)
}

fn debit(credits: i64) -> CreditAccountCommand {
    CreditAccountCommand::Debit {
        credits: Credits(credits),
        tenant_id: CUSTOMER,
        purpose: DebitPurpose::NewCustomer,
        at: noon(),
    }
}

fn adjust(kind: AdjustmentKind, credits: i64) -> CreditAccountCommand {
    CreditAccountCommand::Adjust {
        kind,
        credits: Credits(credits),
        expires_at: None,
        note: "goodwill".to_owned(),
        at: noon(),
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
        listed: None,
        lots: vec![],
    }
}

fn with_lots(mut event: CreditAccountEvent, filled: Vec<Share>) -> CreditAccountEvent {
    if let CreditAccountEvent::CreditsPurchased { lots, .. }
    | CreditAccountEvent::CreditsDebited { lots, .. }
    | CreditAccountEvent::CreditsAdjusted { lots, .. } = &mut event
    {
        *lots = filled;
    }
    event
}

/// Credits of a paid, undated lot.
fn share(lot: u64, credits: i64) -> Share {
    Share {
        lot,
        credits: Credits(credits),
        promotional: false,
        expires_at: None,
    }
}

fn free(lot: u64, credits: i64) -> Share {
    Share {
        promotional: true,
        ..share(lot, credits)
    }
}

fn debited(credits: i64, balance_after: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditsDebited {
        credits: Credits(credits),
        tenant_id: CUSTOMER,
        purpose: DebitPurpose::NewCustomer,
        balance_after: Credits(balance_after),
        lots: vec![share(1, credits)],
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

/// An account with `balance` credits, at least one.
fn holding(balance: i64) -> Vec<CreditAccountEvent> {
    vec![
        opened(),
        with_lots(purchased(balance, None, balance), vec![share(1, balance)]),
    ]
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
        .then_expect_events(vec![with_lots(
            purchased(900, Some("invoice 17"), 1_000),
            vec![share(2, 900)],
        )]);
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
fn a_bonus_raises_the_balance_by_a_promotional_lot() {
    let kind = AdjustmentKind::Bonus;
    given(holding(10))
        .when(adjust(kind, 5))
        .then_expect_events(vec![with_lots(adjusted(kind, 5, 15), vec![free(2, 5)])]);
    refused(holding(10), adjust(kind, -5), CreditAccountError::InvalidAmount);
}

#[test]
fn a_refund_has_to_name_its_debit() {
    refused(
        holding(10),
        adjust(AdjustmentKind::Refund, 5),
        CreditAccountError::RefundWithoutDebit,
    );
}

#[test]
fn a_correction_goes_either_way() {
    let kind = AdjustmentKind::Adjustment;
    given(holding(10))
        .when(adjust(kind, 5))
        .then_expect_events(vec![with_lots(adjusted(kind, 5, 15), vec![share(2, 5)])]);
    given(holding(10))
        .when(adjust(kind, -10))
        .then_expect_events(vec![with_lots(adjusted(kind, -10, 0), vec![share(1, 10)])]);
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
            expires_at: None,
            note: note.to_owned(),
            at: noon(),
        };
        refused(holding(10), adjust, CreditAccountError::InvalidNote);
    }
}

mod credit_line;
mod holds;
mod random;
mod take_back;
mod transfers;
