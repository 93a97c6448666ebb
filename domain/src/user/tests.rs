//! People: who may be registered where, and their passwords.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::*;
use crate::ids::{ResellerId, TenantId};

mod access;
mod invitations;

fn given(events: Vec<UserEvent>) -> AggregateTestExecutor<User> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<UserEvent>, command: UserCommand, error: UserError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
fn assert_told(error: &UserError) {
    let told = match error {
        UserError::UserNotFound => ("USER_NOT_FOUND", RefusalKind::NotFound),
        UserError::UserAlreadyRegistered => ("USER_ALREADY_REGISTERED", RefusalKind::Conflict),
        UserError::RoleNotAllowed(_) => ("ROLE_NOT_ALLOWED", RefusalKind::Invalid),
        UserError::UserErased => ("USER_ERASED", RefusalKind::Conflict),
        UserError::LastPlatformAdmin => ("LAST_PLATFORM_ADMIN", RefusalKind::Conflict),
        UserError::InvalidReason => ("INVALID_REASON", RefusalKind::Invalid),
        UserError::RoleUnchanged(_) => ("ROLE_UNCHANGED", RefusalKind::Conflict),
        UserError::OwnAccount => ("OWN_ACCOUNT", RefusalKind::Conflict),
        UserError::UserDisabled => ("USER_DISABLED", RefusalKind::Conflict),
        UserError::UserNotDisabled => ("USER_NOT_DISABLED", RefusalKind::Conflict),
        UserError::UserAlreadyInvited => ("USER_ALREADY_INVITED", RefusalKind::Conflict),
        UserError::InvitationNotOpen => ("INVITATION_NOT_OPEN", RefusalKind::Conflict),
        UserError::InvitationExpired => ("INVITATION_EXPIRED", RefusalKind::Conflict),
        UserError::TotpAlreadyOn => ("TOTP_ALREADY_ON", RefusalKind::Conflict),
        UserError::TotpNotOn => ("TOTP_NOT_ON", RefusalKind::Conflict),
        UserError::ImpersonationEnded => ("IMPERSONATION_ENDED", RefusalKind::Conflict),
        UserError::InvalidDuration => ("INVALID_DURATION", RefusalKind::Invalid),
        UserError::NotImpersonable => ("NOT_IMPERSONABLE", RefusalKind::Forbidden),
    };
    assert_eq!((error.code(), error.kind()), told);
}

const NORDKLANG: ResellerId = ResellerId(Uuid::from_u128(1));
const RADIO_MITTE: TenantId = TenantId(Uuid::from_u128(2));
const HOMES: [Home; 3] = [
    Home::Platform,
    Home::Reseller(NORDKLANG),
    Home::Tenant {
        reseller_id: NORDKLANG,
        tenant_id: RADIO_MITTE,
    },
];

fn sealed(text: &str) -> Sealed {
    Sealed {
        subject: Uuid::from_u128(7),
        text: text.to_owned(),
    }
}

fn ada(role: Role, home: Home) -> Identity {
    Identity {
        name: sealed("QWRh"),
        email: sealed("YWRhQA=="),
        role,
        home,
    }
}

fn registered(role: Role, home: Home) -> UserEvent {
    let Identity {
        name,
        email,
        role,
        home,
    } = ada(role, home);
    UserEvent::UserRegistered {
        name,
        email,
        role,
        home,
    }
}

/// Where people with this role belong. A new role does not compile until it has a place.
fn home_of(role: Role) -> Option<Home> {
    match role {
        Role::PlatformAdmin | Role::PlatformFinance | Role::PlatformSupport => Some(Home::Platform),
        Role::ResellerOwner | Role::ResellerStaff => Some(Home::Reseller(NORDKLANG)),
        Role::CustomerAdmin | Role::CustomerUser => Some(Home::Tenant {
            reseller_id: NORDKLANG,
            tenant_id: RADIO_MITTE,
        }),
        Role::Service => None,
    }
}

/// The roles that people have, each where it belongs.
fn people() -> impl Iterator<Item = (Role, Home)> {
    Role::iter().filter_map(|role| Some((role, home_of(role)?)))
}

/// Somebody of a customer, registered.
fn carl() -> UserEvent {
    registered(Role::CustomerUser, HOMES[2])
}

#[test]
fn a_user_is_registered_where_the_role_belongs_and_nowhere_else() {
    for role in Role::iter() {
        for home in HOMES {
            let command = UserCommand::Register(ada(role, home));
            if home_of(role) == Some(home) {
                given(vec![])
                    .when(command)
                    .then_expect_events(vec![registered(role, home)]);
            } else {
                refused(vec![], command, UserError::RoleNotAllowed(role));
            }
        }
    }
}

#[test]
fn a_misplaced_role_is_named() {
    assert_eq!(
        UserError::RoleNotAllowed(Role::PlatformAdmin).to_string(),
        "the role platform_admin does not belong there: platform roles to the platform, reseller roles to a \
         reseller, customer roles to a customer"
    );
}

#[test]
fn a_user_is_registered_only_once() {
    let past = vec![registered(Role::PlatformAdmin, Home::Platform)];
    let again = UserCommand::Register(ada(Role::PlatformAdmin, Home::Platform));
    refused(past, again, UserError::UserAlreadyRegistered);
}

#[test]
fn a_password_can_be_changed_again_and_again() {
    let mut past = vec![registered(Role::PlatformAdmin, Home::Platform)];
    given(past.clone())
        .when(UserCommand::Access(AccessCommand::ChangePassword))
        .then_expect_events(vec![UserEvent::PasswordChanged]);
    past.push(UserEvent::PasswordChanged);
    given(past)
        .when(UserCommand::Access(AccessCommand::ChangePassword))
        .then_expect_events(vec![UserEvent::PasswordChanged]);
}

#[test]
fn a_stranger_has_no_password_to_change() {
    refused(
        vec![],
        UserCommand::Access(AccessCommand::ChangePassword),
        UserError::UserNotFound,
    );
}

#[test]
fn a_user_keeps_the_identity_of_its_registration() {
    let mut user = User::default();
    assert_eq!(user.identity(), None);
    user.evolve(registered(Role::ResellerOwner, Home::Reseller(NORDKLANG)));
    user.evolve(UserEvent::PasswordChanged);
    assert_eq!(
        user.identity(),
        Some(&ada(Role::ResellerOwner, Home::Reseller(NORDKLANG)))
    );
}

#[test]
fn a_home_tells_whose_reach_the_user_is_in() {
    let ids = HOMES.map(|home| (home.reseller_id(), home.tenant_id()));
    assert_eq!(
        ids,
        [
            (None, None),
            (Some(NORDKLANG), None),
            (Some(NORDKLANG), Some(RADIO_MITTE))
        ]
    );
}

const SUBJECT: Uuid = Uuid::from_u128(7);

fn erase(reason: &str, other_admins: u64) -> UserCommand {
    UserCommand::Erase {
        reason: reason.to_owned(),
        subjects: vec![SUBJECT],
        other_admins,
    }
}

fn erased(home: Home) -> UserEvent {
    UserEvent::UserErased {
        reason: "asked to be forgotten".to_owned(),
        home,
        subjects: vec![SUBJECT],
    }
}

#[test]
fn anybody_can_be_erased_but_the_last_platform_admin() {
    for (role, home) in people() {
        let past = vec![registered(role, home)];
        let command = erase(" asked to be forgotten ", 0);
        if role == Role::PlatformAdmin {
            refused(past.clone(), command, UserError::LastPlatformAdmin);
            given(past)
                .when(erase("asked to be forgotten", 1))
                .then_expect_events(vec![erased(home)]);
        } else {
            given(past).when(command).then_expect_events(vec![erased(home)]);
        }
    }
}

#[test]
fn an_erasure_says_why() {
    let past = || vec![carl()];
    refused(past(), erase("  ", 1), UserError::InvalidReason);
    refused(past(), erase(&"x".repeat(501), 1), UserError::InvalidReason);
}

#[test]
fn nobody_is_erased_twice_and_nothing_of_the_erased_changes() {
    let home = HOMES[1];
    let past = || vec![registered(Role::ResellerOwner, home), erased(home)];
    refused(past(), erase("again", 1), UserError::UserErased);
    refused(
        past(),
        UserCommand::Access(AccessCommand::ChangePassword),
        UserError::UserErased,
    );
    let again = UserCommand::Register(ada(Role::ResellerOwner, home));
    refused(past(), again, UserError::UserAlreadyRegistered);
    refused(vec![], erase("unknown", 1), UserError::UserNotFound);
    let mut user = User::default();
    for event in past() {
        user.evolve(event);
    }
    assert_eq!(user.identity(), None);
}
