//! The templates on offer: published, changed, retired.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;

fn given(events: Vec<PermissionTemplatesEvent>) -> AggregateTestExecutor<PermissionTemplates> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(
    past: Vec<PermissionTemplatesEvent>,
    command: PermissionTemplatesCommand,
    error: PermissionTemplatesError,
) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code, kind and allowed values stand here.
#[track_caller]
fn assert_told(error: &PermissionTemplatesError) {
    let (code, kind, allowed) = match error {
        PermissionTemplatesError::TemplateNotFound { offered, .. } => {
            ("TEMPLATE_NOT_FOUND", RefusalKind::NotFound, offered.clone())
        }
        PermissionTemplatesError::InvalidTemplateCode => {
            ("INVALID_TEMPLATE_CODE", RefusalKind::Invalid, vec![])
        }
        PermissionTemplatesError::InvalidName => ("INVALID_NAME", RefusalKind::Invalid, vec![]),
        PermissionTemplatesError::TooManyTemplates => ("TOO_MANY_TEMPLATES", RefusalKind::Conflict, vec![]),
        PermissionTemplatesError::TooManyVersions => ("TOO_MANY_VERSIONS", RefusalKind::Conflict, vec![]),
    };
    let facts = Facts {
        allowed,
        ..Facts::default()
    };
    assert_eq!((error.code(), error.kind(), error.facts()), (code, kind, facts));
}

fn template(code: &str, version: u32, permissions: &[Permission]) -> Template {
    Template {
        code: code.to_owned(),
        version,
        name: "Basic".to_owned(),
        permissions: permissions.iter().copied().collect(),
    }
}

fn published(code: &str, version: u32, permissions: &[Permission]) -> PermissionTemplatesEvent {
    PermissionTemplatesEvent::PermissionTemplatePublished(template(code, version, permissions))
}

fn retired(code: &str) -> PermissionTemplatesEvent {
    PermissionTemplatesEvent::PermissionTemplateRetired {
        code: code.to_owned(),
    }
}

fn publish(code: &str, name: &str, permissions: &[Permission]) -> PermissionTemplatesCommand {
    PermissionTemplatesCommand::Publish {
        code: code.to_owned(),
        name: name.to_owned(),
        permissions: permissions.iter().copied().collect(),
    }
}

fn retire(code: &str) -> PermissionTemplatesCommand {
    PermissionTemplatesCommand::Retire {
        code: code.to_owned(),
    }
}

#[test]
fn a_template_is_published_in_versions() {
    let logs = [Permission::ViewLogs];
    given(vec![])
        .when(publish("basic", " Basic ", &[]))
        .then_expect_events(vec![published("basic", 1, &[])]);
    given(vec![published("basic", 1, &[])])
        .when(publish("basic", "Basic", &logs))
        .then_expect_events(vec![published("basic", 2, &logs)]);
}

#[test]
fn the_same_again_is_no_version_unless_it_was_retired() {
    given(vec![published("basic", 1, &[])])
        .when(publish("basic", "Basic", &[]))
        .then_expect_events(vec![]);
    given(vec![published("basic", 1, &[]), retired("basic")])
        .when(publish("basic", "Basic", &[]))
        .then_expect_events(vec![published("basic", 2, &[])]);
}

#[test]
fn a_retired_template_is_not_on_offer() {
    let past = vec![
        published("basic", 1, &[]),
        published("premium", 1, &[]),
        retired("basic"),
    ];
    given(past[..2].to_vec())
        .when(retire("basic"))
        .then_expect_events(vec![retired("basic")]);
    let not_found = PermissionTemplatesError::TemplateNotFound {
        code: "basic".to_owned(),
        offered: vec!["premium".to_owned()],
    };
    refused(past, retire("basic"), not_found);
}

#[test]
fn bad_codes_and_names_are_refused() {
    for code in ["", "Basic", "ba sic", &"x".repeat(25)] {
        refused(
            vec![],
            publish(code, "Basic", &[]),
            PermissionTemplatesError::InvalidTemplateCode,
        );
    }
    refused(
        vec![],
        publish("basic", " ", &[]),
        PermissionTemplatesError::InvalidName,
    );
}

#[test]
fn templates_and_versions_are_limited() {
    let many: Vec<_> = (0..TEMPLATES_MAX)
        .map(|number| published(&format!("t{number}"), 1, &[]))
        .collect();
    refused(
        many,
        publish("one-more", "Basic", &[]),
        PermissionTemplatesError::TooManyTemplates,
    );
    let versions: Vec<_> = (1..=u32::try_from(VERSIONS_MAX).unwrap())
        .map(|version| published("basic", version, &[]))
        .collect();
    refused(
        versions,
        publish("basic", "Another", &[]),
        PermissionTemplatesError::TooManyVersions,
    );
}

#[test]
fn the_founding_templates_can_be_published_and_premium_has_everything() {
    for (code, name, permissions) in founding::templates() {
        let granted: Vec<_> = permissions.iter().copied().collect();
        given(vec![])
            .when(publish(code, name, &granted))
            .then_expect_events(vec![PermissionTemplatesEvent::PermissionTemplatePublished(
                Template {
                    code: code.to_owned(),
                    version: 1,
                    name: name.to_owned(),
                    permissions,
                },
            )]);
    }
    assert_eq!(founding::templates()[1].2.len(), 12);
}
