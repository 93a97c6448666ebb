//! A customer's life: created once for one reseller, suspended and resumed with a reason.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;

fn given(events: Vec<TenantEvent>) -> AggregateTestExecutor<Tenant> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<TenantEvent>, command: TenantCommand, error: TenantError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
fn assert_told(error: &TenantError) {
    let told = match error {
        TenantError::CustomerNotFound => ("CUSTOMER_NOT_FOUND", RefusalKind::NotFound),
        TenantError::CustomerAlreadyExists => ("CUSTOMER_ALREADY_EXISTS", RefusalKind::Conflict),
        TenantError::InvalidName => ("INVALID_NAME", RefusalKind::Invalid),
        TenantError::InvalidReason => ("INVALID_REASON", RefusalKind::Invalid),
        TenantError::CustomerSuspended => ("CUSTOMER_SUSPENDED", RefusalKind::Conflict),
        TenantError::CustomerNotSuspended => ("CUSTOMER_NOT_SUSPENDED", RefusalKind::Conflict),
        TenantError::CustomerClosed(_) => ("CUSTOMER_CLOSED", RefusalKind::Conflict),
        TenantError::CustomerNotClosed => ("CUSTOMER_NOT_CLOSED", RefusalKind::Conflict),
        TenantError::ReopenPeriodOver(_) => ("REOPEN_PERIOD_OVER", RefusalKind::Conflict),
        TenantError::CustomerAlreadyThere => ("CUSTOMER_ALREADY_THERE", RefusalKind::Conflict),
        TenantError::CustomerMoved => ("CUSTOMER_MOVED", RefusalKind::Conflict),
        TenantError::VersionConflict(_) => ("VERSION_CONFLICT", RefusalKind::Conflict),
    };
    assert_eq!((error.code(), error.kind()), told);
}

const NORDKLANG: ResellerId = ResellerId(Uuid::from_u128(1));

fn contact_email() -> Sealed {
    Sealed {
        subject: Uuid::from_u128(7),
        text: "c2VhbGVk".to_owned(),
    }
}

fn create(name: &str) -> TenantCommand {
    TenantCommand::Create {
        reseller_id: NORDKLANG,
        name: name.to_owned(),
        contact_email: contact_email(),
    }
}

fn created(name: &str) -> TenantEvent {
    TenantEvent::TenantCreated {
        reseller_id: NORDKLANG,
        name: name.to_owned(),
        contact_email: contact_email(),
    }
}

fn a_customer() -> TenantEvent {
    created("Radio Mitte")
}

fn suspended() -> TenantEvent {
    TenantEvent::TenantSuspended {
        reason: "unpaid invoices".to_owned(),
    }
}

fn resumed() -> TenantEvent {
    TenantEvent::TenantResumed {
        reason: "paid".to_owned(),
    }
}

fn suspend(reason: &str) -> TenantCommand {
    TenantCommand::Suspend {
        reason: reason.to_owned(),
    }
}

fn resume(reason: &str) -> TenantCommand {
    TenantCommand::Resume {
        reason: reason.to_owned(),
    }
}

#[test]
fn a_customer_is_created_for_its_reseller() {
    given(vec![])
        .when(create(" Radio Mitte "))
        .then_expect_events(vec![a_customer()]);
}

#[test]
fn a_customer_is_created_only_once() {
    refused(
        vec![a_customer()],
        create("Radio Mitte"),
        TenantError::CustomerAlreadyExists,
    );
}

#[test]
fn a_customer_needs_a_name_of_bounded_length() {
    let longest = "ü".repeat(NAME_CHARS_MAX);
    given(vec![])
        .when(create(&longest))
        .then_expect_events(vec![created(&longest)]);
    for name in ["", "   ", "bell\u{7}", &"x".repeat(NAME_CHARS_MAX + 1)] {
        refused(vec![], create(name), TenantError::InvalidName);
    }
}

#[test]
fn a_customer_is_suspended_for_a_reason() {
    given(vec![a_customer()])
        .when(suspend("unpaid invoices"))
        .then_expect_events(vec![suspended()]);
    refused(vec![a_customer()], suspend(" "), TenantError::InvalidReason);
    refused(
        vec![a_customer()],
        suspend(&"x".repeat(NOTE_CHARS_MAX + 1)),
        TenantError::InvalidReason,
    );
}

#[test]
fn a_suspended_customer_is_not_suspended_again() {
    refused(
        vec![a_customer(), suspended()],
        suspend("unpaid invoices"),
        TenantError::CustomerSuspended,
    );
}

#[test]
fn a_suspended_customer_is_resumed_for_a_reason() {
    let past = vec![a_customer(), suspended()];
    given(past.clone())
        .when(resume("paid"))
        .then_expect_events(vec![resumed()]);
    refused(past, resume(""), TenantError::InvalidReason);
}

#[test]
fn an_active_customer_cannot_be_resumed() {
    refused(
        vec![a_customer()],
        resume("paid"),
        TenantError::CustomerNotSuspended,
    );
    refused(
        vec![a_customer(), suspended(), resumed()],
        resume("paid"),
        TenantError::CustomerNotSuspended,
    );
}

#[test]
fn an_unknown_customer_is_neither_suspended_nor_resumed() {
    refused(vec![], suspend("unpaid invoices"), TenantError::CustomerNotFound);
    refused(vec![], resume("paid"), TenantError::CustomerNotFound);
}

#[test]
fn only_an_existing_customer_that_is_not_suspended_may_act() {
    let mut tenant = Tenant::default();
    assert_eq!(tenant.ensure_active(), Err(TenantError::CustomerNotFound));
    assert_eq!(tenant.reseller_id(), None);
    tenant.evolve(a_customer());
    assert_eq!(tenant.ensure_active(), Ok(()));
    assert_eq!(tenant.reseller_id(), Some(NORDKLANG));
    tenant.evolve(suspended());
    assert_eq!(tenant.ensure_active(), Err(TenantError::CustomerSuspended));
    tenant.evolve(resumed());
    assert_eq!(tenant.ensure_active(), Ok(()));
}

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn a_month_later() -> DateTime<Utc> {
    "2026-12-21T12:00:00Z".parse().unwrap()
}

fn edit(name: Option<&str>, expected_version: Option<u64>) -> TenantCommand {
    TenantCommand::EditProfile {
        name: name.map(str::to_owned),
        contact_email: None,
        expected_version,
    }
}

fn renamed(name: &str) -> TenantEvent {
    TenantEvent::TenantProfileChanged {
        name: name.to_owned(),
        contact_email: contact_email(),
    }
}

fn close(reason: &str) -> TenantCommand {
    TenantCommand::Close {
        reason: reason.to_owned(),
        at: noon(),
    }
}

fn closed() -> TenantEvent {
    TenantEvent::TenantClosed {
        reason: "not needed".to_owned(),
        reopen_until: a_month_later(),
    }
}

fn reopen(reason: &str, at: DateTime<Utc>) -> TenantCommand {
    TenantCommand::Reopen {
        reason: reason.to_owned(),
        at,
    }
}

const SUEDKLANG: ResellerId = ResellerId(Uuid::from_u128(2));

fn give(to: ResellerId, reason: &str) -> TenantCommand {
    TenantCommand::Move {
        to,
        reason: reason.to_owned(),
    }
}

fn moved() -> TenantEvent {
    TenantEvent::TenantMoved {
        from: NORDKLANG,
        to: SUEDKLANG,
        reason: "sold".to_owned(),
    }
}

#[test]
fn a_customer_is_edited_as_its_editor_has_seen_it() {
    given(vec![a_customer()])
        .when(edit(Some(" Radio Ost "), Some(1)))
        .then_expect_events(vec![renamed("Radio Ost")]);
    let redirect = TenantCommand::EditProfile {
        name: None,
        contact_email: Some(Sealed {
            subject: Uuid::from_u128(8),
            text: "bmV3".to_owned(),
        }),
        expected_version: None,
    };
    let redirected = TenantEvent::TenantProfileChanged {
        name: "Radio Mitte".to_owned(),
        contact_email: Sealed {
            subject: Uuid::from_u128(8),
            text: "bmV3".to_owned(),
        },
    };
    given(vec![a_customer()])
        .when(redirect)
        .then_expect_events(vec![redirected]);
    given(vec![a_customer()])
        .when(edit(Some("Radio Mitte"), None))
        .then_expect_events(vec![]);
    refused(
        vec![a_customer()],
        edit(Some(" "), None),
        TenantError::InvalidName,
    );
    refused(vec![], edit(Some("x"), None), TenantError::CustomerNotFound);
    let stale = Stale {
        expected: 1,
        present: 3,
        changed: vec!["name".to_owned(), "status".to_owned()],
    };
    refused(
        vec![a_customer(), renamed("Radio Ost"), suspended()],
        edit(Some("Radio West"), Some(1)),
        TenantError::VersionConflict(stale),
    );
}

#[test]
fn a_closed_customer_can_be_reopened_for_a_month() {
    given(vec![a_customer()])
        .when(close("not needed"))
        .then_expect_events(vec![closed()]);
    let past = vec![a_customer(), closed()];
    let before = a_month_later() - chrono::TimeDelta::seconds(1);
    given(past.clone())
        .when(reopen("needed", before))
        .then_expect_events(vec![TenantEvent::TenantReopened {
            reason: "needed".to_owned(),
        }]);
    refused(past.clone(), reopen("", before), TenantError::InvalidReason);
    refused(
        past,
        reopen("needed", a_month_later()),
        TenantError::ReopenPeriodOver(a_month_later()),
    );
    refused(
        vec![a_customer()],
        reopen("x", noon()),
        TenantError::CustomerNotClosed,
    );
    refused(vec![], reopen("x", noon()), TenantError::CustomerNotFound);
    refused(vec![a_customer()], close(""), TenantError::InvalidReason);
    refused(vec![], close("x"), TenantError::CustomerNotFound);
}

#[test]
fn a_closed_customer_does_nothing() {
    let past = vec![a_customer(), closed()];
    for command in [
        suspend("x"),
        resume("x"),
        close("x"),
        edit(Some("x"), None),
        give(SUEDKLANG, "x"),
    ] {
        refused(
            past.clone(),
            command,
            TenantError::CustomerClosed(a_month_later()),
        );
    }
    let mut tenant = Tenant::default();
    tenant.evolve(a_customer());
    tenant.evolve(closed());
    assert!(tenant.is_closed());
    assert_eq!(
        tenant.ensure_active(),
        Err(TenantError::CustomerClosed(a_month_later()))
    );
}

#[test]
fn a_customer_is_given_to_another_reseller() {
    given(vec![a_customer()])
        .when(give(SUEDKLANG, "sold"))
        .then_expect_events(vec![moved()]);
    let mut tenant = Tenant::default();
    for event in [a_customer(), moved()] {
        tenant.evolve(event);
    }
    assert_eq!(tenant.reseller_id(), Some(SUEDKLANG));
    refused(
        vec![a_customer()],
        give(NORDKLANG, "x"),
        TenantError::CustomerAlreadyThere,
    );
    refused(
        vec![a_customer(), moved()],
        give(SUEDKLANG, "x"),
        TenantError::CustomerAlreadyThere,
    );
    refused(
        vec![a_customer(), suspended()],
        give(SUEDKLANG, "x"),
        TenantError::CustomerSuspended,
    );
    refused(
        vec![a_customer()],
        give(SUEDKLANG, " "),
        TenantError::InvalidReason,
    );
    refused(vec![], give(SUEDKLANG, "x"), TenantError::CustomerNotFound);
}
