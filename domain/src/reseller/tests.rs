//! A reseller's life: registered once, suspended and resumed with a reason.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;

fn given(events: Vec<ResellerEvent>) -> AggregateTestExecutor<Reseller> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<ResellerEvent>, command: ResellerCommand, error: ResellerError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
fn assert_told(error: &ResellerError) {
    let told = match error {
        ResellerError::ResellerNotFound => ("RESELLER_NOT_FOUND", RefusalKind::NotFound),
        ResellerError::ResellerAlreadyRegistered => ("RESELLER_ALREADY_REGISTERED", RefusalKind::Conflict),
        ResellerError::InvalidName => ("INVALID_NAME", RefusalKind::Invalid),
        ResellerError::InvalidReason => ("INVALID_REASON", RefusalKind::Invalid),
        ResellerError::InvalidCommissionRate => ("INVALID_COMMISSION_RATE", RefusalKind::Invalid),
        ResellerError::InvalidTimeZone(_) => ("INVALID_TIME_ZONE", RefusalKind::Invalid),
        ResellerError::ResellerSuspended => ("RESELLER_SUSPENDED", RefusalKind::Conflict),
        ResellerError::ResellerNotSuspended => ("RESELLER_NOT_SUSPENDED", RefusalKind::Conflict),
    };
    assert_eq!((error.code(), error.kind()), told);
}

fn contact_email() -> Sealed {
    Sealed {
        subject: Uuid::from_u128(7),
        text: "c2VhbGVk".to_owned(),
    }
}

fn register(name: &str, commission_rate: &str, time_zone: &str) -> ResellerCommand {
    ResellerCommand::Register {
        name: name.to_owned(),
        contact_email: contact_email(),
        commission_rate: commission_rate.parse().unwrap(),
        time_zone: time_zone.to_owned(),
    }
}

fn registered(name: &str, commission_rate: &str) -> ResellerEvent {
    ResellerEvent::ResellerRegistered {
        name: name.to_owned(),
        contact_email: contact_email(),
        commission_rate: commission_rate.parse().unwrap(),
        time_zone: "Europe/Berlin".to_owned(),
    }
}

fn a_reseller() -> ResellerEvent {
    registered("Nordklang", "0.20")
}

fn suspended() -> ResellerEvent {
    ResellerEvent::ResellerSuspended {
        reason: "unpaid invoices".to_owned(),
    }
}

fn resumed() -> ResellerEvent {
    ResellerEvent::ResellerResumed {
        reason: "paid".to_owned(),
    }
}

fn suspend(reason: &str) -> ResellerCommand {
    ResellerCommand::Suspend {
        reason: reason.to_owned(),
    }
}

fn resume(reason: &str) -> ResellerCommand {
    ResellerCommand::Resume {
        reason: reason.to_owned(),
    }
}

#[test]
fn a_reseller_is_registered_with_its_commission() {
    given(vec![])
        .when(register("  Nordklang ", "0.20", "Europe/Berlin"))
        .then_expect_events(vec![registered("Nordklang", "0.20")]);
}

#[test]
fn a_reseller_is_registered_only_once() {
    let again = register("Nordklang", "0.20", "Europe/Berlin");
    refused(
        vec![a_reseller()],
        again,
        ResellerError::ResellerAlreadyRegistered,
    );
}

#[test]
fn a_reseller_needs_a_name_of_bounded_length() {
    let longest = "ü".repeat(NAME_CHARS_MAX);
    given(vec![])
        .when(register(&longest, "0.20", "Europe/Berlin"))
        .then_expect_events(vec![registered(&longest, "0.20")]);
    for name in ["", "  \t", "two\nlines", &"x".repeat(NAME_CHARS_MAX + 1)] {
        refused(vec![], register(name, "0.20", "UTC"), ResellerError::InvalidName);
    }
}

#[test]
fn a_commission_lies_between_nothing_and_everything() {
    for rate in ["0", "1", "0.123456", "0.5000000000"] {
        given(vec![])
            .when(register("Nordklang", rate, "Europe/Berlin"))
            .then_expect_events(vec![registered("Nordklang", rate)]);
    }
    for rate in ["-0.01", "1.000001", "20", "0.1234567"] {
        refused(
            vec![],
            register("Nordklang", rate, "UTC"),
            ResellerError::InvalidCommissionRate,
        );
    }
}

#[test]
fn a_time_zone_that_nobody_knows_is_refused() {
    for zone in ["", "Berlin", "+02:00"] {
        let error = ResellerError::InvalidTimeZone(zone.to_owned());
        refused(vec![], register("Nordklang", "0.20", zone), error);
    }
    assert_eq!(
        ResellerError::InvalidTimeZone("Berlin".to_owned()).to_string(),
        "\"Berlin\" is no time zone: use an IANA name such as Europe/Berlin or UTC"
    );
}

#[test]
fn a_reseller_is_suspended_for_a_reason() {
    given(vec![a_reseller()])
        .when(suspend(" unpaid invoices "))
        .then_expect_events(vec![suspended()]);
    refused(vec![a_reseller()], suspend(" "), ResellerError::InvalidReason);
    refused(
        vec![a_reseller()],
        suspend(&"x".repeat(NOTE_CHARS_MAX + 1)),
        ResellerError::InvalidReason,
    );
}

#[test]
fn a_suspended_reseller_is_not_suspended_again() {
    refused(
        vec![a_reseller(), suspended()],
        suspend("unpaid invoices"),
        ResellerError::ResellerSuspended,
    );
}

#[test]
fn a_suspended_reseller_is_resumed_for_a_reason() {
    let past = vec![a_reseller(), suspended()];
    given(past.clone())
        .when(resume("paid"))
        .then_expect_events(vec![resumed()]);
    refused(past, resume(""), ResellerError::InvalidReason);
}

#[test]
fn an_active_reseller_cannot_be_resumed() {
    refused(
        vec![a_reseller()],
        resume("paid"),
        ResellerError::ResellerNotSuspended,
    );
    refused(
        vec![a_reseller(), suspended(), resumed()],
        resume("paid"),
        ResellerError::ResellerNotSuspended,
    );
}

#[test]
fn an_unknown_reseller_is_neither_suspended_nor_resumed() {
    refused(
        vec![],
        suspend("unpaid invoices"),
        ResellerError::ResellerNotFound,
    );
    refused(vec![], resume("paid"), ResellerError::ResellerNotFound);
}

#[test]
fn only_a_registered_reseller_that_is_not_suspended_may_act() {
    let mut reseller = Reseller::default();
    assert_eq!(reseller.ensure_active(), Err(ResellerError::ResellerNotFound));
    reseller.evolve(a_reseller());
    assert_eq!(reseller.ensure_active(), Ok(()));
    reseller.evolve(suspended());
    assert_eq!(reseller.ensure_active(), Err(ResellerError::ResellerSuspended));
    reseller.evolve(resumed());
    assert_eq!(reseller.ensure_active(), Ok(()));
}
