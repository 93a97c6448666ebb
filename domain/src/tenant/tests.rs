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
