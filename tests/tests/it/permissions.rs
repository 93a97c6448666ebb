//! What resellers are permitted: templates, exceptions, the line above; and that every route and every root field
//! asks.

use commands::rest::openapi::Document;
use domain::api_key::{KeyScope, KeyScopes};
use domain::ids::{ApiKeyId, UserId};
use domain::permission::Permission;
use domain::user::{Home, Role};
use platform::{Access, Principal, access};
use reqwest::Method;
use serde_json::{Value, json};
use strum::IntoEnumIterator;
use tests::app::PASSWORD;
use tests::client::read;
use tests::scenario::{Reseller, email, new_customer, new_reseller};
use tests::{Answer, TestApp, TestClient};
use utoipa::OpenApi;
use uuid::Uuid;

struct Business {
    app: TestApp,
    admin: TestClient,
    reseller: Reseller,
}

impl Business {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let admin = app.admin().await;
        commands::bootstrap::permission_templates(&app.parts.write_side())
            .await
            .unwrap();
        let reseller = app.reseller_with(&admin, 1_000).await;
        Self { app, admin, reseller }
    }

    fn of(&self, reseller: &Reseller) -> String {
        format!("/api/admin/resellers/{}/permissions", reseller.id)
    }

    async fn assign(&self, template: &str) -> Value {
        let body = json!({"template": template, "reason": "agreed"});
        self.admin.put(&self.of(&self.reseller), body).await.ok()
    }

    async fn except(&self, permission: Permission, granted: bool) -> Value {
        let path = format!("{}/{}", self.of(&self.reseller), permission.as_ref());
        let body = json!({"granted": granted, "reason": "agreed"});
        self.admin.put(&path, body).await.ok()
    }

    async fn below(&self) -> Reseller {
        let email = email("sub");
        let registered = self
            .reseller
            .client
            .post("/api/reseller/resellers", new_reseller(&email));
        Reseller {
            id: registered.await.ok()["resellerId"].as_str().unwrap().to_owned(),
            client: self.app.signed_in(&email, PASSWORD).await,
            email,
        }
    }

    /// Somebody of the reseller, in a role or as a program, past every account.
    fn principal(&self, role: Role, access: Access) -> Principal {
        Principal {
            user_id: UserId(Uuid::now_v7()),
            role,
            home: Home::Reseller(self.reseller.id.parse::<Uuid>().unwrap().into()),
            access,
        }
    }

    fn client(&self, principal: &Principal) -> TestClient {
        let signer = self.app.parts.write_side().signer;
        let (token, _) = signer.access(principal, self.app.parts.clock.now()).unwrap();
        self.app.client().with_token(&token)
    }
}

/// What the answer says is missing.
fn missing(answer: &Answer) -> Option<&str> {
    (answer.code() == "PERMISSION_DENIED").then(|| answer.body["permission"].as_str().unwrap())
}

async fn send(client: &TestClient, method: &Method, path: &str) -> Answer {
    let segments = path.split('/').map(|segment| match segment.starts_with('{') {
        true => Uuid::now_v7().to_string(),
        false => segment.to_owned(),
    });
    let path = format!("/api{}", segments.collect::<Vec<_>>().join("/"));
    let request = client.request(method.clone(), &path);
    let key = Uuid::new_v4().to_string();
    let request = request.header("Idempotency-Key", key).json(&json!({}));
    read(request.send().await.unwrap()).await
}

/// Method and path of every route that is in the table of roles.
fn routes() -> Vec<(Method, String)> {
    let document = serde_json::to_value(Document::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let routes = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.filter_map(move |method| {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
            Some((method, path.clone()))
        })
    });
    routes
        .filter(|(_, path)| access::rule_of(&format!("/api{path}")).is_some())
        .collect()
}

#[actix_web::test]
async fn every_route_asks_for_its_permission_and_for_no_other() {
    let business = Business::new().await;
    let person = business.principal(Role::ResellerOwner, Access::PASSWORD);
    let key_id = ApiKeyId(Uuid::now_v7());
    let given = KeyScope::iter().filter(|scope| scope.may_be_given_by(Role::ResellerOwner));
    let scopes: KeyScopes = given.collect();
    let program = business.principal(Role::Service, Access::Key { key_id, scopes });
    let (mut granted, mut denied) = (0, 0);
    for permission in Permission::iter() {
        business.except(permission, false).await;
        for principal in [&person, &program] {
            let client = business.client(principal);
            for (method, path) in routes() {
                let pattern = format!("/api{path}");
                if access::allow(principal, &pattern, method == Method::GET).is_err() {
                    continue;
                }
                let needs = access::needs(principal, &pattern);
                let needed = needs.is_some_and(|needs| needs.permissions.contains(&permission));
                let answer = send(&client, &method, &path).await;
                let expected = needed.then_some(permission.as_ref());
                assert_eq!(
                    missing(&answer),
                    expected,
                    "{method} {path} without {permission:?}: {} {}",
                    answer.status,
                    answer.body
                );
                if needed { denied += 1 } else { granted += 1 }
            }
        }
        business.except(permission, true).await;
    }
    assert!(granted > 500 && denied > 40, "{granted} granted, {denied} denied");
}

/// How a root field is asked for as little as possible.
fn asked(field: &Value) -> String {
    let name = field["name"].as_str().unwrap();
    let required = field["args"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|argument| argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null());
    let arguments: Vec<_> = required
        .map(|argument| match argument["name"].as_str().unwrap() {
            name @ "number" => format!("{name}: 1"),
            name @ "questions" => format!("{name}: [{{feature: WORKFLOWS}}]"),
            name @ "from" => format!("{name}: \"2026-01-01\""),
            name @ "to" => format!("{name}: \"2026-02-01\""),
            name @ ("start" | "end") => format!("{name}: \"2026-11-21T12:00:00Z\""),
            name @ "by" => format!("{name}: MONTH"),
            name @ "report" => format!("{name}: CREDITS"),
            name @ "figure" => format!("{name}: \"sold\""),
            name => format!("{name}: \"{}\"", Uuid::now_v7()),
        })
        .collect();
    let arguments = match arguments.is_empty() {
        true => String::new(),
        false => format!("({})", arguments.join(", ")),
    };
    let mut kind = &field["type"];
    while kind["ofType"].is_object() {
        kind = &kind["ofType"];
    }
    let selection = match kind["kind"].as_str() {
        Some("OBJECT") => " { __typename }",
        _ => "",
    };
    format!("{{ {name}{arguments}{selection} }}")
}

#[actix_web::test]
async fn every_root_field_asks_for_its_permission_and_for_no_other() {
    let business = Business::new().await;
    let schema = "{ __schema { queryType { fields { name args { name defaultValue type { kind } }
        type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }";
    let schema = business.admin.query(schema, json!({})).await;
    let fields = schema["__schema"]["queryType"]["fields"].as_array().unwrap();
    let person = business.principal(Role::ResellerOwner, Access::PASSWORD);
    let client = business.client(&person);
    let mut denied = 0;
    for permission in Permission::iter() {
        business.except(permission, false).await;
        business.app.settle().await;
        for field in fields {
            let name = field["name"].as_str().unwrap();
            if !access::may_read(&person, name) {
                continue;
            }
            let needs = access::needs_to_read(&person, name);
            let needed = needs.is_some_and(|needs| needs.permissions.contains(&permission));
            let answer = client.graphql(&asked(field), json!({})).await;
            let error = &answer["errors"][0]["extensions"];
            assert_ne!(error["code"], "GRAPHQL_VALIDATION_FAILED", "{name}: {answer}");
            let found = (error["code"] == "PERMISSION_DENIED").then_some(&error["permission"]);
            let expected = json!(permission.as_ref());
            assert_eq!(
                found,
                needed.then_some(&expected),
                "{name} without {permission:?}: {answer}"
            );
            denied += usize::from(needed);
        }
        business.except(permission, true).await;
    }
    assert!(denied > 10, "{denied} denied");
}

const PERMISSIONS: &str =
    "query ($id: ID!, $p: String) { reseller(id: $id, minPosition: $p) { permissions { name value
    origin { kind resellerId templateCode templateVersion overriddenBy assignedBy reason } } } }";

/// What the reader is told of one permission.
async fn told(reader: &TestClient, reseller: &Reseller, permission: Permission) -> Value {
    let data = reader.query(PERMISSIONS, json!({"id": reseller.id})).await;
    let permissions = data["reseller"]["permissions"].as_array().unwrap();
    assert_eq!(permissions.len(), 12);
    let named = permissions
        .iter()
        .find(|told| told["name"] == permission.as_ref());
    named.unwrap().clone()
}

#[actix_web::test]
async fn a_template_and_its_exceptions_say_where_each_value_comes_from() {
    let business = Business::new().await;
    let (admin, reseller) = (&business.admin, &business.reseller);
    business.app.settle().await;
    let told_at_first = told(admin, reseller, Permission::CloseCustomers).await;
    assert_eq!(
        (&told_at_first["value"], &told_at_first["origin"]["kind"]),
        (&json!(true), &json!("UNASSIGNED"))
    );
    assert_eq!(business.assign("basic").await["version"], 1);
    business.except(Permission::ViewLogs, true).await;
    business.app.settle().await;
    let expected = json!({"name": "canCloseCustomers", "value": false, "origin": {"kind": "TEMPLATE",
        "resellerId": reseller.id, "templateCode": "basic", "templateVersion": 1, "overriddenBy": null,
        "assignedBy": "Ada Admin", "reason": "agreed"}});
    assert_eq!(told(admin, reseller, Permission::CloseCustomers).await, expected);
    let own = told(&reseller.client, reseller, Permission::ViewLogs).await;
    assert_eq!(
        (
            &own["value"],
            &own["origin"]["kind"],
            &own["origin"]["overriddenBy"]
        ),
        (&json!(true), &json!("OVERRIDE"), &json!("Platform"))
    );
    let close = format!("/api/reseller/customers/{}/close", Uuid::now_v7());
    let refused = reseller.client.post(&close, json!({"reason": "over"})).await;
    assert_eq!(
        refused.refusal(),
        (
            403,
            "PERMISSION_DENIED",
            "your reseller may not close and reopen customers: canCloseCustomers is denied by its permission template \
             basic, version 1; the platform, or a reseller above yours, can grant it"
        )
    );
    let withdraw = format!("{}/canViewLogs/withdraw", business.of(reseller));
    admin.post(&withdraw, json!({"reason": "over"})).await.ok();
    let again = admin.post(&withdraw, json!({"reason": "over"})).await;
    assert_eq!(again.refusal().1, "OVERRIDE_NOT_FOUND");
    business.app.settle().await;
    let viewer = "{ viewer { permissions { name value } } }";
    let viewer = reseller.client.query(viewer, json!({})).await;
    let granted = viewer["viewer"]["permissions"].as_array().unwrap().iter();
    assert_eq!(granted.filter(|told| told["value"] == true).count(), 7);
    assert!(business.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_new_version_changes_nobody_until_it_is_assigned_and_a_retired_one_is_kept() {
    let business = Business::new().await;
    business.assign("trial-reseller").await;
    let body = json!({"name": "Trial Reseller", "permissions": ["canViewCustomers"]});
    let path = "/api/admin/permission-templates/trial-reseller";
    assert_eq!(business.admin.put(path, body).await.ok()["version"], 2);
    let client = &business.reseller.client;
    let create = async || {
        let customer = new_customer(&email("carl"), "basic", 1);
        client.post("/api/reseller/customers", customer).await
    };
    create().await.ok();
    assert_eq!(business.assign("trial-reseller").await["version"], 2);
    assert_eq!(missing(&create().await), Some("canCreateCustomers"));
    business
        .admin
        .post(&format!("{path}/retire"), json!({}))
        .await
        .ok();
    assert_eq!(missing(&create().await), Some("canCreateCustomers"));
    let again = json!({"template": "trial-reseller", "reason": "agreed"});
    let again = business.admin.put(&business.of(&business.reseller), again).await;
    assert_eq!(
        (again.refusal().1, &again.body["allowed"]),
        ("TEMPLATE_NOT_FOUND", &json!(["basic", "premium"]))
    );
    business.app.settle().await;
    let list = "{ permissionTemplates { code version current permissions } }";
    let list = business.admin.query(list, json!({})).await;
    let told: Vec<_> = list["permissionTemplates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|told| {
            (
                told["code"].as_str().unwrap(),
                told["version"].as_i64(),
                told["current"].as_bool(),
            )
        })
        .collect();
    let expected = [
        ("basic", Some(1), Some(true)),
        ("premium", Some(1), Some(true)),
        ("trial-reseller", Some(2), Some(false)),
        ("trial-reseller", Some(1), Some(false)),
    ];
    assert_eq!(told, expected);
}

#[actix_web::test]
async fn nobody_has_more_than_who_is_above_and_nobody_below_learns_who_that_is() {
    let business = Business::new().await;
    let sub = business.below().await;
    let leaf_email = email("leaf");
    let mut leaf = new_reseller(&leaf_email);
    leaf["permissionTemplate"] = json!("premium");
    let leaf = sub.client.post("/api/reseller/resellers", leaf).await.ok();
    let leaf = Reseller {
        id: leaf["resellerId"].as_str().unwrap().to_owned(),
        client: business.app.signed_in(&leaf_email, PASSWORD).await,
        email: leaf_email,
    };
    business.except(Permission::ApiAccess, false).await;
    let refused = leaf
        .client
        .post("/api/api-keys", json!({"name": "x", "scopes": ["read"]}))
        .await;
    let (status, code, detail) = refused.refusal();
    assert_eq!((status, code), (403, "PERMISSION_DENIED"));
    assert!(detail.contains("is denied to a reseller above yours"), "{detail}");
    business.app.settle().await;
    let seen = told(&leaf.client, &leaf, Permission::ApiAccess).await;
    assert_eq!(
        seen["origin"],
        json!({"kind": "ABOVE", "resellerId": null, "templateCode": null, "templateVersion": null,
            "overriddenBy": null, "assignedBy": null, "reason": null})
    );
    let seen = told(&business.reseller.client, &leaf, Permission::ApiAccess).await;
    assert_eq!(seen["origin"]["resellerId"], json!(business.reseller.id));
    let kept = told(&leaf.client, &leaf, Permission::ViewLogs).await;
    assert_eq!(
        (&kept["value"], &kept["origin"]["templateCode"]),
        (&json!(true), &json!("premium"))
    );
    let path = |reseller: &Reseller, rest: &str| {
        format!("/api/reseller/resellers/{}/permissions{rest}", reseller.id)
    };
    let deny = json!({"granted": false, "reason": "agreed"});
    let own = sub.client.put(&path(&sub, "/canViewLogs"), deny.clone()).await;
    assert_eq!(own.refusal().0, 403, "nobody changes his own permissions");
    let above = sub
        .client
        .put(&path(&business.reseller, "/canViewLogs"), deny.clone())
        .await;
    assert_eq!(above.refusal().1, "RESELLER_NOT_FOUND");
    sub.client
        .put(&path(&leaf, "/canViewLogs"), deny.clone())
        .await
        .ok();
    let unknown = sub.client.put(&path(&leaf, "/canFly"), deny).await;
    assert_eq!(unknown.refusal().1, "PERMISSION_NOT_FOUND");
    let moved = json!({"parentId": null, "reason": "grown up"});
    business
        .admin
        .post(&format!("/api/admin/resellers/{}/move", sub.id), moved)
        .await
        .ok();
    let key = json!({"name": "x", "scopes": ["read"]});
    leaf.client.post("/api/api-keys", key).await.ok();
    business.app.settle().await;
    assert!(told(&leaf.client, &leaf, Permission::ApiAccess).await["value"] == true);
    assert!(business.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_key_ends_with_the_permission_and_comes_back_with_it() {
    let business = Business::new().await;
    let client = &business.reseller.client;
    let key = json!({"name": "x", "scopes": ["read", "customers"]});
    let key = client.post("/api/api-keys", key).await.ok();
    let program = business.app.client().with_token(key["secret"].as_str().unwrap());
    let create = async || {
        let customer = new_customer(&email("carl"), "basic", 1);
        program.post("/api/reseller/customers", customer).await
    };
    create().await.ok();
    let denied = business.except(Permission::ApiAccess, false).await;
    assert_eq!(missing(&create().await), Some("canApiAccess"));
    let query = "query ($p: String) { customers(minPosition: $p) { nodes { id } } }";
    let answer = program.graphql(query, json!({"p": denied["position"]})).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["permission"], "canApiAccess",
        "{answer}"
    );
    let revoked = format!("/api/api-keys/{}/revoke", key["id"].as_str().unwrap());
    client.post(&revoked, json!({"reason": "leaked"})).await.ok();
    business.except(Permission::ApiAccess, true).await;
    assert_eq!(create().await.refusal().1, "UNAUTHENTICATED");
}

#[actix_web::test]
async fn a_bulk_asks_for_what_its_rows_need() {
    let business = Business::new().await;
    let client = &business.reseller.client;
    for (kind, permission) in [
        ("create", Permission::CreateCustomers),
        ("extend", Permission::ExtendSubscriptions),
        ("suspend", Permission::EditCustomers),
        ("resume", Permission::EditCustomers),
        ("move", Permission::EditCustomers),
    ] {
        let begin = async || {
            let path = format!("/api/reseller/bulk?kind={kind}&mode=BEST_EFFORT");
            let request = client.request(Method::POST, &path);
            let request = request
                .header("Idempotency-Key", "bulk")
                .header("Content-Type", "text/csv");
            read(request.body("no,columns\n").send().await.unwrap()).await
        };
        business.except(permission, false).await;
        assert_eq!(missing(&begin().await), Some(permission.as_ref()), "{kind}");
        business.except(permission, true).await;
        assert_eq!(begin().await.code(), "INVALID_FILE", "{kind}");
    }
}

#[actix_web::test]
async fn a_list_is_not_saved_without_its_permission() {
    let business = Business::new().await;
    business.except(Permission::ViewCustomers, false).await;
    business.app.settle().await;
    let client = &business.reseller.client;
    let query = json!({"query": "{ customers(first: 10) { nodes { name } } }"});
    let saved = client.request(Method::POST, "/downloads/list.csv").json(&query);
    let refused = read(saved.send().await.unwrap()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (403, "PERMISSION_DENIED")
    );
    let noted = "{ auditLog(first: 5, filter: {kind: DENIALS}) { nodes { action address } } }";
    let noted = client.query(noted, json!({})).await;
    assert_eq!(
        noted["auditLog"]["nodes"],
        json!([{"action": "customers", "address": "127.0.0.1"}])
    );
}
