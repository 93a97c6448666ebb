use domain::ids::{ResellerId, TenantId};
use uuid::Uuid;

use super::*;

fn keys() -> (tempfile::TempDir, Signer, Verifier) {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path()).unwrap();
    let signer = Signer::open(folder.path(), TimeDelta::minutes(5)).unwrap();
    let verifier = Verifier::open(folder.path()).unwrap();
    (folder, signer, verifier)
}

fn customer() -> Principal {
    Principal {
        user_id: UserId(Uuid::from_u128(1)),
        role: Role::CustomerAdmin,
        home: Home::Tenant {
            reseller_id: ResellerId(Uuid::from_u128(2)),
            tenant_id: TenantId(Uuid::from_u128(3)),
        },
        access: Access::Person {
            session_id: Some(Uuid::from_u128(4)),
        },
    }
}

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

#[test]
fn an_access_token_names_its_holder_until_it_ends() {
    let (_folder, signer, verifier) = keys();
    let (token, expires_at) = signer.access(&customer(), noon()).unwrap();
    let found = verifier.verify(&token, noon()).unwrap();
    assert_eq!(found.principal, customer());
    assert_eq!((found.made_at, found.expires_at), (noon(), expires_at));
    assert!(matches!(
        verifier.verify(&token, expires_at),
        Err(TokenError::Expired)
    ));
}

#[test]
fn a_token_of_another_key_is_refused() {
    let (_folder, signer, _) = keys();
    let (_other_folder, _, other) = keys();
    let (token, _) = signer.access(&customer(), noon()).unwrap();
    assert!(matches!(other.verify(&token, noon()), Err(TokenError::Invalid)));
}

#[test]
fn a_changed_token_is_refused() {
    let (_folder, signer, verifier) = keys();
    let (token, _) = signer.access(&customer(), noon()).unwrap();
    let (head, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let (admin, _) = signer
        .access(
            &Principal {
                role: Role::PlatformAdmin,
                home: Home::Platform,
                ..customer()
            },
            noon(),
        )
        .unwrap();
    let claims = admin.split('.').nth(1).unwrap();
    assert!(matches!(
        verifier.verify(&format!("{head}.{claims}.{signature}"), noon()),
        Err(TokenError::Invalid)
    ));
}

#[test]
fn a_link_is_no_access_token_and_the_other_way_round() {
    let (_folder, signer, verifier) = keys();
    let grant = LinkGrant {
        job_id: JobId(Uuid::from_u128(9)),
        attempt: 1,
        kind: LinkKind::Audio,
    };
    let link = signer.link(grant, noon() + TimeDelta::hours(1)).unwrap();
    assert_eq!(verifier.verify_link(&link, noon()).unwrap(), grant);
    assert!(matches!(verifier.verify(&link, noon()), Err(TokenError::Invalid)));
    let (token, _) = signer.access(&customer(), noon()).unwrap();
    assert!(matches!(
        verifier.verify_link(&token, noon()),
        Err(TokenError::Invalid)
    ));
}
