//! API keys: what a program may do with one, from where, and until when.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::scenario::{email, new_customer, new_reseller};
use tests::socket::Socket;
use tests::{TestApp, TestClient};

async fn issue(client: &TestClient, scopes: Value) -> Value {
    let body = json!({"name": "Billing export", "scopes": scopes});
    client.post("/api/api-keys", body).await.ok()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

#[actix_web::test]
async fn a_program_sends_commands_and_reads_as_its_scopes_say() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let key = issue(&reseller.client, json!(["read", "customers"])).await;
    let secret = text(&key, "secret");
    assert!(secret.starts_with("stk_") && secret.starts_with(text(&key, "prefix")));
    let program = app.client().with_token(secret);
    let created = program
        .post("/api/reseller/customers", new_customer(&email("c"), "basic", 1))
        .await
        .ok();
    let seen = program.query(
        "query ($p: String!) { viewer { role resellerId } customers(minPosition: $p) { nodes { id } } }",
        json!({"p": created["position"]}),
    );
    let expected = json!({"viewer": {"role": "SERVICE", "resellerId": reseller.id},
        "customers": {"nodes": [{"id": created["tenantId"]}]}});
    assert_eq!(seen.await, expected);
    let by: Vec<(Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT DISTINCT metadata ->> 'actor', metadata ->> 'api_key' FROM es.events WHERE metadata ->> 'tenant_id' = $1",
    )
    .bind(text(&created, "tenantId"))
    .fetch_all(&app.parts.commands)
    .await
    .unwrap();
    assert_eq!(by, [(None, Some(text(&key, "id").to_owned()))]);
    let refused = program
        .post("/api/admin/resellers", new_reseller(&email("r")))
        .await;
    assert_eq!(refused.code(), "SCOPE_MISSING");
    assert_eq!(
        program
            .post("/api/api-keys", json!({"name": "x", "scopes": ["read"]}))
            .await
            .code(),
        "FORBIDDEN",
        "a key makes no keys"
    );
    let later = issue(&reseller.client, json!(["customers"])).await;
    let blind = app.client().with_token(text(&later, "secret"));
    let answer = blind.graphql("{ customers { nodes { id } } }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let listed = reseller
        .client
        .query(
            "query ($p: String!) { apiKeys(minPosition: $p) { nodes { name prefix scopes lastUsedAt } } }",
            json!({"p": later["position"]}),
        )
        .await;
    let listed = listed["apiKeys"]["nodes"].as_array().unwrap().clone();
    assert_eq!(listed[1]["scopes"], json!(["read", "customers"]));
    assert!(listed[1]["lastUsedAt"].is_string());
    assert!(!listed.iter().any(|key| key.to_string().contains(secret)));
    let stored: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM es.events WHERE payload::text LIKE '%' || $1 || '%')
             OR EXISTS (SELECT FROM es.commands WHERE outcome::text LIKE '%' || $1 || '%')",
    )
    .bind(secret)
    .fetch_one(&app.parts.commands)
    .await
    .unwrap();
    assert!(!stored);
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn nobody_gives_more_than_he_has_and_each_manages_his_own() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let stranger = app.reseller_with(&admin, 100).await;
    let wide = json!({"name": "x", "scopes": ["read", "finance"]});
    let answer = reseller.client.post("/api/api-keys", wide).await;
    assert_eq!(
        (answer.code(), &answer.body["allowed"]),
        ("SCOPE_NOT_ALLOWED", &json!(["read", "customers"]))
    );
    let key = issue(&reseller.client, json!(["read"])).await;
    for (what, body) in [("rotate", json!({})), ("revoke", json!({"reason": "r"}))] {
        let path = format!("/api/api-keys/{}/{what}", text(&key, "id"));
        let answer = stranger.client.post(&path, body.clone()).await;
        assert_eq!(answer.code(), "API_KEY_NOT_FOUND");
        assert_eq!(admin.post(&path, body).await.code(), "API_KEY_NOT_FOUND");
    }
    let seen = stranger
        .client
        .query("{ apiKeys { nodes { id } } }", json!({}))
        .await;
    assert_eq!(seen["apiKeys"]["nodes"], json!([]));
}

#[actix_web::test]
async fn a_key_opens_nothing_from_elsewhere_or_later() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let code = async |secret: &str| {
        let answer = app.client().with_token(secret).get("/api/user/sessions").await;
        answer.code().to_owned()
    };
    // No key opens it: that is a word to somebody who has come in.
    let (inside, outside) = ("FORBIDDEN", "UNAUTHENTICATED");
    let with = |networks: Value, expires: Value| json!({"name": "x", "scopes": ["read"], "networks": networks, "expiresAt": expires});
    for (networks, expected) in [
        (json!(["127.0.0.0/8"]), inside),
        (json!(["192.0.2.0/24", "2001:db8::/32"]), outside),
        (json!([]), inside),
    ] {
        let key = admin
            .post("/api/api-keys", with(networks.clone(), Value::Null))
            .await
            .ok();
        assert_eq!(code(text(&key, "secret")).await, expected, "{networks}");
    }
    assert_eq!(code("stk_made-up").await, outside);
    let later = app.parts.clock.now() + TimeDelta::hours(1);
    let key = admin
        .post("/api/api-keys", with(json!([]), json!(later)))
        .await
        .ok();
    assert_eq!(code(text(&key, "secret")).await, inside);
    app.parts.clock.advance(TimeDelta::hours(2));
    assert_eq!(code(text(&key, "secret")).await, outside);
}

#[actix_web::test]
async fn a_rotated_key_has_two_secrets_for_a_while_and_a_revoked_one_none() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let first = issue(&admin, json!(["read"])).await;
    let path = format!("/api/api-keys/{}", text(&first, "id"));
    let second = admin
        .post(&format!("{path}/rotate"), json!({"overlapSeconds": 600}))
        .await
        .ok();
    let reads = async |key: &Value| {
        let program = app.client().with_token(text(key, "secret"));
        let answer = program.graphql("{ viewer { role } }", json!({})).await;
        answer["errors"].is_null()
    };
    assert!(reads(&first).await && reads(&second).await);
    app.parts.clock.advance(TimeDelta::seconds(601));
    assert!(!reads(&first).await && reads(&second).await);
    let admin = app.renewed(&admin);
    let mut socket = Socket::open(&app.url, text(&second, "secret")).await;
    let revoke = format!("{path}/revoke");
    let revoked = admin.post(&revoke, json!({"reason": "was published"}));
    let (answer, closed) = tokio::join!(revoked, socket.hear());
    answer.ok();
    assert_eq!(closed.unwrap_err(), 4403);
    assert!(!reads(&second).await);
    let again = admin.post(&revoke, json!({"reason": "again"})).await;
    assert_eq!(again.code(), "API_KEY_REVOKED");
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn the_key_of_a_suspended_reseller_opens_nothing_until_it_is_resumed() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let key = issue(&reseller.client, json!(["read", "customers"])).await;
    let program = app.client().with_token(text(&key, "secret"));
    let create = || new_customer(&email("c"), "basic", 1);
    let reads = async || {
        let answer = program.graphql("{ viewer { role } }", json!({})).await;
        answer["errors"].is_null()
    };
    assert!(reads().await);
    for (what, open) in [("suspend", false), ("resume", true)] {
        let path = format!("/api/admin/resellers/{}/{what}", reseller.id);
        let done = admin.post(&path, json!({"reason": "unpaid"})).await.ok();
        let shown = "query ($p: String!) { packs(minPosition: $p) { code } resellers(minPosition: $p) { nodes { id } } }";
        admin.query(shown, json!({"p": done["position"]})).await;
        assert_eq!(reads().await, open, "{what}");
        let answer = program.post("/api/reseller/customers", create()).await;
        assert_eq!(answer.status.is_success(), open, "{what}: {}", answer.body);
    }
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn the_key_of_a_moved_customer_goes_with_it() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let from = app.reseller_with(&admin, 100).await;
    let to = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&from, "basic").await;
    let key = issue(&customer.client, json!(["read", "transcription"])).await;
    let moved = json!({"resellerId": to.id, "reason": "asked for it"});
    let path = format!("/api/admin/customers/{}/move", customer.id);
    let done = admin.post(&path, moved).await.ok();
    let shown = customer
        .client
        .query(
            "query ($p: String!) { apiKeys(minPosition: $p) { nodes { id } } }",
            json!({"p": done["position"]}),
        )
        .await;
    assert_eq!(shown["apiKeys"]["nodes"], json!([{"id": key["id"]}]));
    let path = format!("/api/api-keys/{}/revoke", text(&key, "id"));
    customer.client.post(&path, json!({"reason": "r"})).await.ok();
    assert!(app.audit().await.is_clean());
}
