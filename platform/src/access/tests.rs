//! Which row decides, and what it opens.

use domain::ids::{ApiKeyId, UserId};
use domain::user::Role::{PlatformAdmin, ResellerOwner, Service};
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::*;

fn principal(role: Role, access: Access) -> Principal {
    Principal {
        user_id: UserId(Uuid::from_u128(1)),
        role,
        home: Home::Platform,
        access,
    }
}

fn impersonator(write: bool) -> Principal {
    let access = Access::Impersonated {
        by: UserId(Uuid::from_u128(2)),
        session_id: Uuid::from_u128(3),
        write,
    };
    principal(ResellerOwner, access)
}

#[test]
fn the_longest_path_above_a_route_decides() {
    let of = |pattern| rule_of(pattern).map(|rule| rule.path);
    assert_eq!(of("/api/admin/tiers/{code}/retire"), Some("/api/admin"));
    assert_eq!(of("/api/admin/periods/{month}/close"), Some("/api/admin/periods"));
    assert_eq!(of("/api/users/{user}/role"), Some("/api/users/{}/role"));
    assert_eq!(of("/api/users/{user}/name"), Some("/api/users"));
    assert_eq!(
        of("/api/admin/resellers/{id}/contracts/end"),
        Some("/api/admin/resellers/{}/contracts")
    );
    assert_eq!(of("/api/administration"), None);
    assert_eq!(of("/elsewhere"), None);
}

#[test]
fn what_no_row_covers_is_closed() {
    let admin = principal(PlatformAdmin, Access::PASSWORD);
    assert_eq!(allow(&admin, "/api/new", true), Err(Denied::Role(&[])));
    assert_eq!(allow(&admin, "/api/admin/new", false), Ok(()));
}

#[test]
fn who_acts_as_another_looks_unless_writing_was_asked_for() {
    let customers = "/api/reseller/customers";
    assert_eq!(allow(&impersonator(false), customers, true), Ok(()));
    assert_eq!(
        allow(&impersonator(false), customers, false),
        Err(Denied::ReadOnly)
    );
    assert_eq!(allow(&impersonator(true), customers, false), Ok(()));
    for own in ["/api/user/password", "/api/users/{id}/name", "/api/api-keys"] {
        assert!(allow(&impersonator(true), own, false).is_err(), "{own}");
    }
}

#[test]
fn a_program_does_what_its_scopes_say() {
    let access = Access::Key {
        key_id: ApiKeyId(Uuid::from_u128(4)),
        scopes: [KeyScope::Customers].into_iter().collect(),
    };
    let program = principal(Service, access);
    assert_eq!(allow(&program, "/api/reseller/customers", false), Ok(()));
    assert_eq!(
        allow(&program, "/api/jobs", false),
        Err(Denied::Scope(KeyScope::Transcription))
    );
    assert_eq!(
        allow(&program, "/api/user/password", false),
        Err(Denied::NoPrograms)
    );
    assert!(!may_read(&program, "viewer"));
}

fn of_reseller(access: Access) -> Principal {
    let home = Home::Reseller(ResellerId(Uuid::from_u128(5)));
    Principal {
        home,
        ..principal(ResellerOwner, access)
    }
}

#[test]
fn permissions_bind_resellers_and_their_programs() {
    let close = "/api/reseller/customers/{id}/close";
    let needed = |principal: &Principal, pattern| needs(principal, pattern).map(|needs| needs.permissions);
    let person = of_reseller(Access::PASSWORD);
    assert_eq!(needed(&person, close), Some(vec![Permission::CloseCustomers]));
    assert_eq!(needed(&person, "/api/reseller/resellers"), None);
    let key_id = ApiKeyId(Uuid::from_u128(4));
    let scopes = [KeyScope::Customers].into_iter().collect();
    let program = of_reseller(Access::Key { key_id, scopes });
    assert_eq!(
        needed(&program, close),
        Some(vec![Permission::ApiAccess, Permission::CloseCustomers])
    );
    assert_eq!(needed(&principal(PlatformAdmin, Access::PASSWORD), close), None);
    let dashboard = needs_to_read(&person, "dashboard").map(|needs| needs.permissions);
    assert_eq!(dashboard, Some(vec![Permission::ViewStatistics]));
    assert_eq!(needs_to_read(&person, "viewer"), None);
}

#[test]
fn every_permission_is_needed_somewhere() {
    for permission in Permission::iter() {
        let needed = RULES.iter().any(|rule| rule.permission == Some(permission))
            || READS.iter().any(|read| read.permission == Some(permission));
        assert!(needed, "{permission:?} opens nothing");
    }
}
