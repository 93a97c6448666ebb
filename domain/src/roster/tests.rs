//! A roster counts from the day on which somebody asks, and lets in as many as are allowed.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;

const RADIO: TenantId = TenantId(Uuid::from_u128(5));

fn given(events: Vec<RosterEvent>) -> AggregateTestExecutor<Roster> {
    TestFramework::with(()).given(events)
}

fn opened(customers: u64) -> RosterEvent {
    RosterEvent::RosterOpened { customers }
}

fn admit(customers_max: Option<u32>) -> RosterCommand {
    RosterCommand::Admit {
        tenant_id: RADIO,
        customers_max,
    }
}

const ADMITTED: RosterEvent = RosterEvent::CustomerAdmitted { tenant_id: RADIO };
const RELEASED: RosterEvent = RosterEvent::CustomerReleased { tenant_id: RADIO };

#[test]
fn nobody_is_counted_before_somebody_asks() {
    given(vec![]).when(admit(None)).then_expect_events(vec![]);
    given(vec![])
        .when(RosterCommand::Release { tenant_id: RADIO })
        .then_expect_events(vec![]);
    given(vec![])
        .when(RosterCommand::Open { customers: 7 })
        .then_expect_events(vec![opened(7)]);
    given(vec![opened(7)])
        .when(RosterCommand::Open { customers: 9 })
        .then_expect_events(vec![]);
}

#[test]
fn as_many_come_in_as_the_limit_allows() {
    given(vec![opened(1)])
        .when(admit(Some(2)))
        .then_expect_events(vec![ADMITTED]);
    let full = RosterError::CustomerLimitReached { max: 2, present: 2 };
    assert_eq!(
        (full.code(), full.kind(), full.facts().available),
        ("CUSTOMER_LIMIT_REACHED", RefusalKind::Conflict, Some(2))
    );
    given(vec![opened(1), ADMITTED])
        .when(admit(Some(2)))
        .then_expect_error(full);
    given(vec![opened(1), ADMITTED, RELEASED])
        .when(admit(Some(2)))
        .then_expect_events(vec![ADMITTED]);
    given(vec![opened(1), ADMITTED])
        .when(admit(None))
        .then_expect_events(vec![ADMITTED]);
}

#[test]
fn a_lowered_limit_lets_those_stay_who_are_there() {
    given(vec![opened(5)])
        .when(admit(Some(3)))
        .then_expect_error(RosterError::CustomerLimitReached { max: 3, present: 5 });
    given(vec![opened(5)])
        .when(RosterCommand::Release { tenant_id: RADIO })
        .then_expect_events(vec![RELEASED]);
}

#[test]
fn a_roster_is_empty_when_the_last_one_has_gone() {
    let mut roster = Roster::default();
    assert_eq!(roster.ensure_empty(), Ok(()));
    roster.evolve(opened(1));
    let error = roster.ensure_empty().unwrap_err();
    assert_eq!(
        (error.code(), error.kind(), error.facts().available),
        ("HAS_CUSTOMERS", RefusalKind::Conflict, Some(1))
    );
    roster.evolve(RELEASED);
    assert_eq!(roster.ensure_empty(), Ok(()));
}
