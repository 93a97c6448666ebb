//! A reseller's life: registered once, suspended and resumed with a reason.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::refusal::{Refusal, RefusalKind};
use crate::text::{NAME_CHARS_MAX, NOTE_CHARS_MAX};
use crate::version::Stale;

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
        ResellerError::ResellerPending => ("RESELLER_PENDING", RefusalKind::Conflict),
        ResellerError::ResellerDeclined => ("RESELLER_DECLINED", RefusalKind::Conflict),
        ResellerError::ResellerNotPending => ("RESELLER_NOT_PENDING", RefusalKind::Conflict),
        ResellerError::ResellerClosed => ("RESELLER_CLOSED", RefusalKind::Conflict),
        ResellerError::ResellerNotClosed => ("RESELLER_NOT_CLOSED", RefusalKind::Conflict),
        ResellerError::VersionConflict(_) => ("VERSION_CONFLICT", RefusalKind::Conflict),
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

fn profile(name: &str) -> Profile {
    Profile {
        name: name.to_owned(),
        company: Some("Nordklang GmbH".to_owned()),
        contact_person: Some(contact_email()),
        contact_email: Some(contact_email()),
        phone: None,
        time_zone: "Europe/Berlin".to_owned(),
    }
}

fn applied() -> ResellerEvent {
    ResellerEvent::ResellerApplied(profile("Nordklang"))
}

fn approve(commission_rate: &str, reason: &str) -> ResellerCommand {
    ResellerCommand::Approve {
        commission_rate: commission_rate.parse().unwrap(),
        reason: reason.to_owned(),
    }
}

fn approved() -> ResellerEvent {
    ResellerEvent::ResellerApproved {
        commission_rate: "0.20".parse().unwrap(),
        reason: "known".to_owned(),
    }
}

fn decline(reason: &str) -> ResellerCommand {
    ResellerCommand::Decline {
        reason: reason.to_owned(),
    }
}

fn declined() -> ResellerEvent {
    ResellerEvent::ResellerDeclined {
        reason: "unknown".to_owned(),
    }
}

fn close(reason: &str) -> ResellerCommand {
    ResellerCommand::Close {
        reason: reason.to_owned(),
    }
}

fn closed() -> ResellerEvent {
    ResellerEvent::ResellerClosed {
        reason: "left".to_owned(),
    }
}

fn reopen(reason: &str) -> ResellerCommand {
    ResellerCommand::Reopen {
        reason: reason.to_owned(),
    }
}

fn edit(profile: Profile, expected_version: Option<u64>) -> ResellerCommand {
    ResellerCommand::EditProfile {
        profile,
        expected_version,
    }
}

#[test]
fn the_house_is_founded_once() {
    let found = || ResellerCommand::FoundHouse {
        name: "House".to_owned(),
        time_zone: "UTC".to_owned(),
    };
    let founded = ResellerEvent::HouseFounded {
        name: "House".to_owned(),
        time_zone: "UTC".to_owned(),
    };
    given(vec![])
        .when(found())
        .then_expect_events(vec![founded.clone()]);
    refused(vec![founded], found(), ResellerError::ResellerAlreadyRegistered);
}

#[test]
fn who_applies_waits_for_an_answer() {
    given(vec![])
        .when(ResellerCommand::Apply(profile(" Nordklang ")))
        .then_expect_events(vec![applied()]);
    let again = ResellerCommand::Apply(profile("Nordklang"));
    refused(vec![applied()], again, ResellerError::ResellerAlreadyRegistered);
    refused(
        vec![],
        ResellerCommand::Apply(profile("")),
        ResellerError::InvalidName,
    );
    refused(vec![applied()], suspend("unpaid"), ResellerError::ResellerPending);
    refused(
        vec![applied()],
        edit(profile("Other"), None),
        ResellerError::ResellerPending,
    );
}

#[test]
fn an_application_is_approved_with_a_rate_and_a_reason() {
    given(vec![applied()])
        .when(approve("0.20", "known"))
        .then_expect_events(vec![approved()]);
    refused(
        vec![applied()],
        approve("1.2", "known"),
        ResellerError::InvalidCommissionRate,
    );
    refused(vec![applied()], approve("0.2", " "), ResellerError::InvalidReason);
    given(vec![applied(), approved()])
        .when(suspend("unpaid invoices"))
        .then_expect_events(vec![suspended()]);
}

#[test]
fn an_application_is_answered_once_and_a_declined_one_may_be_approved_after_all() {
    given(vec![applied()])
        .when(decline("unknown"))
        .then_expect_events(vec![declined()]);
    refused(vec![applied()], decline(""), ResellerError::InvalidReason);
    for answered in [approved(), declined()] {
        let past = vec![applied(), answered];
        refused(past, decline("unknown"), ResellerError::ResellerNotPending);
    }
    refused(
        vec![applied(), approved()],
        approve("0.20", "known"),
        ResellerError::ResellerNotPending,
    );
    given(vec![applied(), declined()])
        .when(approve("0.20", "known"))
        .then_expect_events(vec![approved()]);
    refused(vec![], approve("0.20", "known"), ResellerError::ResellerNotFound);
    let past = vec![applied(), declined()];
    refused(past, suspend("unpaid"), ResellerError::ResellerDeclined);
}

#[test]
fn a_profile_is_edited_as_its_editor_has_seen_it() {
    let past = vec![a_reseller(), suspended()];
    given(past.clone())
        .when(edit(profile(" Nordklang "), Some(2)))
        .then_expect_events(vec![ResellerEvent::ResellerProfileChanged(profile("Nordklang"))]);
    let stale = Stale {
        expected: 1,
        present: 2,
        changed: vec!["status".to_owned()],
    };
    refused(
        past,
        edit(profile("Nordklang"), Some(1)),
        ResellerError::VersionConflict(stale),
    );
    let edited = ResellerEvent::ResellerProfileChanged(profile("Nordklang"));
    given(vec![a_reseller(), edited])
        .when(edit(profile("Nordklang"), None))
        .then_expect_events(vec![]);
}

#[test]
fn a_conflict_of_editors_says_what_changed() {
    let edited = ResellerEvent::ResellerProfileChanged(Profile {
        phone: Some(contact_email()),
        ..profile("Nordklang Nord")
    });
    let mut reseller = Reseller::default();
    for event in [a_reseller(), edited] {
        reseller.evolve(event);
    }
    let error = reseller.decide(edit(profile("Mine"), Some(1))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "changed since version 1, in version 2: company, contactPerson, name, phone: read the reseller again, and \
         repeat your change on what it says now"
    );
    assert_eq!(
        (error.facts().needed, error.facts().available),
        (Some(2), Some(1))
    );
}

#[test]
fn an_edited_profile_keeps_the_rules() {
    let company = Profile {
        company: Some(" ".to_owned()),
        ..profile("Nordklang")
    };
    refused(
        vec![a_reseller()],
        edit(company, None),
        ResellerError::InvalidName,
    );
    let zone = Profile {
        time_zone: "Berlin".to_owned(),
        ..profile("Nordklang")
    };
    let error = ResellerError::InvalidTimeZone("Berlin".to_owned());
    refused(vec![a_reseller()], edit(zone, None), error);
    refused(
        vec![],
        edit(profile("Nordklang"), None),
        ResellerError::ResellerNotFound,
    );
}

#[test]
fn a_reseller_is_closed_and_reopened() {
    for past in [vec![a_reseller()], vec![a_reseller(), suspended()]] {
        given(past).when(close("left")).then_expect_events(vec![closed()]);
    }
    let past = vec![a_reseller(), closed()];
    refused(past.clone(), close("left"), ResellerError::ResellerClosed);
    refused(past.clone(), suspend("unpaid"), ResellerError::ResellerClosed);
    refused(past.clone(), resume("paid"), ResellerError::ResellerClosed);
    refused(
        past.clone(),
        edit(profile("x"), None),
        ResellerError::ResellerClosed,
    );
    refused(past.clone(), reopen(" "), ResellerError::InvalidReason);
    given(past)
        .when(reopen("came back"))
        .then_expect_events(vec![ResellerEvent::ResellerReopened {
            reason: "came back".to_owned(),
        }]);
    refused(vec![a_reseller()], reopen("x"), ResellerError::ResellerNotClosed);
    refused(vec![], reopen("x"), ResellerError::ResellerNotFound);
    refused(vec![a_reseller()], close(""), ResellerError::InvalidReason);
}
