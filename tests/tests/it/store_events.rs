//! What stores say, from the delivery to what a customer may do and what a reseller earns.

use chrono::Utc;
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use server::Role;
use tests::scenario::{Customer, Reseller};
use tests::store_events::{DAY_MS, HOOK_SECRET, about, deliver_raw, purchase};
use tests::{TestApp, TestClient};
use uuid::Uuid;

async fn app() -> TestApp {
    TestApp::with(&Role::ALL, |config| {
        let hooks = &mut config.revenuecat.hooks;
        hooks.insert("main".to_owned(), SecretString::from(HOOK_SECRET));
    })
    .await
}

/// A platform that sells premium in stores, and a reseller with a customer on the basic tier.
async fn business(app: &TestApp) -> (TestClient, Reseller, Customer) {
    let admin = app.admin().await;
    let product = json!({"product": "premium_monthly", "tier": "premium"});
    admin.post("/api/admin/store-products", product).await.ok();
    let reseller = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "basic").await;
    app.settle().await;
    (admin, reseller, customer)
}

#[expect(clippy::disallowed_methods, reason = "senders have clocks of their own")]
fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

async fn tier_of(client: &TestClient) -> Value {
    let data = client
        .query("{ entitlement { tier expiresAt } }", json!({}))
        .await;
    data["entitlement"]["tier"].clone()
}

const EVENTS: &str = "{ storeEvents { nodes { id eventType hold customerId } } \
                        storeTransactions { nodes { kind gross { amountMinor currency } taxMinor storeCutMinor } } }";

#[actix_web::test]
async fn a_purchase_in_a_store_gives_access_and_is_a_sale_of_the_reseller() {
    let app = app().await;
    let (admin, reseller, customer) = business(&app).await;
    assert_eq!(tier_of(&customer.client).await, "basic");
    let bought = purchase("e1", &customer.id, "t1", now_ms() - 1_000);
    assert_eq!(app.deliver(&bought).await, StatusCode::OK);
    app.settle_store_events().await;
    assert_eq!(tier_of(&customer.client).await, "premium");
    let data = reseller.client.query(EVENTS, json!({})).await;
    assert_eq!(data["storeEvents"]["nodes"][0]["hold"], Value::Null);
    assert_eq!(
        data["storeTransactions"]["nodes"],
        json!([{"kind": "SALE", "gross": {"amountMinor": 1999, "currency": "EUR"}, "taxMinor": 380,
                "storeCutMinor": 300}])
    );
    let recorded: i64 =
        sqlx::query_scalar("SELECT count(*) FROM es.events WHERE event_type = 'SaleRecorded'")
            .fetch_one(&app.parts.commands)
            .await
            .unwrap();
    assert_eq!(recorded, 1);

    let refund =
        json!({"cancel_reason": "CUSTOMER_SUPPORT", "price": -21.5, "price_in_purchased_currency": -19.99});
    app.deliver(&about(&bought, "e2", "CANCELLATION", 500, &refund))
        .await;
    app.settle_store_events().await;
    assert_eq!(tier_of(&customer.client).await, "basic");
    let products = admin
        .query("{ storeProducts { product tier version } }", json!({}))
        .await;
    assert_eq!(products["storeProducts"][0]["version"], 1);
    let data = reseller.client.query(EVENTS, json!({})).await;
    assert_eq!(
        data["storeTransactions"]["nodes"][0]["gross"]["amountMinor"],
        -1999
    );
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn who_has_not_the_header_is_not_let_in_and_broken_bodies_are_kept() {
    let app = app().await;
    let client = app.client();
    let event = json!({"event": purchase("e1", "u", "t1", now_ms())}).to_string();
    for secret in ["", "Bearer wrong", "bearer hook-secret-of-the-tests"] {
        let status = deliver_raw(&client, secret, event.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{secret}");
    }
    for broken in ["", "{", "[]", "{\"event\": {\"id\": \"x\"}}", "{\"event\": 7}"] {
        let status = deliver_raw(&client, HOOK_SECRET, broken).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{broken}");
        // Repeated, as they do: it is kept once.
        deliver_raw(&client, HOOK_SECRET, broken).await;
    }
    let huge = format!("{{\"event\": \"{}\"}}", "x".repeat(300_000));
    let status = deliver_raw(&client, HOOK_SECRET, huge).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, count(*) FROM work.store_inbox GROUP BY state ORDER BY state")
            .fetch_all(&app.parts.commands)
            .await
            .unwrap();
    assert_eq!(rows, [("broken".to_owned(), 5)]);
}

#[actix_web::test]
async fn twenty_thousand_deliveries_of_the_same_file_do_what_one_does() {
    let app = app().await;
    let (_, _, customer) = business(&app).await;
    let bought = purchase("e1", &customer.id, "t1", now_ms() - 60_000);
    let file: Vec<String> = [
        bought.clone(),
        about(
            &bought,
            "e2",
            "BILLING_ISSUE",
            1_000,
            &json!({"grace_period_expiration_at_ms": null}),
        ),
        about(
            &bought,
            "e3",
            "PRODUCT_CHANGE",
            2_000,
            &json!({"new_product_id": "other"}),
        ),
        about(&bought, "e4", "TEST", 3_000, &json!({})),
    ]
    .iter()
    .map(|event| json!({"event": event}).to_string())
    .collect();
    let senders = (0..16).map(async |_| {
        let client = app.client();
        for body in file.iter().cycle().take(1_250) {
            assert_eq!(
                deliver_raw(&client, HOOK_SECRET, body.clone()).await,
                StatusCode::OK
            );
        }
    });
    futures::future::join_all(senders).await;
    app.settle_store_events().await;
    let taken: i64 =
        sqlx::query_scalar("SELECT count(*) FROM es.events WHERE event_type = 'StoreEventTaken'")
            .fetch_one(&app.parts.commands)
            .await
            .unwrap();
    assert_eq!(taken, 4);
    assert_eq!(tier_of(&customer.client).await, "premium");
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn unknown_customers_and_products_wait_until_somebody_says_who_and_what_they_are() {
    let app = app().await;
    let (admin, reseller, customer) = business(&app).await;
    let mut strange = purchase("e1", "somebody", "t1", now_ms() - 1_000);
    strange["product_id"] = json!("new:monthly");
    // The attributes of a customer say nothing about whose purchase it is.
    strange["subscriber_attributes"] = json!({"tenant": {"value": customer.id, "updated_at_ms": 1}});
    app.deliver(&strange).await;
    app.settle_store_events().await;
    let held = |data: &Value| data["storeEvents"]["nodes"][0]["hold"].clone();
    let data = admin.query(EVENTS, json!({})).await;
    assert_eq!(held(&data), "UNKNOWN_CUSTOMER");
    assert_eq!(
        reseller.client.query(EVENTS, json!({})).await["storeEvents"]["nodes"],
        json!([])
    );

    let link = |id: &str| json!({"appUserId": "somebody", "customerId": id});
    let unknown = Uuid::now_v7().to_string();
    let refused = admin.post("/api/admin/store-users/link", link(&unknown)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (404, "CUSTOMER_NOT_FOUND")
    );
    admin
        .post("/api/admin/store-users/link", link(&customer.id))
        .await
        .ok();
    app.settle_store_events().await;
    assert_eq!(
        held(&reseller.client.query(EVENTS, json!({})).await),
        "UNKNOWN_PRODUCT"
    );
    assert_eq!(tier_of(&customer.client).await, "basic");

    let product = json!({"product": "new", "tier": "enterprise"});
    admin.post("/api/admin/store-products", product).await.ok();
    // A timer looks at it again.
    while !held(&reseller.client.query(EVENTS, json!({})).await).is_null() {
        tokio::task::yield_now().await;
    }
    app.settle().await;
    assert_eq!(tier_of(&customer.client).await, "enterprise");
    let unknown = json!({"product": "p", "tier": "platinum"});
    let refused = admin.post("/api/admin/store-products", unknown).await;
    assert_eq!(refused.code(), "TIER_NOT_FOUND");
    let forbidden = reseller
        .client
        .post(
            "/api/admin/store-products",
            json!({"product": "p", "tier": "basic"}),
        )
        .await;
    assert_eq!(forbidden.code(), "FORBIDDEN");
    let retired = json!({"product": "new"});
    admin
        .post("/api/admin/store-products/retire", retired.clone())
        .await
        .ok();
    let again = admin.post("/api/admin/store-products/retire", retired).await;
    assert_eq!(again.code(), "PRODUCT_NOT_FOUND");
}

#[actix_web::test]
async fn a_transfer_moves_access_and_a_stale_one_does_not_move_it_back() {
    let app = app().await;
    let (_, reseller, anna) = business(&app).await;
    let ben = app.customer_of(&reseller, "basic").await;
    let start = now_ms() - 100_000;
    let transfer = |id: &str, from: &str, to: &str, after: i64| {
        json!({"id": id, "type": "TRANSFER", "event_timestamp_ms": start + after, "store": "APP_STORE",
               "environment": "PRODUCTION", "transferred_from": [from], "transferred_to": [to]})
    };
    app.deliver(&purchase("e1", &anna.id, "t1", start)).await;
    app.deliver(&transfer("e3", &ben.id, &anna.id, 20_000)).await;
    app.deliver(&transfer("e4", &anna.id, &ben.id, 30_000)).await;
    app.settle_store_events().await;
    assert_eq!(tier_of(&anna.client).await, "basic");
    assert_eq!(tier_of(&ben.client).await, "premium");
    // Made before the others, delivered after them: whose purchase it is stays decided.
    app.deliver(&transfer("e2", &ben.id, &anna.id, 10_000)).await;
    // A sender whose clock is a year ahead does not outrank those that follow.
    app.settle_store_events().await;
    assert_eq!(tier_of(&ben.client).await, "premium");
    app.deliver(&transfer("e5", &ben.id, &anna.id, 365 * DAY_MS))
        .await;
    app.settle_store_events().await;
    assert_eq!(tier_of(&ben.client).await, "premium", "it counts in some minutes");
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn what_is_of_a_test_environment_or_not_understood_has_no_effect() {
    let app = app().await;
    let (admin, _, customer) = business(&app).await;
    let mut sandbox = purchase("e1", &customer.id, "t1", now_ms() - 1_000);
    sandbox["environment"] = json!("SANDBOX");
    app.deliver(&sandbox).await;
    let strange = about(
        &purchase("x", &customer.id, "t2", now_ms()),
        "e2",
        "SOMETHING_NEW",
        0,
        &json!({}),
    );
    app.deliver(&strange).await;
    let crooked = about(
        &strange,
        "e3",
        "RENEWAL",
        0,
        &json!({"price_in_purchased_currency": "many"}),
    );
    app.deliver(&crooked).await;
    app.settle_store_events().await;
    let data = admin.query(EVENTS, json!({})).await;
    let mut holds: Vec<_> = data["storeEvents"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            format!(
                "{} {}",
                event["id"].as_str().unwrap(),
                event["hold"].as_str().unwrap()
            )
        })
        .collect();
    holds.sort();
    assert_eq!(holds, ["e1 SANDBOX", "e2 UNKNOWN_TYPE", "e3 UNKNOWN_TYPE"]);
    assert_eq!(tier_of(&customer.client).await, "basic");
    let events = app.events().await;
    admin
        .post("/api/admin/store-events/e2/retry", json!({}))
        .await
        .ok();
    app.settle_store_events().await;
    assert_eq!(app.events().await, events, "it is still not understood");
    let unknown = admin.post("/api/admin/store-events/none/retry", json!({})).await;
    assert_eq!(unknown.code(), "STORE_EVENT_NOT_FOUND");
}

#[actix_web::test]
async fn erasing_a_person_reaches_what_stores_sent() {
    let app = app().await;
    let (admin, _, customer) = business(&app).await;
    app.deliver(&purchase("e1", &customer.id, "t1", now_ms() - 1_000))
        .await;
    app.settle_store_events().await;
    let (subject, body): (Uuid, Vec<u8>) =
        sqlx::query_as("SELECT subject_id, body FROM work.store_inbox WHERE event_id = 'e1'")
            .fetch_one(&app.parts.commands)
            .await
            .unwrap();
    assert!(!String::from_utf8_lossy(&body).contains("secret@person.test"));
    let open = async || {
        let mut connection = app.parts.commands.acquire().await.unwrap();
        app.parts
            .vault
            .open_bytes(&mut connection, subject, &body)
            .await
            .unwrap()
    };
    let opened = String::from_utf8(open().await.unwrap()).unwrap();
    assert!(opened.contains("secret@person.test"));
    let users = admin
        .query("{ users(search: \"carl\") { nodes { id } } }", json!({}))
        .await;
    let user = users["users"]["nodes"][0]["id"].as_str().unwrap();
    let path = format!("/api/admin/users/{user}/erase");
    admin
        .post(&path, json!({"reason": "asked to be forgotten"}))
        .await
        .ok();
    assert_eq!(open().await, None);
    // The purchase stays, and later events are taken as before.
    app.deliver(&purchase("e2", &customer.id, "t2", now_ms())).await;
    app.settle_store_events().await;
    assert!(app.audit().await.is_clean());
}
