//! Credits and customers, through the API.

use futures::future::join_all;
use serde_json::json;
use tests::TestApp;
use tests::app::PASSWORD;
use tests::scenario::{email, new_customer, new_reseller};

#[actix_web::test]
async fn a_reseller_is_registered_sold_a_pack_and_creates_a_customer() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (owner, user) = (email("rita"), email("carl"));
    let registered = admin
        .post("/api/admin/resellers", new_reseller(&owner))
        .await
        .ok();
    let reseller_id = registered["resellerId"].as_str().unwrap();
    let path = format!("/api/admin/resellers/{reseller_id}/credits/purchases");
    let sold = admin.post(&path, json!({"packCode": "starter"})).await.ok();
    assert_eq!(
        (sold["credits"].as_i64(), sold["balance"].as_i64()),
        (Some(900), Some(900))
    );
    assert_eq!(sold["price"], json!({"amountMinor": 5000, "currency": "USD"}));

    let reseller = app.signed_in(&owner, PASSWORD).await;
    let before = app.events().await;
    let created = reseller
        .post("/api/reseller/customers", new_customer(&user, "premium", 30))
        .await
        .ok();
    assert_eq!(
        (created["debited"].as_i64(), created["balance"].as_i64()),
        (Some(30), Some(870))
    );
    // Tenant, grant, debit and user: one append, so one transaction.
    let appended: (i64, i64) =
        sqlx::query_as("SELECT count(*), count(DISTINCT xid::text) FROM es.events WHERE position > $1")
            .bind(before)
            .fetch_one(&app.parts.commands)
            .await
            .unwrap();
    assert_eq!(appended, (4, 1));

    let query =
        "query ($at: String) { dashboard(minPosition: $at) { balanceDays customersTotal customersActive
        customersExpired usedThisMonth newThisMonth lastTransactions { kind amount balanceAfter customerName }
        recentActivity { kind text } } }";
    let data = reseller.query(query, json!({"at": created["position"]})).await;
    let dashboard = &data["dashboard"];
    assert_eq!(dashboard["balanceDays"], json!(870));
    assert_eq!(dashboard["customersActive"], json!(1));
    assert_eq!(dashboard["usedThisMonth"], json!(30));
    assert_eq!(dashboard["newThisMonth"], json!(1));
    assert_eq!(
        dashboard["lastTransactions"][0],
        json!({"kind": "DEBIT", "amount": -30, "balanceAfter": 870, "customerName": "Harbour Radio"})
    );
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_customer_beyond_the_balance_is_refused_and_nothing_is_written() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 15).await;
    let before = app.events().await;
    let answer = reseller
        .client
        .post(
            "/api/reseller/customers",
            new_customer(&email("carl"), "premium", 30),
        )
        .await;
    assert_eq!(
        answer.refusal(),
        (
            409,
            "INSUFFICIENT_CREDITS",
            "30 credits are needed, 15 are available: buy credits or choose a shorter period"
        )
    );
    assert_eq!(
        (answer.body["needed"].as_i64(), answer.body["available"].as_i64()),
        (Some(30), Some(15))
    );
    assert_eq!(app.events().await, before);
}

#[actix_web::test]
async fn of_64_parallel_debits_against_40_exactly_40_succeed() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 70).await;
    let customer = app.customer_of(&reseller, "premium").await;
    let path = format!("/api/reseller/customers/{}/extensions", customer.id);
    let debits = join_all((0..64).map(|_| reseller.client.post(&path, json!({"days": 1})))).await;
    let succeeded = debits.iter().filter(|answer| answer.status.is_success()).count();
    let refused = debits
        .iter()
        .filter(|answer| answer.code() == "INSUFFICIENT_CREDITS")
        .count();
    assert_eq!((succeeded, refused), (40, 24));
    app.settle().await;
    let data = reseller
        .client
        .query("{ dashboard { balanceDays } }", json!({}))
        .await;
    assert_eq!(data["dashboard"]["balanceDays"], json!(0));
    let sum: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum(CASE event_type WHEN 'CreditsDebited' THEN -(payload->'CreditsDebited'->>'credits')::bigint
             WHEN 'CreditsAdjusted' THEN (payload->'CreditsAdjusted'->>'credits')::bigint ELSE 0 END), 0)::bigint
         FROM es.events WHERE aggregate_type = 'credit_account' AND aggregate_id = $1",
    )
    .bind(&reseller.id)
    .fetch_one(&app.parts.commands)
    .await
    .unwrap();
    assert_eq!(sum, 0);
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_repeated_command_gets_the_first_answer() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let body = new_customer(&email("carl"), "basic", 30);
    let first = reseller
        .client
        .post_with_key("/api/reseller/customers", "once", body.clone())
        .await;
    let events = app.events().await;
    let again = reseller
        .client
        .post_with_key("/api/reseller/customers", "once", body)
        .await;
    assert!(again.replayed && !first.replayed);
    assert_eq!(again.ok(), first.ok());
    assert_eq!(app.events().await, events);
}

#[actix_web::test]
async fn a_key_with_another_payload_is_a_conflict() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let path = "/api/reseller/customers";
    reseller
        .client
        .post_with_key(path, "once", new_customer(&email("carl"), "basic", 30))
        .await
        .ok();
    let other = reseller
        .client
        .post_with_key(path, "once", new_customer(&email("carl"), "basic", 31))
        .await;
    assert_eq!(other.refusal().0, 409);
    assert_eq!(other.code(), "IDEMPOTENCY_KEY_REUSED");
}

#[actix_web::test]
async fn a_command_without_a_key_is_refused() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let request = admin
        .request(reqwest::Method::POST, "/api/admin/resellers")
        .json(&new_reseller(&email("rita")));
    let answer = tests::client::read(request.send().await.unwrap()).await;
    assert_eq!(answer.code(), "IDEMPOTENCY_KEY_MISSING");
}

#[actix_web::test]
async fn an_address_belongs_to_one_user() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let address = email("carl");
    reseller
        .client
        .post("/api/reseller/customers", new_customer(&address, "basic", 10))
        .await
        .ok();
    let events = app.events().await;
    let again = reseller
        .client
        .post(
            "/api/reseller/customers",
            new_customer(&address.to_uppercase(), "basic", 10),
        )
        .await;
    assert_eq!(again.code(), "EMAIL_TAKEN");
    assert_eq!(app.events().await, events);
}

#[actix_web::test]
async fn unknown_and_foreign_customers_look_the_same() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (ours, theirs) = (
        app.reseller_with(&admin, 100).await,
        app.reseller_with(&admin, 100).await,
    );
    let foreign = app.customer_of(&theirs, "basic").await;
    let unknown = uuid::Uuid::new_v4().to_string();
    for command in ["extensions", "suspend", "resume"] {
        let body = if command == "extensions" {
            json!({"days": 1})
        } else {
            json!({"reason": "because"})
        };
        let [foreign, unknown] =
            [&foreign.id, &unknown].map(|id| format!("/api/reseller/customers/{id}/{command}"));
        let foreign = ours.client.post(&foreign, body.clone()).await;
        let unknown = ours.client.post(&unknown, body).await;
        assert_eq!(
            foreign.refusal(),
            (404, "CUSTOMER_NOT_FOUND", "there is no such customer")
        );
        assert_eq!(foreign.body, unknown.body);
    }
}

#[actix_web::test]
async fn a_suspended_reseller_sells_nothing_until_it_is_resumed() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let path = format!("/api/admin/resellers/{}", reseller.id);
    admin
        .post(&format!("{path}/suspend"), json!({"reason": "unpaid"}))
        .await
        .ok();
    let refused = reseller
        .client
        .post(
            "/api/reseller/customers",
            new_customer(&email("carl"), "basic", 10),
        )
        .await;
    assert_eq!(refused.code(), "RESELLER_SUSPENDED");
    admin
        .post(&format!("{path}/resume"), json!({"reason": "paid"}))
        .await
        .ok();
    reseller
        .client
        .post(
            "/api/reseller/customers",
            new_customer(&email("carl"), "basic", 10),
        )
        .await
        .ok();
}

#[actix_web::test]
async fn packs_are_data() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 0).await;
    let path = format!("/api/admin/resellers/{}/credits/purchases", reseller.id);
    let pack = json!({"name": "Tiny", "credits": 7, "priceMinor": 99, "currency": "EUR"});
    admin.put("/api/admin/packs/tiny", pack).await.ok();
    assert_eq!(
        admin.post(&path, json!({"packCode": "tiny"})).await.ok()["balance"],
        json!(7)
    );
    admin.post("/api/admin/packs/tiny/retire", json!({})).await.ok();
    let gone = admin.post(&path, json!({"packCode": "tiny"})).await;
    assert_eq!(gone.code(), "PACK_NOT_FOUND");
    assert_eq!(gone.body["allowed"], json!(["business", "enterprise", "starter"]));
}

#[actix_web::test]
async fn an_edited_row_is_named_by_the_audit() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    app.customer_of(&reseller, "basic").await;
    app.settle().await;
    let owner = app.database.pool(store::database::DatabaseRole::Owner).await;
    sqlx::query("UPDATE read.customers SET name = 'Somebody else'")
        .execute(&owner)
        .await
        .unwrap();
    owner.close().await;
    let report = app.audit().await;
    assert!(!report.is_clean());
    let difference = &report.read.differences[0];
    assert_eq!(
        (difference.table.as_str(), difference.column.as_deref()),
        ("read.customers", Some("name"))
    );
    assert!(difference.expected.as_deref().unwrap().contains("Harbour Radio"));
    assert!(difference.found.as_deref().unwrap().contains("Somebody else"));
}
