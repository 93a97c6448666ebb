//! A bulk begins once, can be cancelled until it has ended, and has a limit.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;

const NORTH: ResellerId = ResellerId(Uuid::from_u128(1));

fn given(events: Vec<BulkEvent>) -> AggregateTestExecutor<Bulk> {
    TestFramework::with(()).given(events)
}

fn begin(mode: BulkMode, rows: u32) -> BulkCommand {
    BulkCommand::Begin {
        reseller_id: NORTH,
        kind: BulkKind::Extend,
        mode,
        rows,
        sha256: "ab".to_owned(),
    }
}

fn begun() -> BulkEvent {
    BulkEvent::BulkBegun {
        reseller_id: NORTH,
        kind: BulkKind::Extend,
        mode: BulkMode::BestEffort,
        rows: 2,
        sha256: "ab".to_owned(),
    }
}

fn cancel(reason: &str) -> BulkCommand {
    BulkCommand::Cancel {
        reason: reason.to_owned(),
    }
}

fn cancelled() -> BulkEvent {
    BulkEvent::BulkCancelled {
        reason: "wrong file".to_owned(),
    }
}

const END: BulkCommand = BulkCommand::End {
    outcome: BulkOutcome::Completed,
    done: 1,
    failed: 1,
};
const ENDED: BulkEvent = BulkEvent::BulkEnded {
    outcome: BulkOutcome::Completed,
    done: 1,
    failed: 1,
};

#[track_caller]
fn refused(past: Vec<BulkEvent>, command: BulkCommand, error: BulkError) {
    let told = match &error {
        BulkError::BulkNotFound => ("BULK_NOT_FOUND", RefusalKind::NotFound),
        BulkError::BulkAlreadyBegun => ("BULK_ALREADY_BEGUN", RefusalKind::Conflict),
        BulkError::BulkEnded => ("BULK_ENDED", RefusalKind::Conflict),
        BulkError::BulkAlreadyCancelled => ("BULK_ALREADY_CANCELLED", RefusalKind::Conflict),
        BulkError::BulkEmpty => ("BULK_EMPTY", RefusalKind::Invalid),
        BulkError::BulkTooLong { .. } => ("BULK_TOO_LONG", RefusalKind::Invalid),
        BulkError::InvalidReason => ("INVALID_REASON", RefusalKind::Invalid),
    };
    assert_eq!((error.code(), error.kind()), told);
    given(past).when(command).then_expect_error(error);
}

#[test]
fn a_bulk_begins_and_ends_once() {
    given(vec![])
        .when(begin(BulkMode::BestEffort, 2))
        .then_expect_events(vec![begun()]);
    given(vec![begun()]).when(END).then_expect_events(vec![ENDED]);
    refused(
        vec![begun()],
        begin(BulkMode::BestEffort, 2),
        BulkError::BulkAlreadyBegun,
    );
    refused(vec![], END, BulkError::BulkNotFound);
    refused(vec![begun(), ENDED], END, BulkError::BulkEnded);
}

#[test]
fn a_bulk_has_rows_and_not_too_many_of_them() {
    refused(vec![], begin(BulkMode::BestEffort, 0), BulkError::BulkEmpty);
    for mode in [BulkMode::BestEffort, BulkMode::AllOrNothing] {
        let max = rows_max(mode);
        refused(vec![], begin(mode, max + 1), BulkError::BulkTooLong { max, mode });
    }
    let told = BulkError::BulkTooLong {
        max: 5_000,
        mode: BulkMode::AllOrNothing,
    };
    assert_eq!(
        told.to_string(),
        "a bulk has at most 5000 rows in the mode ALL_OR_NOTHING: send several"
    );
}

#[test]
fn a_bulk_is_cancelled_once_before_its_end() {
    given(vec![begun()])
        .when(cancel(" wrong file "))
        .then_expect_events(vec![cancelled()]);
    given(vec![begun(), cancelled()])
        .when(END)
        .then_expect_events(vec![ENDED]);
    refused(vec![], cancel("r"), BulkError::BulkNotFound);
    refused(
        vec![begun(), cancelled()],
        cancel("r"),
        BulkError::BulkAlreadyCancelled,
    );
    refused(vec![begun(), ENDED], cancel("r"), BulkError::BulkEnded);
    refused(vec![begun()], cancel(" "), BulkError::InvalidReason);
}
