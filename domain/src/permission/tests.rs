//! What is in effect in a line of resellers.

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::reseller_permissions::ResellerPermissionsEvent;

fn id(number: usize) -> ResellerId {
    ResellerId(Uuid::from_u128(u128::try_from(number).unwrap() + 10))
}

fn assigned(code: &str, permissions: &[Permission]) -> ResellerPermissionsEvent {
    ResellerPermissionsEvent::PermissionTemplateAssigned {
        code: code.to_owned(),
        version: 3,
        permissions: permissions.iter().copied().collect(),
        reason: "agreed".to_owned(),
    }
}

fn overridden(permission: Permission, granted: bool) -> ResellerPermissionsEvent {
    ResellerPermissionsEvent::PermissionOverridden {
        permission,
        granted,
        reason: "agreed".to_owned(),
    }
}

fn folded(events: Vec<ResellerPermissionsEvent>) -> ResellerPermissions {
    use cqrs_es::Aggregate;
    let mut permissions = ResellerPermissions::default();
    for event in events {
        permissions.apply(event);
    }
    permissions
}

fn in_line(line: &[ResellerPermissions], permission: Permission) -> Effective {
    let line = line.iter().enumerate().map(|(number, own)| (id(number), own));
    effective(line, permission).unwrap()
}

#[test]
fn who_has_no_template_has_everything() {
    for permission in Permission::iter() {
        let found = in_line(&[ResellerPermissions::default()], permission);
        assert!(found.granted);
        assert_eq!(found.origin, Origin::Unassigned);
        assert_eq!(PermissionDenied::of(permission, id(0), &found), None);
    }
}

#[test]
fn a_template_grants_what_it_names_and_an_exception_goes_before_it() {
    let own = folded(vec![
        assigned("basic", &[Permission::ViewCustomers]),
        overridden(Permission::ViewLogs, true),
        overridden(Permission::ViewCustomers, false),
    ]);
    let of = |permission| in_line(std::slice::from_ref(&own), permission);
    assert!(of(Permission::ViewLogs).granted);
    assert_eq!(of(Permission::ViewCustomers).origin, Origin::Override);
    assert!(!of(Permission::ViewCustomers).granted);
    let denied = of(Permission::ApiAccess);
    let told = PermissionDenied::of(Permission::ApiAccess, id(0), &denied).unwrap();
    assert_eq!(
        told.to_string(),
        "your reseller may not come in with API keys: canApiAccess is denied by its permission template basic, \
         version 3; the platform, or a reseller above yours, can grant it"
    );
    assert_eq!(
        (told.code(), told.kind(), told.facts().permission),
        (
            "PERMISSION_DENIED",
            RefusalKind::Forbidden,
            Some(Permission::ApiAccess)
        )
    );
}

#[test]
fn who_is_above_is_not_told() {
    let line = [
        folded(vec![assigned("premium", &[Permission::ViewLogs])]),
        ResellerPermissions::default(),
        folded(vec![assigned("secret", &[])]),
    ];
    let found = in_line(&line, Permission::ViewLogs);
    assert_eq!((found.granted, found.decided_by), (false, id(2)));
    let told = PermissionDenied::of(Permission::ViewLogs, id(0), &found).unwrap();
    assert_eq!(told.origin, None);
    assert!(!told.to_string().contains("secret"), "{told}");
}

#[test]
fn names_are_told_apart_and_parsed() {
    let names: BTreeSet<String> = Permission::names().into_iter().collect();
    assert_eq!(names.len(), 12);
    for permission in Permission::iter() {
        let json = serde_json::to_value(permission).unwrap();
        assert_eq!(json, permission.as_ref());
        assert_eq!(permission.as_ref().parse(), Ok(permission));
        assert_ne!(permission.meaning(), "");
    }
}

fn any_permission() -> impl Strategy<Value = Permission> {
    proptest::sample::select(Permission::iter().collect::<Vec<_>>())
}

fn any_event() -> impl Strategy<Value = ResellerPermissionsEvent> {
    prop_oneof![
        proptest::collection::vec(any_permission(), 0..12).prop_map(|granted| assigned("any", &granted)),
        (any_permission(), any::<bool>()).prop_map(|(permission, granted)| overridden(permission, granted)),
        any_permission().prop_map(
            |permission| ResellerPermissionsEvent::PermissionOverrideWithdrawn {
                permission,
                reason: "over".to_owned(),
            }
        ),
    ]
}

proptest! {
    #[test]
    fn nobody_has_more_than_anybody_above(
        line in proptest::collection::vec(proptest::collection::vec(any_event(), 0..8), 1..5)
    ) {
        let line: Vec<_> = line.into_iter().map(folded).collect();
        for permission in Permission::iter() {
            let found = in_line(&line, permission);
            prop_assert_eq!(found.granted, line.iter().all(|own| own.grants(permission)));
            for above in 1..line.len() {
                let parent = effective(
                    line.iter().enumerate().skip(above).map(|(number, own)| (id(number), own)),
                    permission,
                ).unwrap();
                prop_assert!(parent.granted || !found.granted);
            }
        }
    }
}
