//! A business applies to become a reseller, and is answered.

use serde_json::{Value, json};
use tests::TestApp;
use tests::app::PASSWORD;
use tests::scenario::{Reseller, email};

fn application(email: &str) -> Value {
    json!({"name": "West Audio", "company": "West Audio Ltd", "contactPerson": "Wim West", "email": email,
           "phone": "+49 40 1234", "timeZone": "Europe/Berlin", "password": PASSWORD})
}

#[actix_web::test]
async fn nobody_applies_where_applications_are_not_taken() {
    let app = TestApp::start().await;
    let refused = app
        .client()
        .post("/api/onboarding/applications", application("w@west.test"))
        .await;
    assert_eq!(refused.code(), "ONBOARDING_CLOSED");
}

#[actix_web::test]
async fn a_business_applies_and_is_answered() {
    let app = TestApp::with(&server::Role::ALL, |config| {
        config.onboarding.open = true;
        config.onboarding.applications_per_hour = 4;
    })
    .await;
    let admin = app.admin().await;
    let (wim, vera) = (email("wim"), email("vera"));
    let anybody = app.client();
    for address in [&wim, &vera, &wim] {
        let received = anybody
            .post("/api/onboarding/applications", application(address))
            .await;
        assert_eq!(
            (received.status.as_u16(), &received.body["status"]),
            (202, &json!("pending"))
        );
    }
    let credentials = |address: &str| json!({"email": address, "password": PASSWORD});
    let refused = anybody.post("/api/auth/token", credentials(&wim)).await;
    assert_eq!(refused.code(), "RESELLER_PENDING");
    app.settle().await;
    let pending = "{ resellers(status: PENDING) { nodes { id contactEmail company contactPerson phone } } }";
    let listed = admin.query(pending, json!({})).await;
    let nodes = listed["resellers"]["nodes"].as_array().unwrap();
    assert_eq!(
        nodes.len(),
        2,
        "the second application from one address is none: {listed}"
    );
    let id_of = |address: &str| {
        let node = nodes.iter().find(|node| node["contactEmail"] == json!(address));
        node.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let path = |address: &str, verb: &str| format!("/api/admin/resellers/{}/{verb}", id_of(address));
    let approval = json!({"commissionRate": "0.15", "reason": "known"});
    admin.post(&path(&wim, "approve"), approval.clone()).await.ok();
    admin
        .post(&path(&vera, "decline"), json!({"reason": "no register entry"}))
        .await
        .ok();
    let again = admin.post(&path(&wim, "approve"), approval).await;
    assert_eq!(again.code(), "RESELLER_NOT_PENDING");
    let state = anybody
        .post("/api/onboarding/status", credentials(&vera))
        .await
        .ok();
    assert_eq!(
        (&state["status"], &state["reason"]),
        (&json!("declined"), &json!("no register entry"))
    );
    let refused = anybody.post("/api/auth/token", credentials(&vera)).await;
    assert_eq!(refused.code(), "RESELLER_DECLINED");
    let reseller = Reseller {
        id: id_of(&wim),
        client: app.signed_in(&wim, PASSWORD).await,
        email: wim,
    };
    reseller.give_credits(&admin, 30).await;
    app.customer_of(&reseller, "basic").await;
    let overreach = json!({"commissionRate": "1", "reason": "mine"});
    let forbidden = reseller.client.post(&path(&vera, "approve"), overreach).await;
    assert_eq!(forbidden.code(), "FORBIDDEN");
    let fourth = anybody
        .post("/api/onboarding/applications", application(&email("xavier")))
        .await;
    assert_eq!(fourth.status.as_u16(), 202);
    let fifth = anybody
        .post("/api/onboarding/applications", application(&email("yves")))
        .await;
    assert_eq!(fifth.code(), "RATE_LIMITED");
    assert!(app.audit().await.is_clean());
}
