//! API keys: what may be in one, and its end.

use chrono::TimeDelta;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::*;
use crate::ids::ResellerId;

fn given(events: Vec<ApiKeyEvent>) -> AggregateTestExecutor<ApiKey> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<ApiKeyEvent>, command: ApiKeyCommand, error: ApiKeyError) {
    let told = match &error {
        ApiKeyError::ApiKeyNotFound => ("API_KEY_NOT_FOUND", RefusalKind::NotFound),
        ApiKeyError::ApiKeyAlreadyIssued => ("API_KEY_ALREADY_ISSUED", RefusalKind::Conflict),
        ApiKeyError::ApiKeyRevoked => ("API_KEY_REVOKED", RefusalKind::Conflict),
        ApiKeyError::ApiKeyExpired => ("API_KEY_EXPIRED", RefusalKind::Conflict),
        ApiKeyError::InvalidName => ("INVALID_NAME", RefusalKind::Invalid),
        ApiKeyError::InvalidReason => ("INVALID_REASON", RefusalKind::Invalid),
        ApiKeyError::ScopeMissing(_) => ("SCOPE_MISSING", RefusalKind::Invalid),
        ApiKeyError::ScopeNotAllowed { .. } => ("SCOPE_NOT_ALLOWED", RefusalKind::Forbidden),
        ApiKeyError::TooManyNetworks => ("TOO_MANY_NETWORKS", RefusalKind::Invalid),
        ApiKeyError::ExpiryInThePast => ("EXPIRY_IN_THE_PAST", RefusalKind::Invalid),
    };
    assert_eq!((error.code(), error.kind()), told);
    given(past).when(command).then_expect_error(error);
}

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn terms() -> KeyTerms {
    KeyTerms {
        name: " Billing export ".to_owned(),
        prefix: "stk_3fk9".to_owned(),
        scopes: vec![KeyScope::Read, KeyScope::Customers],
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        home: Home::Reseller(ResellerId(Uuid::from_u128(1))),
        expires_at: Some(noon() + TimeDelta::days(30)),
    }
}

fn issue(terms: KeyTerms) -> ApiKeyCommand {
    ApiKeyCommand::Issue {
        terms,
        giver: Role::ResellerOwner,
        at: noon(),
    }
}

fn issued() -> ApiKeyEvent {
    let KeyTerms {
        prefix,
        scopes,
        networks,
        home,
        expires_at,
        ..
    } = terms();
    ApiKeyEvent::ApiKeyIssued {
        name: "Billing export".to_owned(),
        prefix,
        scopes,
        networks,
        home,
        expires_at,
    }
}

fn revoke(reason: &str) -> ApiKeyCommand {
    ApiKeyCommand::Revoke {
        reason: reason.to_owned(),
    }
}

fn rotate(at: DateTime<Utc>) -> ApiKeyCommand {
    ApiKeyCommand::Rotate {
        prefix: "stk_x2aa".to_owned(),
        former_until: noon(),
        at,
    }
}

#[test]
fn a_key_is_issued_once_with_what_was_asked_for() {
    given(vec![])
        .when(issue(terms()))
        .then_expect_events(vec![issued()]);
    refused(vec![issued()], issue(terms()), ApiKeyError::ApiKeyAlreadyIssued);
}

#[test]
fn a_key_that_makes_no_sense_is_refused() {
    let allowed = vec!["read".to_owned(), "customers".to_owned()];
    let nameless = KeyTerms {
        name: " ".to_owned(),
        ..terms()
    };
    refused(vec![], issue(nameless), ApiKeyError::InvalidName);
    let empty = KeyTerms {
        scopes: vec![],
        ..terms()
    };
    refused(vec![], issue(empty), ApiKeyError::ScopeMissing(allowed.clone()));
    let wider = KeyTerms {
        scopes: vec![KeyScope::Read, KeyScope::Finance],
        ..terms()
    };
    let scope = KeyScope::Finance;
    refused(
        vec![],
        issue(wider),
        ApiKeyError::ScopeNotAllowed { scope, allowed },
    );
    let sprawling = KeyTerms {
        networks: vec!["192.0.2.0/24".parse().unwrap(); NETWORKS_MAX + 1],
        ..terms()
    };
    refused(vec![], issue(sprawling), ApiKeyError::TooManyNetworks);
    let over = KeyTerms {
        expires_at: Some(noon()),
        ..terms()
    };
    refused(vec![], issue(over), ApiKeyError::ExpiryInThePast);
}

#[test]
fn nobody_without_people_to_answer_for_gives_keys() {
    for role in Role::iter() {
        let given = KeyScope::iter()
            .filter(|scope| scope.may_be_given_by(role))
            .count();
        let may = matches!(
            role,
            Role::PlatformAdmin | Role::ResellerOwner | Role::CustomerAdmin
        );
        assert_eq!(given > 0, may, "{role:?}");
    }
}

#[test]
fn scopes_are_a_set() {
    let scopes: KeyScopes = [KeyScope::Customers, KeyScope::Customers, KeyScope::Read]
        .into_iter()
        .collect();
    let held: Vec<_> = KeyScope::iter().filter(|scope| scopes.contains(*scope)).collect();
    assert_eq!(held, [KeyScope::Read, KeyScope::Customers]);
}

#[test]
fn a_key_gets_a_new_secret_until_it_ends() {
    given(vec![issued()])
        .when(rotate(noon()))
        .then_expect_events(vec![ApiKeyEvent::ApiKeyRotated {
            prefix: "stk_x2aa".to_owned(),
            former_until: noon(),
        }]);
    refused(vec![], rotate(noon()), ApiKeyError::ApiKeyNotFound);
    refused(
        vec![issued()],
        rotate(noon() + TimeDelta::days(30)),
        ApiKeyError::ApiKeyExpired,
    );
}

#[test]
fn a_key_is_revoked_once_and_for_good() {
    let reason = || "was in a public repository".to_owned();
    let revoked = ApiKeyEvent::ApiKeyRevoked { reason: reason() };
    given(vec![issued()])
        .when(revoke(&reason()))
        .then_expect_events(vec![revoked.clone()]);
    refused(vec![issued()], revoke(""), ApiKeyError::InvalidReason);
    refused(vec![], revoke("x"), ApiKeyError::ApiKeyNotFound);
    let past = || vec![issued(), revoked.clone()];
    refused(past(), revoke("again"), ApiKeyError::ApiKeyRevoked);
    refused(past(), rotate(noon()), ApiKeyError::ApiKeyRevoked);
}
