//! Prices of packs: for a time, in several currencies, and for one reseller.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use tests::scenario::Reseller;
use tests::{TestApp, TestClient};

struct Scene {
    app: TestApp,
    admin: TestClient,
    reseller: Reseller,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let admin = app.admin().await;
        let reseller = app.reseller_with(&admin, 0).await;
        Self { app, admin, reseller }
    }

    fn in_days(&self, days: i64) -> String {
        let at = self.app.parts.clock.now() + TimeDelta::days(days);
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// Publishes a price of the pack of 100 credits.
    async fn publish(&self, path: &str, price_minor: i64, currency: &str, more: Value) {
        let mut terms =
            json!({"name": "Hundred", "credits": 100, "priceMinor": price_minor, "currency": currency});
        terms
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.app.renewed(&self.admin).put(path, terms).await.ok();
    }

    async fn sold(&self, body: Value) -> tests::client::Answer {
        let path = format!("/api/admin/resellers/{}/credits/purchases", self.reseller.id);
        self.app.renewed(&self.admin).post(&path, body).await
    }

    async fn price(&self) -> Value {
        self.sold(json!({"packCode": "hundred"})).await.ok()["price"]["amountMinor"].clone()
    }
}

const EVERYBODYS: &str = "/api/admin/packs/hundred";

#[actix_web::test]
async fn a_price_holds_for_its_time() {
    let scene = Scene::new().await;
    scene.publish(EVERYBODYS, 900, "USD", json!({})).await;
    let december = json!({"validFrom": scene.in_days(10), "validUntil": scene.in_days(20)});
    scene.publish(EVERYBODYS, 700, "USD", december).await;
    let mut paid = vec![scene.price().await];
    for _ in 0..2 {
        scene.app.parts.clock.advance(TimeDelta::days(11));
        paid.push(scene.price().await);
    }
    assert_eq!(paid, [json!(900), json!(700), json!(900)]);
    let past = json!({"name": "x", "credits": 1, "priceMinor": 1, "currency": "USD",
                      "validFrom": scene.in_days(-1)});
    let refused = scene.app.renewed(&scene.admin).put(EVERYBODYS, past).await;
    assert_eq!(refused.code(), "INVALID_VALIDITY");
    scene.app.settle().await;
    let query = "{ packs(all: true) { code price { amountMinor } validFrom validUntil } }";
    let reseller = scene.app.renewed(&scene.reseller.client);
    let data = reseller.query(query, json!({})).await;
    let packs = data["packs"].as_array().unwrap();
    let prices: Vec<_> = packs.iter().filter(|pack| pack["code"] == "hundred").collect();
    assert_eq!(prices.len(), 2);
    assert_eq!(
        (&prices[0]["validFrom"], &prices[0]["validUntil"]),
        (&Value::Null, &Value::Null)
    );
    assert!(prices[1]["validUntil"].is_string());
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_pack_in_two_currencies_is_sold_in_the_one_that_is_named() {
    let scene = Scene::new().await;
    scene.publish(EVERYBODYS, 900, "USD", json!({})).await;
    scene.publish(EVERYBODYS, 800, "EUR", json!({})).await;
    let unclear = scene.sold(json!({"packCode": "hundred"})).await;
    assert_eq!(unclear.code(), "CURRENCY_NEEDED");
    let sold = scene
        .sold(json!({"packCode": "hundred", "currency": "EUR"}))
        .await
        .ok();
    assert_eq!(sold["price"], json!({"amountMinor": 800, "currency": "EUR"}));
    let path = format!("{EVERYBODYS}/retire");
    scene.admin.post(&path, json!({"currency": "EUR"})).await.ok();
    assert_eq!(scene.price().await, json!(900));
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_resellers_own_price_goes_before_everybodys_and_is_nobody_elses() {
    let scene = Scene::new().await;
    let other = scene.app.reseller_with(&scene.admin, 0).await;
    scene.publish(EVERYBODYS, 900, "USD", json!({})).await;
    let own = format!("/api/admin/resellers/{}/packs/hundred", scene.reseller.id);
    scene.publish(&own, 500, "USD", json!({})).await;
    assert_eq!(scene.price().await, json!(500));
    scene.app.settle().await;
    let query = "{ packs { code own price { amountMinor } } }";
    let seen = async |client: &TestClient| {
        let data = client.query(query, json!({})).await;
        let packs = data["packs"].as_array().unwrap();
        let hundred = packs.iter().find(|pack| pack["code"] == "hundred").unwrap();
        (
            hundred["own"].as_bool().unwrap(),
            hundred["price"]["amountMinor"].as_i64().unwrap(),
        )
    };
    assert_eq!(seen(&scene.reseller.client).await, (true, 500));
    assert_eq!(seen(&other.client).await, (false, 900));
    let spied = "query ($id: ID!) { packs(resellerId: $id, all: true) { own } }";
    let data = other.client.query(spied, json!({"id": scene.reseller.id})).await;
    let packs = data["packs"].as_array().unwrap();
    assert!(packs.iter().all(|pack| pack["own"] == json!(false)), "{packs:?}");
    scene.admin.post(&format!("{own}/retire"), json!({})).await.ok();
    assert_eq!(scene.price().await, json!(900));
    let unknown = format!("/api/admin/resellers/{}/packs/hundred", uuid::Uuid::now_v7());
    let terms = json!({"name": "x", "credits": 1, "priceMinor": 1, "currency": "USD"});
    assert_eq!(
        scene.admin.put(&unknown, terms).await.code(),
        "RESELLER_NOT_FOUND"
    );
    assert!(scene.app.audit().await.is_clean());
}
