//! Names, roles, ways in, and who may act as somebody else.

use super::*;

const ADMIN: UserId = UserId(Uuid::from_u128(0xad));
const CARL: UserId = UserId(SUBJECT);

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn change_role(role: Role, by: UserId, other_admins: u64) -> UserCommand {
    UserCommand::ChangeRole {
        role,
        by,
        other_admins,
        user_id: CARL,
    }
}

fn disable(reason: &str, by: UserId, other_admins: u64) -> UserCommand {
    UserCommand::Disable {
        reason: reason.to_owned(),
        by,
        other_admins,
        user_id: CARL,
    }
}

fn disabled() -> UserEvent {
    UserEvent::UserDisabled {
        reason: "left".to_owned(),
    }
}

fn access(command: AccessCommand) -> UserCommand {
    UserCommand::Access(command)
}

#[test]
fn a_name_can_be_changed() {
    let name = || sealed("QmVu");
    given(vec![carl()])
        .when(UserCommand::Rename { name: name() })
        .then_expect_events(vec![UserEvent::UserRenamed { name: name() }]);
    let mut user = User::default();
    user.evolve(carl());
    user.evolve(UserEvent::UserRenamed { name: name() });
    assert_eq!(user.identity().map(|identity| &identity.name), Some(&name()));
}

#[test]
fn a_role_changes_within_the_home() {
    let role = Role::CustomerAdmin;
    let before = Role::CustomerUser;
    given(vec![carl()])
        .when(change_role(role, ADMIN, 0))
        .then_expect_events(vec![UserEvent::UserRoleChanged { role, before }]);
    refused(
        vec![carl()],
        change_role(before, ADMIN, 0),
        UserError::RoleUnchanged(before),
    );
    for elsewhere in [Role::ResellerOwner, Role::PlatformAdmin, Role::Service] {
        refused(
            vec![carl()],
            change_role(elsewhere, ADMIN, 0),
            UserError::RoleNotAllowed(elsewhere),
        );
    }
}

#[test]
fn nobody_changes_the_own_role_or_disables_himself() {
    refused(
        vec![carl()],
        change_role(Role::CustomerAdmin, CARL, 0),
        UserError::OwnAccount,
    );
    refused(vec![carl()], disable("why not", CARL, 0), UserError::OwnAccount);
}

#[test]
fn the_platforms_last_admin_stays_one() {
    let past = || vec![registered(Role::PlatformAdmin, Home::Platform)];
    let demote = |others| change_role(Role::PlatformSupport, ADMIN, others);
    refused(past(), demote(0), UserError::LastPlatformAdmin);
    refused(past(), disable("left", ADMIN, 0), UserError::LastPlatformAdmin);
    given(past())
        .when(disable("left", ADMIN, 1))
        .then_expect_events(vec![disabled()]);
    // One who is disabled keeps nobody from being locked out.
    given([past(), vec![disabled()]].concat())
        .when(demote(0))
        .then_expect_events(vec![UserEvent::UserRoleChanged {
            role: Role::PlatformSupport,
            before: Role::PlatformAdmin,
        }]);
}

#[test]
fn who_is_disabled_has_no_way_in_until_enabled() {
    given(vec![carl()])
        .when(disable(" left ", ADMIN, 0))
        .then_expect_events(vec![disabled()]);
    refused(vec![carl()], disable(" ", ADMIN, 0), UserError::InvalidReason);
    let past = || vec![carl(), disabled()];
    refused(past(), disable("again", ADMIN, 0), UserError::UserDisabled);
    let expires_at = noon();
    for command in [
        AccessCommand::ChangePassword,
        AccessCommand::IssuePasswordReset { expires_at },
        AccessCommand::ResetPassword,
        AccessCommand::EnableTotp,
        AccessCommand::BeginImpersonation(impersonation()),
    ] {
        refused(past(), access(command), UserError::UserDisabled);
    }
    let enable = |reason: &str| UserCommand::Enable {
        reason: reason.to_owned(),
    };
    let enabled = UserEvent::UserEnabled {
        reason: "came back".to_owned(),
    };
    given(past())
        .when(enable("came back"))
        .then_expect_events(vec![enabled]);
    refused(past(), enable(""), UserError::InvalidReason);
    refused(vec![carl()], enable("why"), UserError::UserNotDisabled);
}

#[test]
fn a_password_is_reset_by_a_link() {
    let expires_at = noon();
    given(vec![carl()])
        .when(access(AccessCommand::IssuePasswordReset { expires_at }))
        .then_expect_events(vec![UserEvent::PasswordResetIssued { expires_at }]);
    given(vec![carl()])
        .when(access(AccessCommand::ResetPassword))
        .then_expect_events(vec![UserEvent::PasswordReset]);
}

#[test]
fn a_second_factor_is_on_or_off() {
    let on = || vec![carl(), UserEvent::TotpEnabled];
    given(vec![carl()])
        .when(access(AccessCommand::EnableTotp))
        .then_expect_events(vec![UserEvent::TotpEnabled]);
    refused(on(), access(AccessCommand::EnableTotp), UserError::TotpAlreadyOn);
    let reset = |reason: &str| {
        access(AccessCommand::ResetTotp {
            reason: reason.to_owned(),
        })
    };
    let was_reset = UserEvent::TotpReset {
        reason: "lost".to_owned(),
    };
    for (command, event) in [
        (access(AccessCommand::DisableTotp), UserEvent::TotpDisabled),
        (
            access(AccessCommand::RenewRecoveryCodes),
            UserEvent::RecoveryCodesRenewed,
        ),
        (
            access(AccessCommand::UseRecoveryCode { left: 9 }),
            UserEvent::RecoveryCodeUsed { left: 9 },
        ),
        (reset("lost"), was_reset.clone()),
    ] {
        given(on()).when(command.clone()).then_expect_events(vec![event]);
        refused(vec![carl()], command.clone(), UserError::TotpNotOn);
        let off = [on(), vec![was_reset.clone()]].concat();
        refused(off, command, UserError::TotpNotOn);
    }
    refused(on(), reset(""), UserError::InvalidReason);
}

#[test]
fn sessions_are_ended_with_or_without_a_reason() {
    let end = |reason: Option<&str>| {
        access(AccessCommand::EndSessions {
            session_ids: vec![SUBJECT],
            reason: reason.map(str::to_owned),
        })
    };
    for reason in [None, Some("laptop stolen")] {
        given(vec![carl()])
            .when(end(reason))
            .then_expect_events(vec![UserEvent::SessionsEnded {
                session_ids: vec![SUBJECT],
                reason: reason.map(str::to_owned),
            }]);
    }
    refused(vec![carl()], end(Some(" ")), UserError::InvalidReason);
    refused(vec![], end(None), UserError::UserNotFound);
}

fn impersonation() -> Impersonation {
    Impersonation {
        impersonation_id: Uuid::from_u128(10),
        by: ADMIN,
        user_id: CARL,
        reason: "ticket 4711".to_owned(),
        write: false,
        minutes: 30,
        at: noon(),
    }
}

fn begin(impersonation: Impersonation) -> UserCommand {
    access(AccessCommand::BeginImpersonation(impersonation))
}

fn begun() -> UserEvent {
    UserEvent::ImpersonationBegun {
        impersonation_id: Uuid::from_u128(10),
        by: ADMIN,
        reason: "ticket 4711".to_owned(),
        write: false,
        ends_at: noon() + TimeDelta::minutes(30),
    }
}

#[test]
fn somebody_acts_as_another_with_a_reason_and_for_a_time() {
    given(vec![carl()])
        .when(begin(impersonation()))
        .then_expect_events(vec![begun()]);
    let unexplained = Impersonation {
        reason: String::new(),
        ..impersonation()
    };
    refused(vec![carl()], begin(unexplained), UserError::InvalidReason);
    for minutes in [0, -1, IMPERSONATION_MINUTES_MAX + 1] {
        let wanted = Impersonation {
            minutes,
            ..impersonation()
        };
        refused(vec![carl()], begin(wanted), UserError::InvalidDuration);
    }
    let himself = Impersonation {
        by: CARL,
        ..impersonation()
    };
    refused(vec![carl()], begin(himself), UserError::OwnAccount);
    let platform = vec![registered(Role::PlatformSupport, Home::Platform)];
    refused(platform, begin(impersonation()), UserError::NotImpersonable);
}

#[test]
fn an_impersonation_ends_once_and_by_itself() {
    let end = |minutes| {
        access(AccessCommand::EndImpersonation {
            impersonation_id: Uuid::from_u128(10),
            at: noon() + TimeDelta::minutes(minutes),
        })
    };
    let ended = UserEvent::ImpersonationEnded {
        impersonation_id: Uuid::from_u128(10),
    };
    given(vec![carl(), begun()])
        .when(end(29))
        .then_expect_events(vec![ended.clone()]);
    refused(vec![carl(), begun()], end(30), UserError::ImpersonationEnded);
    refused(vec![carl()], end(1), UserError::ImpersonationEnded);
    refused(
        vec![carl(), begun(), ended],
        end(1),
        UserError::ImpersonationEnded,
    );
}
