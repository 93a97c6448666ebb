//! One reseller's own permissions.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;

const LOGS: Permission = Permission::ViewLogs;

fn given(events: Vec<ResellerPermissionsEvent>) -> AggregateTestExecutor<ResellerPermissions> {
    TestFramework::with(()).given(events)
}

fn why() -> String {
    "agreed".to_owned()
}

fn template(version: u32) -> Template {
    Template {
        code: "basic".to_owned(),
        version,
        name: "Basic".to_owned(),
        permissions: [Permission::ViewCustomers].into_iter().collect(),
    }
}

fn assign(version: u32) -> ResellerPermissionsCommand {
    ResellerPermissionsCommand::Assign {
        template: template(version),
        reason: why(),
    }
}

fn assigned(version: u32) -> ResellerPermissionsEvent {
    ResellerPermissionsEvent::PermissionTemplateAssigned {
        code: "basic".to_owned(),
        version,
        permissions: template(version).permissions,
        reason: why(),
    }
}

fn set(granted: bool) -> ResellerPermissionsCommand {
    ResellerPermissionsCommand::Override {
        permission: LOGS,
        granted,
        reason: why(),
    }
}

fn overridden(granted: bool) -> ResellerPermissionsEvent {
    ResellerPermissionsEvent::PermissionOverridden {
        permission: LOGS,
        granted,
        reason: why(),
    }
}

fn withdraw() -> ResellerPermissionsCommand {
    ResellerPermissionsCommand::WithdrawOverride {
        permission: LOGS,
        reason: why(),
    }
}

fn withdrawn() -> ResellerPermissionsEvent {
    ResellerPermissionsEvent::PermissionOverrideWithdrawn {
        permission: LOGS,
        reason: why(),
    }
}

#[test]
fn a_template_is_assigned_with_what_it_grants() {
    given(vec![])
        .when(assign(1))
        .then_expect_events(vec![assigned(1)]);
    given(vec![assigned(1)])
        .when(assign(1))
        .then_expect_events(vec![]);
    given(vec![assigned(1)])
        .when(assign(2))
        .then_expect_events(vec![assigned(2)]);
}

#[test]
fn an_exception_is_made_changed_and_taken_back() {
    given(vec![])
        .when(set(false))
        .then_expect_events(vec![overridden(false)]);
    given(vec![overridden(false)])
        .when(set(false))
        .then_expect_events(vec![]);
    given(vec![overridden(false)])
        .when(set(true))
        .then_expect_events(vec![overridden(true)]);
    given(vec![assigned(1), overridden(true)])
        .when(withdraw())
        .then_expect_events(vec![withdrawn()]);
}

#[test]
fn what_was_never_excepted_cannot_be_taken_back() {
    let error = ResellerPermissionsError::OverrideNotFound(LOGS);
    assert_eq!(
        (error.code(), error.kind()),
        ("OVERRIDE_NOT_FOUND", RefusalKind::Conflict)
    );
    given(vec![assigned(1)])
        .when(withdraw())
        .then_expect_error(error.clone());
    given(vec![overridden(true), withdrawn()])
        .when(withdraw())
        .then_expect_error(error);
}

#[test]
fn nothing_is_done_without_a_reason() {
    let error = ResellerPermissionsError::InvalidReason;
    assert_eq!(
        (error.code(), error.kind()),
        ("INVALID_REASON", RefusalKind::Invalid)
    );
    let commands = [
        ResellerPermissionsCommand::Assign {
            template: template(1),
            reason: String::new(),
        },
        ResellerPermissionsCommand::Override {
            permission: LOGS,
            granted: true,
            reason: " ".to_owned(),
        },
        ResellerPermissionsCommand::WithdrawOverride {
            permission: LOGS,
            reason: "x".repeat(501),
        },
    ];
    for command in commands {
        given(vec![overridden(false)])
            .when(command)
            .then_expect_error(error.clone());
    }
}

#[test]
fn an_exception_outlives_a_change_of_template() {
    let mut permissions = ResellerPermissions::default();
    for event in [assigned(1), overridden(true), assigned(2)] {
        permissions.evolve(event);
    }
    assert!(permissions.grants(LOGS));
    assert_eq!(permissions.origin(LOGS), Origin::Override);
    permissions.evolve(withdrawn());
    assert!(!permissions.grants(LOGS));
    let version_2 = Origin::Template {
        code: "basic".to_owned(),
        version: 2,
    };
    assert_eq!(permissions.origin(LOGS), version_2);
}
