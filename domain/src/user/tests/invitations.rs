//! Being asked to join, and what becomes of the one who did.

use super::*;

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn in_a_week() -> DateTime<Utc> {
    noon() + TimeDelta::days(7)
}

fn invite(role: Role, home: Home) -> UserCommand {
    UserCommand::Invite(Invitation {
        email: sealed("YWRhQA=="),
        role,
        home,
        expires_at: in_a_week(),
    })
}

fn invited() -> UserEvent {
    UserEvent::UserInvited {
        email: sealed("YWRhQA=="),
        role: Role::CustomerUser,
        home: HOMES[2],
        expires_at: in_a_week(),
    }
}

fn accept(at: DateTime<Utc>) -> UserCommand {
    UserCommand::AcceptInvitation {
        name: sealed("QWRh"),
        home: HOMES[2],
        at,
    }
}

#[test]
fn somebody_is_invited_where_the_role_belongs_and_nowhere_else() {
    for role in Role::iter() {
        for home in HOMES {
            if home_of(role) == Some(home) {
                let told = UserEvent::UserInvited {
                    email: sealed("YWRhQA=="),
                    role,
                    home,
                    expires_at: in_a_week(),
                };
                given(vec![])
                    .when(invite(role, home))
                    .then_expect_events(vec![told]);
            } else {
                refused(vec![], invite(role, home), UserError::RoleNotAllowed(role));
            }
        }
    }
}

#[test]
fn nobody_is_invited_twice() {
    let again = || invite(Role::CustomerUser, HOMES[2]);
    refused(vec![invited()], again(), UserError::UserAlreadyInvited);
    refused(vec![carl()], again(), UserError::UserAlreadyRegistered);
    refused(
        vec![carl(), erased(HOMES[2])],
        again(),
        UserError::UserAlreadyRegistered,
    );
}

#[test]
fn who_accepts_is_registered_as_he_was_invited() {
    given(vec![invited()])
        .when(accept(noon()))
        .then_expect_events(vec![UserEvent::InvitationAccepted, carl()]);
    let accepted = || vec![invited(), UserEvent::InvitationAccepted, carl()];
    refused(accepted(), accept(noon()), UserError::InvitationNotOpen);
    refused(vec![], accept(noon()), UserError::UserNotFound);
}

#[test]
fn an_invitation_lasts_until_its_end_and_can_be_sent_again() {
    refused(vec![invited()], accept(in_a_week()), UserError::InvitationExpired);
    let expires_at = in_a_week() + TimeDelta::days(7);
    let renewed = UserEvent::InvitationRenewed { expires_at };
    given(vec![invited()])
        .when(UserCommand::RenewInvitation { expires_at })
        .then_expect_events(vec![renewed.clone()]);
    given(vec![invited(), renewed])
        .when(accept(in_a_week()))
        .then_expect_events(vec![UserEvent::InvitationAccepted, carl()]);
    let renew = UserCommand::RenewInvitation { expires_at };
    refused(vec![carl()], renew, UserError::InvitationNotOpen);
}

#[test]
fn a_revoked_invitation_is_worth_nothing_and_makes_room_for_another() {
    given(vec![invited()])
        .when(UserCommand::RevokeInvitation)
        .then_expect_events(vec![UserEvent::InvitationRevoked]);
    let revoked = || vec![invited(), UserEvent::InvitationRevoked];
    refused(revoked(), accept(noon()), UserError::UserNotFound);
    refused(revoked(), UserCommand::RevokeInvitation, UserError::UserNotFound);
    given(revoked())
        .when(invite(Role::CustomerUser, HOMES[2]))
        .then_expect_events(vec![invited()]);
}

#[test]
fn who_was_only_invited_can_be_erased_and_not_changed() {
    given(vec![invited()])
        .when(erase("asked to be forgotten", 0))
        .then_expect_events(vec![erased(HOMES[2])]);
    let rename = UserCommand::Rename { name: sealed("QmVu") };
    refused(vec![invited()], rename, UserError::UserNotFound);
    let mut user = User::default();
    user.evolve(invited());
    assert_eq!((user.home(), user.active()), (Some(HOMES[2]), None));
    user.evolve(erased(HOMES[2]));
    assert_eq!((user.home(), user.invitation()), (None, None));
}
