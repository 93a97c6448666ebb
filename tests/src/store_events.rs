//! RevenueCat's events as tests send them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{TestApp, TestClient};

pub const HOOK_SECRET: &str = "Bearer hook-secret-of-the-tests";
pub const DAY_MS: i64 = 86_400_000;

impl TestApp {
    /// Delivers an event. Answers the status.
    pub async fn deliver(&self, event: &Value) -> StatusCode {
        let body = json!({"api_version": "1.0", "event": event}).to_string();
        deliver_raw(&self.client(), HOOK_SECRET, body).await
    }

    /// Waits until no event of a store waits to be worked on, and every projection has followed.
    pub async fn settle_store_events(&self) {
        loop {
            let waiting: i64 =
                sqlx::query_scalar("SELECT count(*) FROM work.store_inbox WHERE state = 'waiting'")
                    .fetch_one(&self.parts.commands)
                    .await
                    .unwrap();
            if waiting == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        self.settle().await;
    }
}

pub async fn deliver_raw(client: &TestClient, secret: &str, body: impl Into<reqwest::Body>) -> StatusCode {
    let request = client
        .request(Method::POST, "/api/hooks/revenuecat/main")
        .header("Authorization", secret)
        .header("Content-Type", "application/json")
        .body(body);
    request.send().await.unwrap().status()
}

/// A purchase of a month of `premium_monthly` by `user`.
pub fn purchase(id: &str, user: &str, transaction: &str, at_ms: i64) -> Value {
    json!({
        "id": id, "type": "INITIAL_PURCHASE", "app_id": "app_demo", "event_timestamp_ms": at_ms,
        "app_user_id": user, "original_app_user_id": user, "aliases": [user],
        "product_id": "premium_monthly", "entitlement_ids": ["premium"], "period_type": "NORMAL",
        "purchased_at_ms": at_ms, "expiration_at_ms": at_ms + 30 * DAY_MS,
        "store": "APP_STORE", "environment": "PRODUCTION", "price": 21.5, "currency": "EUR",
        "price_in_purchased_currency": 19.99, "tax_percentage": 0.19, "commission_percentage": 0.15,
        "transaction_id": transaction, "original_transaction_id": transaction,
        "subscriber_attributes": {"$email": {"value": "secret@person.test", "updated_at_ms": at_ms}},
    })
}

/// Another event about that purchase.
pub fn about(purchase: &Value, id: &str, event_type: &str, after_ms: i64, more: &Value) -> Value {
    let mut event = purchase.clone();
    let at = purchase["event_timestamp_ms"].as_i64().unwrap() + after_ms;
    event["id"] = json!(id);
    event["type"] = json!(event_type);
    event["event_timestamp_ms"] = json!(at);
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}
