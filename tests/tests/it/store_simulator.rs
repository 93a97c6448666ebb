//! The simulated store against the real server: any order, repetitions, and look-ups that find what was lost.

use std::net::TcpListener;

use chrono::{DateTime, Utc};
use platform::config::Reconcile;
use secrecy::SecretString;
use serde_json::{Value, json};
use server::Role;
use server::simulator::business::Business;
use server::simulator::lifecycle::{self, Plan};
use server::simulator::{self, Target, lookups};
use tests::TestApp;
use tests::app::{ADMIN, PASSWORD};
use tests::store_events::HOOK_SECRET;

struct Play {
    app: TestApp,
    business: Business,
    plan: Plan,
    target: Target,
    look_ups: TcpListener,
}

#[expect(clippy::disallowed_methods, reason = "senders have clocks of their own")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn play(reconcile: Reconcile, customers: usize, seed: u64) -> Play {
    let look_ups = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = look_ups.local_addr().unwrap();
    let app = TestApp::with(&Role::ALL, |config| {
        let store = &mut config.revenuecat;
        store
            .hooks
            .insert("main".to_owned(), SecretString::from(HOOK_SECRET));
        store.api_url = format!("http://{address}/v1");
        store.api_key = SecretString::from("sk_simulated");
        store.requests_per_minute = 60_000;
        store.check_after_seconds = 0;
        store.reconcile = reconcile;
    })
    .await;
    app.register_admin().await;
    let business = Business::sign_in(&app.url, ADMIN, PASSWORD).await.unwrap();
    let users = business.found(customers).await.unwrap();
    let plan = lifecycle::plan(&users, seed, now());
    let target = Target {
        url: app.url.clone(),
        hook: "main".to_owned(),
        authorization: HOOK_SECRET.to_owned(),
    };
    Play {
        app,
        business,
        plan,
        target,
        look_ups,
    }
}

/// Waits until every account has been compared: its next comparison is a day away.
async fn compared(app: &TestApp) {
    loop {
        app.settle_store_events().await;
        let due: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM es.timers WHERE kind = 'store_check' AND due_at < now() + interval '1 hour'",
        )
        .fetch_one(&app.parts.commands)
        .await
        .unwrap();
        if due == 0 {
            app.settle().await;
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn drifts(app: &TestApp) -> Vec<Value> {
    let admin = app.signed_in(ADMIN, PASSWORD).await;
    let query = "{ storeDrifts(first: 100) { nodes { cause expected found repaired customerId } } }";
    let data = admin.query(query, json!({})).await;
    data["storeDrifts"]["nodes"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn lives_that_are_told_in_any_order_end_as_they_must_and_agree_with_the_store() {
    let play = play(Reconcile::Repair, 26, 7).await;
    let serving = lookups::serve(play.look_ups, play.plan.subscribers.clone()).unwrap();
    let outcome = simulator::run(&play.target, &play.business, &play.plan, 7)
        .await
        .unwrap();
    assert!(outcome.wrong.is_empty(), "{:#?}", outcome.wrong);
    assert!(outcome.deliveries > outcome.events);
    compared(&play.app).await;
    assert!(play.app.audit().await.is_clean());
    serving.stop(true).await;
}

#[actix_web::test]
async fn what_was_lost_on_the_way_is_found_by_look_ups_and_repaired() {
    let mut play = play(Reconcile::Repair, 3, 11).await;
    let serving = lookups::serve(play.look_ups, play.plan.subscribers.clone()).unwrap();
    // Of each customer's life only the beginning arrives.
    play.plan
        .events
        .retain(|event| event["type"] == "INITIAL_PURCHASE");
    let outcome = simulator::run(&play.target, &play.business, &play.plan, 11)
        .await
        .unwrap();
    assert!(outcome.wrong.is_empty(), "{:#?}", outcome.wrong);
    compared(&play.app).await;
    let found = drifts(&play.app).await;
    assert!(
        found.iter().any(|drift| drift["cause"] == "PURCHASE_MISSED"),
        "{found:?}"
    );
    assert!(found.iter().all(|drift| drift["repaired"] == true), "{found:?}");
    assert!(play.app.audit().await.is_clean());
    serving.stop(true).await;
}

#[actix_web::test]
async fn where_it_is_told_to_only_report_nothing_is_repaired() {
    let mut play = play(Reconcile::Report, 1, 13).await;
    let serving = lookups::serve(play.look_ups, play.plan.subscribers.clone()).unwrap();
    let first = play
        .plan
        .events
        .iter()
        .find(|event| event["type"] == "INITIAL_PURCHASE");
    let first = first.unwrap().clone();
    assert!(play.app.deliver(&first).await.is_success());
    play.plan.events.clear();
    while drifts(&play.app).await.is_empty() {
        tokio::task::yield_now().await;
    }
    let found = drifts(&play.app).await;
    assert!(found.iter().all(|drift| drift["repaired"] == false), "{found:?}");
    let user = &play.plan.expected[0].user;
    assert_eq!(play.business.entitlement(user).await.unwrap()["tier"], "basic");
    serving.stop(true).await;
}
