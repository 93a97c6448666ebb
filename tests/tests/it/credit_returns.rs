//! Where the credits of a cancelled subscription go back to: to the debits, lots and accounts that paid.

use chrono::TimeDelta;
use domain::ids::{GrantId, ResellerId, TenantId};
use domain::subscription::{GrantSource, NewGrant, Subscription, SubscriptionCommand};
use domain::tier::Tier;
use serde_json::{Value, json};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use tests::TestApp;
use tests::scenario::Reseller;
use uuid::Uuid;

/// Refunds and adjustments of a reseller, the newest first.
async fn returns(app: &TestApp, reseller: &Reseller) -> Value {
    app.settle().await;
    let query = "{ creditTransactions(where: {kinds: [REFUND, ADJUSTMENT]}) {
        nodes { kind credits ofNumber lots { lot credits } } } }";
    let client = app.renewed(&reseller.client);
    let data = client.query(query, json!({})).await;
    data["creditTransactions"]["nodes"].clone()
}

async fn cancel(app: &TestApp, reseller: &Reseller, customer_id: &str) -> Value {
    let path = format!("/api/reseller/customers/{customer_id}/subscription/cancel");
    let client = app.renewed(&reseller.client);
    let body = json!({"when": "now", "reason": "closed down"});
    client.post(&path, body).await.ok()
}

#[actix_web::test]
async fn days_that_are_left_go_back_to_the_lots_that_paid() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 30).await;
    let customer = app.customer_of(&reseller, "premium").await;
    let credits = format!("/api/admin/resellers/{}/credits", reseller.id);
    let pack = json!({"packCode": "starter"});
    admin.post(&format!("{credits}/purchases"), pack).await.ok();
    let path = format!("/api/reseller/customers/{}", customer.id);
    let extend = json!({"days": 10});
    reseller
        .client
        .post(&format!("{path}/extensions"), extend)
        .await
        .ok();
    let pause = json!({"reason": "summer"});
    reseller
        .client
        .post(&format!("{path}/subscription/pause"), pause.clone())
        .await
        .ok();
    reseller
        .client
        .post(&format!("{path}/subscription/resume"), pause)
        .await
        .ok();
    app.parts.clock.advance(TimeDelta::hours(24 * 9 + 1));
    let cancelled = cancel(&app, &reseller, &customer.id).await;
    assert_eq!(
        (&cancelled["returned"], &cancelled["balance"]),
        (&json!(30), &json!(920))
    );
    let refund = |credits: i64, debit: i64, lot: i64| json!({"kind": "REFUND", "credits": credits, "ofNumber": debit, "lots": [{"lot": lot, "credits": credits}]});
    assert_eq!(
        returns(&app, &reseller).await,
        json!([refund(20, 3, 1), refund(10, 5, 2)])
    );
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn what_was_refunded_before_does_not_come_back_again() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 30).await;
    let customer = app.customer_of(&reseller, "premium").await;
    let path = format!("/api/admin/resellers/{}/credits/refunds", reseller.id);
    let part = json!({"debit": 3, "credits": 25, "note": "goodwill"});
    admin.post(&path, part).await.ok();
    app.parts.clock.advance(TimeDelta::hours(24 * 9 + 1));
    let cancelled = cancel(&app, &reseller, &customer.id).await;
    assert_eq!(
        (&cancelled["returned"], &cancelled["balance"]),
        (&json!(5), &json!(30))
    );
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_moved_customers_days_go_back_to_whom_they_were_paid_by() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let old = app.reseller_with(&admin, 30).await;
    let new = app.reseller_with(&admin, 7).await;
    let customer = app.customer_of(&old, "premium").await;
    let path = format!("/api/admin/customers/{}/move", customer.id);
    let give = json!({"resellerId": new.id, "reason": "sold"});
    admin.post(&path, give).await.ok();
    app.parts.clock.advance(TimeDelta::hours(24 * 9 + 1));
    let cancelled = cancel(&app, &new, &customer.id).await;
    assert_eq!(
        (&cancelled["returned"], &cancelled["balance"]),
        (&json!(20), &Value::Null),
        "what another account has is not told"
    );
    assert_eq!(returns(&app, &new).await, json!([]));
    assert_eq!(returns(&app, &old).await[0]["credits"], json!(20));
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn days_of_which_no_debit_is_known_come_back_as_an_adjustment() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 30).await;
    let customer = app.customer_of(&reseller, "premium").await;
    let write = app.parts.write_side();
    let (reseller_id, tenant_id) = (
        ResellerId(reseller.id.parse().unwrap()),
        TenantId(customer.id.parse().unwrap()),
    );
    let cause = Cause {
        command_id: Uuid::now_v7(),
        fingerprint: vec![1],
        actor: None,
        owner: Owner::PLATFORM,
        at: write.clock.now(),
        happened_at: None,
        comment: None,
    };
    // As grants were stored before they named their debits.
    let old = NewGrant {
        grant_id: GrantId(Uuid::now_v7()),
        tier: Tier::PREMIUM,
        credits_per_day: 1,
        days: 10,
        source: GrantSource::Credits,
        reason: None,
        payment: None,
        at: cause.at,
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let owner = Owner::tenant(reseller_id, tenant_id);
        let extend = SubscriptionCommand::Extend(old.clone());
        unit.execute::<Subscription>(owner, &customer.id, extend).await?;
        Ok(())
    };
    write.bus.run(&cause, decide).await.unwrap();
    app.parts.clock.advance(TimeDelta::hours(24 * 9 + 1));
    let cancelled = cancel(&app, &reseller, &customer.id).await;
    assert_eq!(
        (&cancelled["returned"], &cancelled["balance"]),
        (&json!(30), &json!(30))
    );
    let told = returns(&app, &reseller).await;
    let told = |row: usize| (&told[row]["kind"], &told[row]["credits"], &told[row]["ofNumber"]);
    assert_eq!(told(0), (&json!("ADJUSTMENT"), &json!(10), &Value::Null));
    assert_eq!(told(1), (&json!("REFUND"), &json!(20), &json!(3)));
    assert!(app.audit().await.is_clean());
}
