//! What each role may do is one table; every route does what it says.

use commands::rest::openapi::Document;
use domain::api_key::{KeyScope, KeyScopes};
use domain::ids::{ApiKeyId, ResellerId, TenantId, UserId};
use domain::user::{Home, Role};
use platform::{Access, Principal, access};
use reqwest::Method;
use serde_json::{Value, json};
use strum::IntoEnumIterator;
use tests::client::read;
use tests::{Answer, TestApp};
use utoipa::OpenApi;
use uuid::Uuid;

/// These come with secrets of their own, not as somebody.
const WITHOUT_CALLER: [&str; 5] = [
    "/auth/",
    "/work/",
    "/hooks/",
    "/onboarding/applications",
    "/onboarding/status",
];

/// Method and path of every route for callers.
fn routes() -> Vec<(Method, String)> {
    let document = serde_json::to_value(Document::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let routes: Vec<_> = paths
        .iter()
        .filter(|(path, _)| !WITHOUT_CALLER.iter().any(|prefix| path.starts_with(prefix)))
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.filter_map(move |method| {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
                Some((method, path.clone()))
            })
        })
        .collect();
    assert!(routes.len() >= 80, "{routes:?}");
    for (method, path) in &routes {
        let ruled = access::rule_of(&format!("/api{path}")).is_some();
        assert!(ruled, "{method} {path} has no row in the table of roles");
    }
    routes
}

struct Callers {
    app: TestApp,
    homes: [Home; 3],
}

impl Callers {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let reseller_id = ResellerId(Uuid::now_v7());
        let tenant = Home::Tenant {
            reseller_id,
            tenant_id: TenantId(Uuid::now_v7()),
        };
        Self {
            app,
            homes: [Home::Platform, Home::Reseller(reseller_id), tenant],
        }
    }

    fn of(&self, role: Role, access: Access) -> Principal {
        let home = self.homes.into_iter().find(|home| role.fits(*home)).unwrap();
        Principal {
            user_id: UserId(Uuid::now_v7()),
            role,
            home,
            access,
        }
    }

    /// Sends the route an empty command, with what stands for parameters.
    async fn send(&self, principal: &Principal, method: &Method, path: &str) -> Answer {
        let signer = self.app.parts.write_side().signer;
        let (token, _) = signer.access(principal, self.app.parts.clock.now()).unwrap();
        let segments = path.split('/').map(|segment| match segment.starts_with('{') {
            true => Uuid::now_v7().to_string(),
            false => segment.to_owned(),
        });
        let path = format!("/api{}", segments.collect::<Vec<_>>().join("/"));
        let request = self
            .app
            .client()
            .with_token(&token)
            .request(method.clone(), &path);
        let key = Uuid::new_v4().to_string();
        let request = request.header("Idempotency-Key", key).json(&json!({}));
        read(request.send().await.unwrap()).await
    }
}

fn people() -> impl Iterator<Item = Role> {
    Role::iter().filter(|role| *role != Role::Service)
}

#[actix_web::test]
async fn every_route_opens_to_the_roles_of_the_table_and_to_no_others() {
    let callers = Callers::new().await;
    let (mut granted, mut denied) = (0, 0);
    for (method, path) in routes() {
        for role in people() {
            let principal = callers.of(role, Access::PASSWORD);
            let answer = callers.send(&principal, &method, &path).await;
            let allowed = access::allow(&principal, &format!("/api{path}"), method == Method::GET).is_ok();
            let forbidden = (answer.status.as_u16(), answer.code()) == (403, "FORBIDDEN");
            assert_eq!(
                forbidden, !allowed,
                "{method} {path} as {role:?}: {} {}",
                answer.status, answer.body
            );
            if allowed { granted += 1 } else { denied += 1 }
        }
    }
    assert!(
        granted > 150 && denied > 300,
        "{granted} granted, {denied} denied"
    );
}

#[actix_web::test]
async fn who_only_looks_as_somebody_else_changes_nothing_by_any_route() {
    let callers = Callers::new().await;
    for (method, path) in routes() {
        if method == Method::GET || path == "/user/impersonation/end" {
            continue;
        }
        for role in people().filter(|role| !role.fits(Home::Platform)) {
            let access = Access::Impersonated {
                by: UserId(Uuid::now_v7()),
                session_id: Uuid::now_v7(),
                write: false,
            };
            let answer = callers.send(&callers.of(role, access), &method, &path).await;
            let code = answer.code();
            let refused = ["IMPERSONATION_READ_ONLY", "IMPERSONATION_FORBIDS", "FORBIDDEN"].contains(&code);
            assert!(
                refused,
                "{method} {path} as {role:?}: {} {}",
                answer.status, answer.body
            );
        }
    }
}

#[actix_web::test]
async fn a_key_opens_what_its_scopes_say_and_nothing_else() {
    let callers = Callers::new().await;
    for (method, path) in routes() {
        for scope in [None].into_iter().chain(KeyScope::iter().map(Some)) {
            for home in callers.homes {
                let scopes: KeyScopes = scope.into_iter().collect();
                let key_id = ApiKeyId(Uuid::now_v7());
                let principal = Principal {
                    user_id: UserId(key_id.0),
                    role: Role::Service,
                    home,
                    access: Access::Key { key_id, scopes },
                };
                let answer = callers.send(&principal, &method, &path).await;
                let allowed = access::allow(&principal, &format!("/api{path}"), false).is_ok();
                if !allowed {
                    assert!(
                        ["SCOPE_MISSING", "FORBIDDEN"].contains(&answer.code()),
                        "{method} {path} with {scope:?}: {}",
                        answer.body
                    );
                } else if answer.code() == "SCOPE_MISSING" {
                    panic!("{method} {path} with {scope:?}: {}", answer.body);
                }
            }
        }
    }
}

#[actix_web::test]
async fn a_refusal_names_who_may() {
    let callers = Callers::new().await;
    let finance = callers.of(Role::PlatformFinance, Access::PASSWORD);
    let answer = callers.send(&finance, &Method::POST, "/admin/resellers").await;
    let detail = answer.body["detail"].clone();
    assert_eq!(
        detail,
        Value::from(
            "this is for platform admin; you are signed in as platform finance: ask one of them, or sign in as one"
        )
    );
}
