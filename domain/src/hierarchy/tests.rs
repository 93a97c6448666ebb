//! The hierarchy: a tree without circles, of bounded depth, in which a parent says how much is allowed.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::refusal::{Refusal, RefusalKind};

fn given(events: Vec<HierarchyEvent>) -> AggregateTestExecutor<Hierarchy> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<HierarchyEvent>, command: HierarchyCommand, error: HierarchyError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
fn assert_told(error: &HierarchyError) {
    let told = match error {
        HierarchyError::ResellerAlreadyPlaced => ("RESELLER_ALREADY_PLACED", RefusalKind::Conflict),
        HierarchyError::ResellerAlreadyThere => ("RESELLER_ALREADY_THERE", RefusalKind::Conflict),
        HierarchyError::CircularHierarchy => ("CIRCULAR_HIERARCHY", RefusalKind::Conflict),
        HierarchyError::HierarchyTooDeep { .. } => ("HIERARCHY_TOO_DEEP", RefusalKind::Conflict),
        HierarchyError::SubResellerLimitReached { .. } => {
            ("SUB_RESELLER_LIMIT_REACHED", RefusalKind::Conflict)
        }
        HierarchyError::HasSubResellers { .. } => ("HAS_SUB_RESELLERS", RefusalKind::Conflict),
        HierarchyError::HouseStays => ("HOUSE_STAYS", RefusalKind::Conflict),
        HierarchyError::ResellerClosed => ("RESELLER_CLOSED", RefusalKind::Conflict),
        HierarchyError::ResellerNotClosed => ("RESELLER_NOT_CLOSED", RefusalKind::Conflict),
        HierarchyError::SuspendedAbove => ("SUSPENDED_ABOVE", RefusalKind::Conflict),
        HierarchyError::InvalidReason => ("INVALID_REASON", RefusalKind::Invalid),
    };
    assert_eq!((error.code(), error.kind()), told);
}

fn reseller(number: usize) -> ResellerId {
    ResellerId(Uuid::from_u128(100 + u128::try_from(number).unwrap()))
}

fn place(reseller_id: ResellerId, parent_id: ResellerId) -> HierarchyCommand {
    HierarchyCommand::Place {
        reseller_id,
        parent_id,
        limits: Limits::default(),
    }
}

fn placed(reseller_id: ResellerId, parent_id: ResellerId) -> HierarchyEvent {
    HierarchyEvent::ResellerPlaced {
        reseller_id,
        parent_id,
        limits: Limits::default(),
    }
}

fn give(reseller_id: ResellerId, parent_id: Option<ResellerId>) -> HierarchyCommand {
    HierarchyCommand::Move {
        reseller_id,
        parent_id,
        reason: "sold".to_owned(),
    }
}

fn limits(sub_resellers_max: u32) -> Limits {
    Limits {
        customers_max: None,
        sub_resellers_max: Some(sub_resellers_max),
    }
}

fn limited(reseller_id: ResellerId, sub_resellers_max: u32) -> HierarchyEvent {
    HierarchyEvent::ResellerLimitsSet {
        reseller_id,
        limits: limits(sub_resellers_max),
    }
}

/// 1 below 0, 2 below 1, and so on: `levels` of them with the first.
fn line(levels: usize) -> Vec<HierarchyEvent> {
    (1..levels)
        .map(|level| placed(reseller(level), reseller(level - 1)))
        .collect()
}

fn folded(events: Vec<HierarchyEvent>) -> Hierarchy {
    let mut hierarchy = Hierarchy::default();
    for event in events {
        hierarchy.evolve(event);
    }
    hierarchy
}

#[test]
fn a_reseller_that_nobody_placed_hangs_below_the_platform() {
    let hierarchy = Hierarchy::default();
    assert_eq!(hierarchy.parent_of(reseller(1)), None);
    assert_eq!(hierarchy.line(reseller(1)).collect::<Vec<_>>(), [reseller(1)]);
    assert_eq!(hierarchy.limits_of(reseller(1)), Limits::default());
}

#[test]
fn a_line_leads_up_to_the_platform() {
    let hierarchy = folded(line(4));
    let up: Vec<_> = hierarchy.line(reseller(3)).collect();
    assert_eq!(up, [reseller(3), reseller(2), reseller(1), reseller(0)]);
    assert!(hierarchy.is_within(reseller(3), reseller(1)));
    assert!(hierarchy.is_within(reseller(1), reseller(1)));
    assert!(!hierarchy.is_within(reseller(1), reseller(3)));
}

#[test]
fn a_reseller_gets_its_place_once() {
    given(vec![])
        .when(place(reseller(1), reseller(0)))
        .then_expect_events(vec![placed(reseller(1), reseller(0))]);
    refused(
        line(2),
        place(reseller(1), reseller(0)),
        HierarchyError::ResellerAlreadyPlaced,
    );
}

#[test]
fn nobody_hangs_below_itself() {
    for (mover, parent) in [(0, 0), (0, 1), (0, 3), (1, 2)] {
        refused(
            line(4),
            give(reseller(mover), Some(reseller(parent))),
            HierarchyError::CircularHierarchy,
        );
    }
}

#[test]
fn a_reseller_moves_with_all_below_it() {
    let moved = HierarchyEvent::ResellerMoved {
        reseller_id: reseller(1),
        from: Some(reseller(0)),
        to: Some(reseller(9)),
        reason: "sold".to_owned(),
    };
    given(line(3))
        .when(give(reseller(1), Some(reseller(9))))
        .then_expect_events(vec![moved.clone()]);
    let mut past = line(3);
    past.push(moved);
    let up: Vec<_> = folded(past.clone()).line(reseller(2)).collect();
    assert_eq!(up, [reseller(2), reseller(1), reseller(9)]);
    given(past)
        .when(give(reseller(1), None))
        .then_expect_events(vec![HierarchyEvent::ResellerMoved {
            reseller_id: reseller(1),
            from: Some(reseller(9)),
            to: None,
            reason: "sold".to_owned(),
        }]);
    refused(
        line(3),
        give(reseller(1), Some(reseller(0))),
        HierarchyError::ResellerAlreadyThere,
    );
    refused(
        line(3),
        give(reseller(0), None),
        HierarchyError::ResellerAlreadyThere,
    );
    let no_reason = HierarchyCommand::Move {
        reseller_id: reseller(1),
        parent_id: None,
        reason: " ".to_owned(),
    };
    refused(line(3), no_reason, HierarchyError::InvalidReason);
}

#[test]
fn a_line_has_at_most_sixteen_resellers() {
    given(line(LEVELS_MAX - 1))
        .when(place(reseller(50), reseller(LEVELS_MAX - 2)))
        .then_expect_events(vec![placed(reseller(50), reseller(LEVELS_MAX - 2))]);
    let error = HierarchyError::HierarchyTooDeep { levels: 17 };
    assert_eq!(error.facts().needed, Some(17));
    refused(
        line(LEVELS_MAX),
        place(reseller(50), reseller(LEVELS_MAX - 1)),
        error.clone(),
    );
    // Who moves brings all below.
    let mut past = line(10);
    past.extend((1..8).map(|n| placed(reseller(100 + n), reseller(100 + n - 1))));
    refused(past.clone(), give(reseller(100), Some(reseller(8))), error);
    let fits = HierarchyEvent::ResellerMoved {
        reseller_id: reseller(100),
        from: None,
        to: Some(reseller(7)),
        reason: "sold".to_owned(),
    };
    given(past)
        .when(give(reseller(100), Some(reseller(7))))
        .then_expect_events(vec![fits]);
}

#[test]
fn a_parent_allows_so_many_sub_resellers() {
    let past = vec![limited(reseller(0), 1), placed(reseller(1), reseller(0))];
    let full = HierarchyError::SubResellerLimitReached { max: 1 };
    assert_eq!(full.facts().available, Some(1));
    refused(past.clone(), place(reseller(2), reseller(0)), full.clone());
    refused(past.clone(), give(reseller(3), Some(reseller(0))), full.clone());
    let retired = HierarchyEvent::ResellerRetired {
        reseller_id: reseller(1),
    };
    let past = [past, vec![retired]].concat();
    given(past.clone())
        .when(place(reseller(2), reseller(0)))
        .then_expect_events(vec![placed(reseller(2), reseller(0))]);
    let past = [past, vec![placed(reseller(2), reseller(0))]].concat();
    let reinstate = HierarchyCommand::Reinstate {
        reseller_id: reseller(1),
    };
    refused(past, reinstate, full);
}

#[test]
fn limits_are_set_where_they_differ() {
    let set = |limits| HierarchyCommand::SetLimits {
        reseller_id: reseller(0),
        limits,
    };
    given(vec![])
        .when(set(limits(3)))
        .then_expect_events(vec![limited(reseller(0), 3)]);
    given(vec![limited(reseller(0), 3)])
        .when(set(limits(3)))
        .then_expect_events(vec![]);
}

#[test]
fn who_has_open_sub_resellers_is_not_closed() {
    let retire = |number| HierarchyCommand::Retire {
        reseller_id: reseller(number),
    };
    let retired = |number| HierarchyEvent::ResellerRetired {
        reseller_id: reseller(number),
    };
    refused(line(2), retire(0), HierarchyError::HasSubResellers { open: 1 });
    given(line(2))
        .when(retire(1))
        .then_expect_events(vec![retired(1)]);
    let past = [line(2), vec![retired(1)]].concat();
    given(past.clone())
        .when(retire(0))
        .then_expect_events(vec![retired(0)]);
    refused(past.clone(), retire(1), HierarchyError::ResellerClosed);
    refused(
        past.clone(),
        give(reseller(1), Some(reseller(9))),
        HierarchyError::ResellerClosed,
    );
    given(past)
        .when(HierarchyCommand::Reinstate {
            reseller_id: reseller(1),
        })
        .then_expect_events(vec![HierarchyEvent::ResellerReinstated {
            reseller_id: reseller(1),
        }]);
    refused(
        line(2),
        HierarchyCommand::Reinstate {
            reseller_id: reseller(1),
        },
        HierarchyError::ResellerNotClosed,
    );
}

#[test]
fn the_house_stays_where_it_is() {
    for command in [
        give(HOUSE, Some(reseller(1))),
        give(reseller(1), Some(HOUSE)),
        place(reseller(1), HOUSE),
        HierarchyCommand::Retire { reseller_id: HOUSE },
        HierarchyCommand::SetLimits {
            reseller_id: HOUSE,
            limits: limits(1),
        },
    ] {
        refused(vec![], command, HierarchyError::HouseStays);
    }
}

#[test]
fn a_state_survives_its_snapshot() {
    let hierarchy = folded(line(3));
    let stored = serde_json::to_value(&hierarchy).unwrap();
    let read: Hierarchy = serde_json::from_value(stored).unwrap();
    assert_eq!(read.nodes, hierarchy.nodes);
}
