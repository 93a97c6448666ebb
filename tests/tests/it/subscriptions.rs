//! A subscription lives: another plan, a pause, an end, renewals. Credits and access change together.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tests::TestApp;
use tests::TestClient;
use tests::scenario::{Customer, Reseller};

struct Scene {
    app: TestApp,
    admin: TestClient,
    reseller: Reseller,
    customer: Customer,
}

impl Scene {
    /// A customer with 30 days, of a reseller that has `credits` left.
    async fn new(tier: &str, credits: i64) -> Self {
        let app = TestApp::start().await;
        let admin = app.admin().await;
        let dear = json!({
            "name": "Dear", "rank": 90, "creditsPerDay": 3, "uploadBytesMax": 1_000_000, "concurrentJobsMax": 2,
            "diarization": true, "separation": true,
        });
        admin.put("/api/admin/tiers/dear", dear).await.ok();
        let reseller = app.reseller_with(&admin, 30 + credits).await;
        let customer = app.customer_of(&reseller, tier).await;
        Self {
            app,
            admin,
            reseller,
            customer,
        }
    }

    /// The reseller, whatever the time.
    fn client(&self) -> TestClient {
        self.app.renewed(&self.reseller.client)
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/reseller/customers/{}/{rest}", self.customer.id)
    }

    async fn post(&self, rest: &str, body: Value) -> Value {
        self.client().post(&self.path(rest), body).await.ok()
    }

    async fn code(&self, rest: &str, body: Value) -> String {
        self.client().post(&self.path(rest), body).await.code().to_owned()
    }

    async fn balance(&self) -> i64 {
        self.app.settle().await;
        let data = self
            .client()
            .query("{ dashboard { balanceDays } }", json!({}))
            .await;
        data["dashboard"]["balanceDays"].as_i64().unwrap()
    }

    /// The customer as its reseller sees it.
    async fn seen(&self) -> Value {
        self.app.settle().await;
        let query = "query ($id: ID!) {
            customer(id: $id) { tier status expiresAt }
            subscription(customerId: $id) { pausedAt cancelledAt renewalDays
                failedRenewal { attempts code retryAt } grants { tier source startsAt endsAt creditsPerDay reason } }
            entitlement(customerId: $id) { tier } }";
        self.client().query(query, json!({"id": self.customer.id})).await
    }

    async fn tier(&self) -> Value {
        self.seen().await["entitlement"]["tier"].clone()
    }

    /// Waits until a renewal has been tried.
    async fn renewal(&self, events_before: i64) {
        while self.app.events().await == events_before {
            tokio::task::yield_now().await;
        }
    }

    fn days_pass(&self, days: i64) {
        self.app.parts.clock.advance(TimeDelta::days(days));
    }
}

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn a_plan_is_changed_as_it_was_previewed_and_back_again() {
    let scene = Scene::new("basic", 0).await;
    let before = instant(&scene.seen().await["customer"]["expiresAt"]);
    let shown = scene.post("plan-changes/preview", json!({"tier": "dear"})).await;
    assert_eq!(
        (&shown["from"], &shown["creditsPerDay"]),
        (&json!("basic"), &json!(3))
    );
    let body = json!({"tier": "dear", "previewedAt": shown["at"]});
    let mut changed = scene.post("plan-changes", body).await;
    changed.as_object_mut().unwrap().remove("position");
    assert_eq!(changed, shown);
    let left = before - instant(&shown["at"]);
    let now = instant(&shown["endsAt"]) - instant(&shown["at"]);
    assert_eq!(
        now.num_microseconds().unwrap(),
        left.num_microseconds().unwrap() / 3
    );
    let seen = scene.seen().await;
    assert_eq!(
        (&seen["customer"]["tier"], &seen["entitlement"]["tier"]),
        (&json!("dear"), &json!("dear"))
    );
    assert_eq!(instant(&seen["customer"]["expiresAt"]), instant(&shown["endsAt"]));
    let back = json!({"tier": "basic", "previewedAt": shown["at"]});
    let back = scene.post("plan-changes", back).await;
    assert_eq!(instant(&back["endsAt"]), before);
    assert_eq!(scene.balance().await, 0);
    assert_eq!(
        scene.code("plan-changes", json!({"tier": "basic"})).await,
        "PLAN_UNCHANGED"
    );
    assert_eq!(
        scene.code("plan-changes", json!({"tier": "none"})).await,
        "TIER_NOT_FOUND"
    );
    scene.app.parts.clock.advance(TimeDelta::minutes(20));
    let late = json!({"tier": "dear", "previewedAt": shown["at"]});
    assert_eq!(scene.code("plan-changes", late).await, "PREVIEW_OUTDATED");
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn time_stands_still_while_a_subscription_is_paused() {
    let scene = Scene::new("premium", 30).await;
    let before = instant(&scene.seen().await["customer"]["expiresAt"]);
    scene
        .post("subscription/pause", json!({"reason": "summer"}))
        .await;
    assert_eq!(scene.tier().await, Value::Null);
    assert_eq!(
        scene.code("extensions", json!({"days": 30})).await,
        "SUBSCRIPTION_PAUSED"
    );
    assert_eq!(
        scene.code("subscription/pause", json!({"reason": "again"})).await,
        "SUBSCRIPTION_PAUSED"
    );
    scene.days_pass(60);
    let resumed = scene
        .post("subscription/resume", json!({"reason": "autumn"}))
        .await;
    let later = instant(&resumed["expiresAt"]) - before;
    assert!(
        (TimeDelta::days(60)..TimeDelta::days(61)).contains(&later),
        "{later}"
    );
    assert_eq!(scene.tier().await, "premium");
    let seen = scene.seen().await;
    assert_eq!(
        instant(&seen["customer"]["expiresAt"]),
        instant(&resumed["expiresAt"])
    );
    assert_eq!(scene.balance().await, 30);
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn who_is_paused_is_told_apart_from_who_expired() {
    let scene = Scene::new("premium", 30).await;
    let figures = async |as_of: Option<DateTime<Utc>>| {
        scene.app.settle().await;
        let query = "query ($asOf: DateTime) { dashboard(asOf: $asOf) {
            customersTotal customersActive customersExpired customersPaused customersSuspended } }";
        scene.client().query(query, json!({"asOf": as_of})).await["dashboard"].clone()
    };
    let told = |active: i64, expired: i64, paused: i64, suspended: i64| {
        json!({"customersTotal": 1, "customersActive": active, "customersExpired": expired,
            "customersPaused": paused, "customersSuspended": suspended})
    };
    let reason = json!({"reason": "summer"});
    scene.post("subscription/pause", reason.clone()).await;
    scene.days_pass(1);
    let paused = scene.app.parts.clock.now();
    assert_eq!(scene.seen().await["customer"]["status"], "PAUSED");
    assert_eq!(figures(None).await, told(0, 0, 1, 0));
    let listed =
        "{ customers(status: PAUSED) { nodes { name pausedAt } } expired: customers(status: EXPIRED) {
        nodes { name } } }";
    let listed = scene.client().query(listed, json!({})).await;
    assert!(
        listed["customers"]["nodes"][0]["pausedAt"].is_string(),
        "{listed}"
    );
    assert_eq!(listed["expired"]["nodes"], json!([]));
    scene.days_pass(1);
    scene.post("suspend", reason.clone()).await;
    assert_eq!(figures(None).await, told(0, 0, 0, 1));
    scene.post("resume", reason.clone()).await;
    scene.post("subscription/resume", reason).await;
    assert_eq!(figures(None).await, told(1, 0, 0, 0));
    assert_eq!(figures(Some(paused)).await, told(0, 0, 1, 0));
    let body = json!({"when": "now", "reason": "closed down"});
    scene.post("subscription/cancel", body).await;
    assert_eq!(figures(None).await, told(0, 1, 0, 0));
}

#[actix_web::test]
async fn cancelling_gives_whole_days_back_in_the_same_append() {
    let scene = Scene::new("premium", 0).await;
    scene.app.parts.clock.advance(TimeDelta::hours(24 * 9 + 1));
    let body = json!({"when": "now", "reason": "closed down"});
    let events = scene.app.events().await;
    let cancelled = scene.post("subscription/cancel", body.clone()).await;
    assert_eq!(
        (&cancelled["returned"], &cancelled["balance"]),
        (&json!(20), &json!(20))
    );
    let appended: (i64, i64) =
        sqlx::query_as("SELECT count(*), count(DISTINCT xid::text) FROM es.events WHERE position > $1")
            .bind(events)
            .fetch_one(&scene.app.parts.commands)
            .await
            .unwrap();
    assert_eq!(appended, (2, 1));
    assert_eq!(scene.balance().await, 20);
    let seen = scene.seen().await;
    assert_eq!(seen["entitlement"]["tier"], Value::Null);
    assert_eq!(seen["customer"]["status"], "EXPIRED");
    assert!(seen["subscription"]["cancelledAt"].is_string());
    assert_eq!(
        scene.code("subscription/cancel", body).await,
        "SUBSCRIPTION_EXPIRED"
    );
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_subscription_renews_itself_until_the_credits_run_out() {
    let scene = Scene::new("premium", 30).await;
    let path = scene.path("subscription/auto-renewal");
    scene.client().put(&path, json!({"days": 30})).await.ok();
    let events = scene.app.events().await;
    scene.days_pass(29);
    scene.renewal(events).await;
    let seen = scene.seen().await;
    let now = scene.app.parts.clock.now();
    assert!(instant(&seen["customer"]["expiresAt"]) > now + TimeDelta::days(30));
    assert_eq!(scene.balance().await, 0);

    let events = scene.app.events().await;
    scene.days_pass(30);
    scene.renewal(events).await;
    let seen = scene.seen().await;
    let failed = &seen["subscription"]["failedRenewal"];
    assert_eq!(
        (&failed["attempts"], &failed["code"]),
        (&json!(1), &json!("INSUFFICIENT_CREDITS"))
    );
    assert!(failed["retryAt"].is_string());
    assert_eq!(seen["subscription"]["grants"][0]["source"], "GRACE");
    let paid_until = instant(&seen["subscription"]["grants"][1]["endsAt"]);

    // Bought within the grace: the next attempt succeeds, and the days go on where the paid ones ended.
    let bonus = json!({"kind": "bonus", "credits": 30, "note": "bought"});
    let adjustments = format!("/api/admin/resellers/{}/credits/adjustments", scene.reseller.id);
    scene
        .app
        .renewed(&scene.admin)
        .post(&adjustments, bonus)
        .await
        .ok();
    let events = scene.app.events().await;
    scene.days_pass(2);
    scene.renewal(events).await;
    let seen = scene.seen().await;
    assert_eq!(seen["subscription"]["failedRenewal"], Value::Null);
    assert_eq!(
        instant(&seen["subscription"]["grants"][0]["endsAt"]),
        paid_until + TimeDelta::days(30)
    );
    assert_eq!(seen["entitlement"]["tier"], "premium");
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_renewal_that_is_switched_off_or_cancelled_does_not_come() {
    let scene = Scene::new("premium", 60).await;
    let path = scene.path("subscription/auto-renewal");
    scene.client().put(&path, json!({"days": 30})).await.ok();
    scene.client().put(&path, json!({"days": null})).await.ok();
    scene.client().put(&path, json!({"days": 30})).await.ok();
    scene
        .post(
            "subscription/cancel",
            json!({"when": "at_end", "reason": "moved"}),
        )
        .await;
    let timers: i64 = sqlx::query_scalar("SELECT count(*) FROM es.timers")
        .fetch_one(&scene.app.parts.commands)
        .await
        .unwrap();
    assert_eq!(timers, 0);
    assert_eq!(scene.tier().await, "premium");
    assert_eq!(scene.balance().await, 60);
}

#[actix_web::test]
async fn the_platform_gives_days_with_a_reason() {
    let scene = Scene::new("basic", 0).await;
    let path = format!("/api/admin/customers/{}/grants", scene.customer.id);
    let gift = json!({"tier": "enterprise", "days": 7, "reason": "an outage on Monday"});
    scene.admin.post(&path, gift.clone()).await.ok();
    let seen = scene.seen().await;
    assert_eq!(seen["entitlement"]["tier"], "enterprise");
    let given = seen["subscription"]["grants"]
        .as_array()
        .unwrap()
        .iter()
        .find(|grant| grant["source"] == "MANUAL")
        .unwrap();
    assert_eq!(
        (&given["reason"], &given["creditsPerDay"]),
        (&json!("an outage on Monday"), &json!(0))
    );
    let refused = scene.reseller.client.post(&path, gift).await;
    assert_eq!(refused.refusal().0, 403);
    let unknown = format!("/api/admin/customers/{}/grants", uuid::Uuid::new_v4());
    let gift = json!({"tier": "basic", "days": 1, "reason": "why not"});
    let unknown = scene.admin.post(&unknown, gift).await;
    assert_eq!(unknown.code(), "CUSTOMER_NOT_FOUND");
}

#[actix_web::test]
async fn foreign_customers_are_unknown_to_every_command() {
    let scene = Scene::new("premium", 0).await;
    let stranger = scene.app.reseller_with(&scene.admin, 10).await;
    for (rest, body) in [
        ("plan-changes/preview", json!({"tier": "dear"})),
        ("plan-changes", json!({"tier": "dear"})),
        ("subscription/pause", json!({"reason": "x"})),
        ("subscription/resume", json!({"reason": "x"})),
        ("subscription/cancel", json!({"when": "now", "reason": "x"})),
    ] {
        let unknown = format!("/api/reseller/customers/{}/{rest}", uuid::Uuid::new_v4());
        let foreign = stranger.client.post(&scene.path(rest), body.clone()).await;
        let unknown = stranger.client.post(&unknown, body).await;
        assert_eq!(foreign.code(), "CUSTOMER_NOT_FOUND", "{rest}");
        assert_eq!(foreign.body, unknown.body, "{rest}");
    }
}
