//! Tiers are data: published, changed for all who have them, priced, retired.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::TestApp;
use tests::scenario::{email, new_customer};

/// The terms of a tier; `change` overrides fields.
fn terms(change: &Value) -> Value {
    let mut terms = json!({
        "name": "Gold", "rank": 25, "creditsPerDay": 3, "uploadBytesMax": 1_000, "concurrentJobsMax": 7,
        "models": ["small"], "workflowsMax": 1, "storageBytesMax": 5_000, "diarization": true,
        "separation": false, "translationMinutesMax": 10,
    });
    for (name, value) in change.as_object().unwrap() {
        terms[name] = value.clone();
    }
    terms
}

#[actix_web::test]
async fn a_new_tier_is_sold_at_its_price_and_allows_what_it_says() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let published = admin.put("/api/admin/tiers/gold", terms(&json!({}))).await.ok();
    assert_eq!(published["version"], 1);
    let created = reseller
        .client
        .post(
            "/api/reseller/customers",
            new_customer(&email("carl"), "gold", 10),
        )
        .await
        .ok();
    assert_eq!(
        (created["debited"].as_i64(), created["balance"].as_i64()),
        (Some(30), Some(70))
    );
    let path = format!(
        "/api/reseller/customers/{}/extensions",
        created["tenantId"].as_str().unwrap()
    );
    let extended = reseller.client.post(&path, json!({"days": 5})).await.ok();
    assert_eq!(extended["debited"], 15);
    let query = "query ($at: String) { tiers(minPosition: $at) { code name version rank creditsPerDay models
                 uploadBytesMax storageBytesMax diarization separation translationMinutesMax retired } }";
    let data = reseller
        .client
        .query(query, json!({"at": extended["position"]}))
        .await;
    let codes: Vec<_> = data["tiers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tier| &tier["code"])
        .collect();
    assert_eq!(codes, ["basic", "premium", "gold", "enterprise"]);
    assert_eq!(
        data["tiers"][2],
        json!({
            "code": "gold", "name": "Gold", "version": 1, "rank": 25, "creditsPerDay": 3, "models": ["small"],
            "uploadBytesMax": 1_000, "storageBytesMax": 5_000, "diarization": true, "separation": false,
            "translationMinutesMax": 10, "retired": false,
        })
    );
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_new_version_holds_for_all_who_have_the_tier_from_its_instant_on() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    admin.put("/api/admin/tiers/gold", terms(&json!({}))).await.ok();
    let reseller = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "gold").await;
    let before = app.parts.clock.now();
    let at = before + TimeDelta::hours(2);
    let change = json!({"concurrentJobsMax": 9, "effectiveAt": at});
    let published = admin.put("/api/admin/tiers/gold", terms(&change)).await.ok();
    assert_eq!(published["version"], 2);
    app.settle().await;
    let query = "query ($asOf: DateTime) { entitlement(asOf: $asOf) { tier concurrentJobsMax } }";
    for (as_of, jobs) in [(before, 7), (at, 9)] {
        let data = customer.client.query(query, json!({"asOf": as_of})).await;
        assert_eq!(
            data["entitlement"],
            json!({"tier": "gold", "concurrentJobsMax": jobs})
        );
    }
    let late = json!({"concurrentJobsMax": 4, "effectiveAt": at});
    let refused = admin.put("/api/admin/tiers/gold", terms(&late)).await;
    assert_eq!(refused.code(), "EFFECTIVE_TOO_EARLY");
}

#[actix_web::test]
async fn a_retired_tier_is_kept_and_extended_by_those_who_have_it() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    admin.put("/api/admin/tiers/gold", terms(&json!({}))).await.ok();
    let reseller = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "gold").await;
    admin.post("/api/admin/tiers/gold/retire", json!({})).await.ok();
    let refused = reseller
        .client
        .post("/api/reseller/customers", new_customer(&email("carl"), "gold", 1))
        .await;
    assert_eq!(
        refused.refusal(),
        (
            404,
            "TIER_NOT_FOUND",
            "there is no tier gold on offer: choose one of basic, enterprise, premium"
        )
    );
    assert_eq!(refused.body["allowed"], json!(["basic", "enterprise", "premium"]));
    let path = format!("/api/reseller/customers/{}/extensions", customer.id);
    reseller.client.post(&path, json!({"days": 1})).await.ok();
    let position = app.settle().await;
    let data = customer
        .client
        .query(
            "query ($at: String) { tiers(minPosition: $at) { code retired } }",
            json!({"at": position.to_string()}),
        )
        .await;
    assert_eq!(data["tiers"][2], json!({"code": "gold", "retired": true}));
}

#[actix_web::test]
async fn only_the_platform_changes_tiers() {
    let app = TestApp::start().await;
    let customer = app.customer("premium").await;
    let refused = customer
        .client
        .put("/api/admin/tiers/gold", terms(&json!({})))
        .await;
    assert_eq!(refused.refusal().0, 403);
    let admin = app.signed_in(tests::app::ADMIN, tests::app::PASSWORD).await;
    let refused = admin.put("/api/admin/tiers/Gold!", terms(&json!({}))).await;
    assert_eq!(refused.code(), "INVALID_INPUT");
}
