//! The audit log: who did what, when, from where and why, what was before, and who was refused.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tests::scenario::{email, new_customer};
use tests::{TestApp, TestClient};
use uuid::Uuid;

const ENTRIES: &str = "query ($filter: AuditLogFilter, $first: Int, $after: String, $p: String) {
    auditLog(filter: $filter, first: $first, after: $after, minPosition: $p) {
        nodes { id at action actor { kind id name } impersonator { name } resellerId customerId address userAgent
            event { position aggregate subject reason changes { field before after } }
            denial { code permission further } }
        pageInfo { hasNextPage endCursor } } }";

/// The first page.
async fn entries(reader: &TestClient, filter: Value) -> Vec<Value> {
    let page = reader
        .query(ENTRIES, json!({"filter": filter, "first": 100}))
        .await;
    page["auditLog"]["nodes"].as_array().unwrap().clone()
}

async fn only(reader: &TestClient, filter: Value) -> Value {
    let found = entries(reader, filter).await;
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

fn changed(entry: &Value) -> Vec<(&str, &Value, &Value)> {
    let changes = entry["event"]["changes"].as_array().unwrap().iter();
    changes
        .map(|change| {
            (
                change["field"].as_str().unwrap(),
                &change["before"],
                &change["after"],
            )
        })
        .collect()
}

#[actix_web::test]
async fn an_event_says_who_when_from_where_why_and_what_was_before() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let path = format!("/api/admin/resellers/{}", reseller.id);
    for customers in [5, 7] {
        let limits = json!({"customersMax": customers});
        admin.put(&format!("{path}/limits"), limits).await.ok();
    }
    let sent = admin
        .request(Method::PUT, &format!("{path}/profile"))
        .header("Idempotency-Key", Uuid::new_v4().to_string())
        .header("User-Agent", "Panel/1")
        .json(&json!({"name": "South Audio", "phone": "123"}));
    assert!(sent.send().await.unwrap().status().is_success());
    admin
        .post(&format!("{path}/suspend"), json!({"reason": "unpaid"}))
        .await
        .ok();
    app.settle().await;
    let limits = entries(&admin, json!({"action": "ResellerLimitsSet"})).await;
    let limited = json!({"customers_max": 7, "sub_resellers_max": null}).to_string();
    let before = json!({"customers_max": 5, "sub_resellers_max": null}).to_string();
    assert_eq!(changed(&limits[0]), [("limits", &json!(before), &json!(limited))]);
    let edited = only(&admin, json!({"action": "ResellerProfileChanged"})).await;
    assert_eq!(
        (&edited["actor"]["name"], &edited["address"], &edited["userAgent"]),
        (&json!("Ada Admin"), &json!("127.0.0.1"), &json!("Panel/1"))
    );
    let changes = changed(&edited);
    assert!(
        changes.contains(&("name", &json!("North Audio"), &json!("South Audio"))),
        "{changes:?}"
    );
    assert!(
        changes.contains(&("phone", &Value::Null, &json!("(personal)"))),
        "{changes:?}"
    );
    assert!(!edited.to_string().contains("123\""), "{edited}");
    let suspended = only(
        &admin,
        json!({"action": "ResellerSuspended", "subject": reseller.id}),
    )
    .await;
    assert_eq!(suspended["event"]["reason"], "unpaid");
    assert_eq!(
        changed(&suspended),
        [("status", &json!("active"), &json!("suspended"))]
    );
    let by_admin = entries(
        &admin,
        json!({"actor": suspended["actor"]["id"], "aggregate": "reseller"}),
    )
    .await;
    assert_eq!(by_admin.len(), 3);
    let until = entries(
        &admin,
        json!({"to": suspended["at"], "from": suspended["at"], "kind": "EVENTS"}),
    )
    .await;
    assert!(until.iter().any(|entry| entry["id"] == suspended["id"]));
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn refusals_are_noted_wherever_they_were_decided_and_a_flood_is_counted() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let denied = format!(
        "/api/admin/resellers/{}/permissions/canViewStatistics",
        reseller.id
    );
    let denied = admin
        .put(&denied, json!({"granted": false, "reason": "agreed"}))
        .await
        .ok();
    let key = json!({"name": "Export", "scopes": ["read"]});
    let key = reseller.client.post("/api/api-keys", key).await.ok();
    let program = app.client().with_token(key["secret"].as_str().unwrap());
    let refused = program.post("/api/reseller/customers", json!({})).await;
    assert_eq!(refused.code(), "SCOPE_MISSING");
    let answer = reseller.client.graphql(
        "query ($p: String) { dashboard(minPosition: $p) { customersTotal } }",
        json!({"p": denied["position"]}),
    );
    assert_eq!(
        answer.await["errors"][0]["extensions"]["code"],
        "PERMISSION_DENIED"
    );
    let answer = reseller
        .client
        .graphql("{ auditStatus { events } }", json!({}))
        .await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    for _ in 0..25 {
        let refused = reseller.client.post("/api/admin/resellers", json!({})).await;
        assert_eq!(refused.refusal().0, 403);
    }
    let all = entries(&admin, json!({"kind": "DENIALS"})).await;
    let of_program = all
        .iter()
        .find(|entry| entry["actor"]["kind"] == "API_KEY")
        .unwrap();
    assert_eq!(
        (
            &of_program["denial"]["code"],
            &of_program["action"],
            &of_program["actor"]["name"]
        ),
        (
            &json!("SCOPE_MISSING"),
            &json!("POST /api/reseller/customers"),
            &json!("Export")
        )
    );
    let of_person: Vec<_> = all
        .iter()
        .filter(|entry| entry["actor"]["kind"] == "PERSON")
        .collect();
    assert_eq!(of_person.len(), 20, "what comes beyond is counted");
    assert_eq!(of_person[0]["denial"]["further"], 7);
    assert_eq!(of_person[0]["address"], "127.0.0.1");
    let statistics = only(&admin, json!({"action": "canViewStatistics"})).await;
    assert_eq!(
        (&statistics["action"], &statistics["denial"]["permission"]),
        (&json!("dashboard"), &json!("canViewStatistics"))
    );
    assert_eq!(
        entries(&reseller.client, json!({"kind": "DENIALS"})).await.len(),
        21
    );
    let stranger = app.reseller_with(&admin, 0).await;
    assert!(
        entries(&stranger.client, json!({"kind": "DENIALS"}))
            .await
            .is_empty()
    );
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM es.events WHERE event_type LIKE '%Denied%'")
        .fetch_one(&app.parts.commands)
        .await
        .unwrap();
    assert_eq!(stored, 0, "a refusal is no event");
}

#[actix_web::test]
async fn each_sees_its_own_and_nobody_below_sees_from_where_the_platform_acts() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 1_000).await;
    let stranger = app.reseller_with(&admin, 1_000).await;
    let customer = app.customer_of(&reseller, "basic").await;
    app.customer_of(&stranger, "basic").await;
    app.settle().await;
    let seen = entries(&reseller.client, json!({})).await;
    assert!(
        seen.iter().all(|entry| entry["resellerId"] == json!(reseller.id)),
        "{seen:?}"
    );
    let of_platform: Vec<_> = seen
        .iter()
        .filter(|entry| entry["actor"]["kind"] == "HIDDEN")
        .collect();
    assert!(!of_platform.is_empty());
    assert!(
        of_platform
            .iter()
            .all(|entry| entry["address"].is_null() && entry["actor"]["name"].is_null())
    );
    let created = only(&reseller.client, json!({"action": "TenantCreated"})).await;
    assert_eq!(created["address"], "127.0.0.1");
    let of_customer = entries(&customer.client, json!({})).await;
    assert!(!of_customer.is_empty());
    assert!(
        of_customer
            .iter()
            .all(|entry| entry["customerId"] == json!(customer.id))
    );
    assert!(
        of_customer.iter().all(|entry| entry["address"].is_null()),
        "the reseller's address is its own"
    );
    let foreign = entries(&reseller.client, json!({"resellerId": stranger.id})).await;
    assert!(foreign.is_empty());
    assert!(
        entries(&admin, json!({"resellerId": "nonsense"}))
            .await
            .is_empty()
    );
}

#[actix_web::test]
async fn pages_stay_while_more_is_written() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 1_000).await;
    let create = async || {
        let customer = new_customer(&email("carl"), "basic", 1);
        reseller
            .client
            .post("/api/reseller/customers", customer)
            .await
            .ok();
    };
    for _ in 0..3 {
        create().await;
    }
    app.settle().await;
    let before: BTreeSet<String> = entries(&admin, json!({"resellerId": reseller.id}))
        .await
        .iter()
        .map(|entry| entry["id"].as_str().unwrap().to_owned())
        .collect();
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let asked = json!({"filter": {"resellerId": reseller.id}, "first": 4, "after": after});
        let page = admin.query(ENTRIES, asked).await;
        let nodes = page["auditLog"]["nodes"].as_array().unwrap();
        seen.extend(nodes.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()));
        if page["auditLog"]["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["auditLog"]["pageInfo"]["endCursor"].clone();
        create().await;
        app.settle().await;
    }
    let once: BTreeSet<String> = seen.iter().cloned().collect();
    assert_eq!(once.len(), seen.len(), "nothing twice");
    assert_eq!(
        once, before,
        "what was there is shown, and what came later is not in between"
    );
}

#[actix_web::test]
async fn with_a_person_its_addresses_go() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 1_000).await;
    let customer = app.customer_of(&reseller, "basic").await;
    customer
        .client
        .post("/api/user/name", json!({"name": "Karl"}))
        .await
        .ok();
    assert_eq!(
        customer
            .client
            .post("/api/admin/resellers", json!({}))
            .await
            .refusal()
            .0,
        403
    );
    let noted = "SELECT (SELECT count(address) FROM auth.command_origins WHERE person_id = $1),
                        (SELECT count(address) FROM auth.denials WHERE person_id = $1)";
    let owner = app.database.pool(store::database::DatabaseRole::Owner).await;
    let user_id: Uuid = customer.user_id.parse().unwrap();
    let count = async || -> (i64, i64) {
        sqlx::query_as(noted)
            .bind(user_id)
            .fetch_one(&owner)
            .await
            .unwrap()
    };
    assert_eq!(count().await, (1, 1));
    let erase = format!("/api/admin/users/{}/erase", customer.user_id);
    admin.post(&erase, json!({"reason": "asked for it"})).await.ok();
    assert_eq!(count().await, (0, 0));
    owner.close().await;
}
