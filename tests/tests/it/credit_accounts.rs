//! Lots, refunds, reversals, reservations, credit lines and alerts, through the API.

use chrono::{SecondsFormat, TimeDelta};
use commands::timers::{KINDS, carry_out_due};
use futures::future::join_all;
use serde_json::{Value, json};
use store::timers;
use tests::scenario::Reseller;
use tests::{TestApp, TestClient};

/// An account, with the admin who looks after it.
struct Scene {
    app: TestApp,
    admin: TestClient,
    reseller: Reseller,
}

impl Scene {
    async fn new(credits: i64) -> Self {
        let app = TestApp::start().await;
        let admin = app.admin().await;
        let reseller = app.reseller_with(&admin, credits).await;
        Self { app, admin, reseller }
    }

    fn path(&self, what: &str) -> String {
        format!("/api/admin/resellers/{}/credits/{what}", self.reseller.id)
    }

    async fn moved(&self, what: &str, body: Value) -> Value {
        self.admin.post(&self.path(what), body).await.ok()
    }

    async fn refused(&self, what: &str, body: Value) -> (u16, String) {
        let answer = self.admin.post(&self.path(what), body).await;
        (answer.status.as_u16(), answer.code().to_owned())
    }

    async fn set_line(&self, limit: i64) {
        let body = json!({"limit": limit, "reason": "trusted"});
        self.admin.put(&self.path("line"), body).await.ok();
    }

    /// Days go by, and what is due by then is carried out, by the server or by us.
    async fn wait_days(&self, days: i64) {
        let write = self.app.parts.write_side();
        write.clock.advance(TimeDelta::days(days));
        loop {
            carry_out_due(&write, KINDS).await.unwrap();
            let mut connection = write.pool.acquire().await.unwrap();
            let due = timers::due(&mut connection, write.clock.now()).await.unwrap();
            if due.timers == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        self.app.settle().await;
    }

    async fn account(&self) -> Value {
        self.app.settle().await;
        let query = "{ creditAccount { balance held creditLine alertThresholds alerts { threshold balance }
            lots { lot source remaining promotional pricePerCredit listVersion } reservations { id held } } }";
        let data = self.reseller.client.query(query, json!({})).await;
        data["creditAccount"].clone()
    }
}

#[actix_web::test]
async fn a_debit_says_which_lots_paid_and_its_refund_goes_back_to_them() {
    let scene = Scene::new(20).await;
    let sold = scene.moved("purchases", json!({"packCode": "starter"})).await;
    assert_eq!((&sold["movement"], &sold["balance"]), (&json!(3), &json!(920)));
    let customer = scene.app.customer_of(&scene.reseller, "basic").await;
    let account = scene.account().await;
    assert_eq!(
        account["lots"],
        json!([{"lot": 2, "source": "PURCHASE", "remaining": 890, "promotional": false,
                "pricePerCredit": "0.0556", "listVersion": 3}])
    );
    let back = scene
        .moved("refunds", json!({"debit": 4, "credits": 15, "note": "cancelled"}))
        .await;
    assert_eq!(back["balance"], json!(905));
    let query = "query ($id: ID!) { creditTransaction(resellerId: $id, number: 4) {
        transaction { kind amount balanceAfter customerId lots { lot credits } }
        postings { account amount } lots { lot packCode price { amountMinor } packCredits }
        returnedBy { kind amount ofNumber note actorName lots { lot credits } } } }";
    scene.app.settle().await;
    let data = scene.admin.query(query, json!({"id": scene.reseller.id})).await;
    let told = &data["creditTransaction"];
    assert_eq!(
        told["transaction"],
        json!({"kind": "DEBIT", "amount": -30, "balanceAfter": 890, "customerId": customer.id,
               "lots": [{"lot": 1, "credits": 20}, {"lot": 2, "credits": 10}]})
    );
    assert_eq!(
        told["postings"],
        json!([{"account": "CREDITS_AVAILABLE", "amount": -30}, {"account": "CREDITS_SPENT", "amount": 30}])
    );
    assert_eq!(told["lots"][1]["packCode"], json!("starter"));
    assert_eq!(told["lots"][1]["price"], json!({"amountMinor": 5000}));
    assert_eq!(
        told["returnedBy"][0]["lots"],
        json!([{"lot": 2, "credits": 10}, {"lot": 1, "credits": 5}])
    );
    let rest = scene
        .moved("refunds", json!({"debit": 4, "note": "the rest"}))
        .await;
    assert_eq!(rest["balance"], json!(920));
    for (body, refusal) in [
        (json!({"debit": 4, "note": "again"}), (409, "RETURN_TOO_LARGE")),
        (
            json!({"debit": 5, "note": "a refund of a refund"}),
            (409, "NOT_A_DEBIT"),
        ),
        (
            json!({"debit": 99, "note": "unknown"}),
            (404, "MOVEMENT_NOT_FOUND"),
        ),
        (
            json!({"debit": 4, "credits": -1, "note": "negative"}),
            (400, "INVALID_AMOUNT"),
        ),
        (
            json!({"debit": 4, "credits": i64::MAX, "note": "huge"}),
            (400, "INVALID_AMOUNT"),
        ),
        (json!({"debit": 4, "note": ""}), (400, "INVALID_NOTE")),
    ] {
        assert_eq!(
            scene.refused("refunds", body).await,
            (refusal.0, refusal.1.to_owned())
        );
    }
    let old = json!({"kind": "refund", "credits": 5, "note": "without a debit"});
    assert_eq!(
        scene.refused("adjustments", old).await,
        (400, "REFUND_WITHOUT_DEBIT".to_owned())
    );
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_purchase_is_reversed_with_its_money_and_only_once() {
    let scene = Scene::new(0).await;
    scene.moved("purchases", json!({"packCode": "starter"})).await;
    let back = scene
        .moved("reversals", json!({"movement": 2, "note": "wrong reseller"}))
        .await;
    assert_eq!(back["balance"], json!(0));
    let again = json!({"movement": 2, "note": "again"});
    assert_eq!(
        scene.refused("reversals", again).await,
        (409, "ALREADY_RETURNED".to_owned())
    );
    let reversal = json!({"movement": 3, "note": "undo the undoing"});
    assert_eq!(
        scene.refused("reversals", reversal).await,
        (409, "NOT_REVERSIBLE".to_owned())
    );
    scene.app.settle().await;
    let query = "{ trialBalance { lines { account balance } balanced credits { holds sold } } }";
    let data = scene.reseller.client.query(query, json!({})).await;
    let lines = data["trialBalance"]["lines"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["balance"] == json!(0)), "{lines:?}");
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn reserved_credits_are_captured_or_come_back_when_their_time_is_over() {
    let scene = Scene::new(100).await;
    let ends = |days| {
        let at = scene.app.parts.clock.now() + TimeDelta::days(days);
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    };
    let reserve = async |credits: i64| {
        let body = json!({"credits": credits, "expiresAt": ends(3), "note": "renewal"});
        scene
            .reseller
            .client
            .post("/api/reseller/credits/reservations", body)
            .await
            .ok()
    };
    let (first, second) = (reserve(30).await, reserve(40).await);
    assert_eq!((&second["balance"], &second["held"]), (&json!(30), &json!(70)));
    let path = |reservation: &Value, what: &str| {
        let id = reservation["reservationId"].as_str().unwrap();
        format!("/api/reseller/credits/reservations/{id}/{what}")
    };
    let client = &scene.reseller.client;
    let captured = client
        .post(
            &path(&first, "capture"),
            json!({"credits": 20, "note": "renewed"}),
        )
        .await
        .ok();
    assert_eq!(
        (&captured["balance"], &captured["held"]),
        (&json!(40), &json!(40))
    );
    let over = client.post(&path(&first, "release"), json!({})).await;
    assert_eq!(over.code(), "RESERVATION_NOT_FOUND");
    let stranger = scene.app.reseller_with(&scene.admin, 0).await;
    let foreign = stranger.client.post(&path(&second, "release"), json!({})).await;
    assert_eq!(foreign.body, over.body, "a foreign reservation is an unknown one");
    scene.wait_days(4).await;
    let renewed = scene.app.renewed(client);
    let data = renewed
        .query(
            "{ creditAccount { balance held reservations { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        data["creditAccount"],
        json!({"balance": 80, "held": 0, "reservations": []})
    );
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn transfers_go_round_in_a_circle_and_are_taken_back_on_both_sides() {
    let scene = Scene::new(100).await;
    let others = [
        scene.app.reseller_with(&scene.admin, 0).await,
        scene.app.reseller_with(&scene.admin, 0).await,
    ];
    let ids = [&scene.reseller.id, &others[0].id, &others[1].id];
    let send = async |from: &str, to: &str, credits: i64| {
        let path = format!("/api/admin/resellers/{from}/credits/transfers");
        let body = json!({"toResellerId": to, "credits": credits, "note": "start"});
        scene.admin.post(&path, body).await
    };
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        send(ids[from], ids[to], 60).await.ok();
    }
    assert_eq!(send(ids[0], ids[0], 1).await.code(), "TRANSFER_TO_ITSELF");
    assert_eq!(send(ids[1], ids[0], 1).await.code(), "INSUFFICIENT_CREDITS");
    assert_eq!(send(ids[0], ids[1], -5).await.code(), "INVALID_AMOUNT");
    let unknown = uuid::Uuid::now_v7().to_string();
    assert_eq!(send(ids[0], &unknown, 5).await.code(), "RESELLER_NOT_FOUND");
    send(ids[0], ids[1], 30).await.ok();
    let taken_back = scene
        .moved("reversals", json!({"movement": 5, "note": "by mistake"}))
        .await;
    assert_eq!(taken_back["balance"], json!(100));
    scene.app.settle().await;
    let data = others[0]
        .client
        .query("{ creditAccount { balance } }", json!({}))
        .await;
    assert_eq!(data["creditAccount"]["balance"], json!(0));
    let query = "{ trialBalance { balanced credits { holds transferred available } } }";
    let data = scene.admin.query(query, json!({})).await;
    assert_eq!(
        data["trialBalance"]["credits"],
        json!({"holds": true, "transferred": 0, "available": 100})
    );
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn credits_expire_by_their_timer() {
    let scene = Scene::new(0).await;
    let in_days = |days| {
        let at = scene.app.parts.clock.now() + TimeDelta::days(days);
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    };
    for (credits, days) in [(7, 9), (5, 2)] {
        let bonus =
            json!({"kind": "bonus", "credits": credits, "expiresAt": in_days(days), "note": "promotion"});
        scene.moved("adjustments", bonus).await;
    }
    let past = json!({"kind": "bonus", "credits": 1, "expiresAt": in_days(-1), "note": "late"});
    assert_eq!(
        scene.refused("adjustments", past).await,
        (400, "INVALID_EXPIRY".to_owned())
    );
    let mut left = Vec::new();
    for _ in 0..2 {
        scene.wait_days(5).await;
        let client = scene.app.renewed(&scene.reseller.client);
        let data = client.query("{ creditAccount { balance } }", json!({})).await;
        left.push(data["creditAccount"]["balance"].clone());
    }
    assert_eq!(left, [json!(7), json!(0)]);
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn of_256_parallel_debits_none_passes_the_credit_line() {
    let scene = Scene::new(70).await;
    let customer = scene.app.customer_of(&scene.reseller, "basic").await;
    scene.set_line(60).await;
    let path = format!("/api/reseller/customers/{}/extensions", customer.id);
    let debit = || scene.reseller.client.post(&path, json!({"days": 1}));
    let debits = join_all((0..256).map(|_| debit())).await;
    let succeeded = debits.iter().filter(|answer| answer.status.is_success()).count();
    let refused = debits
        .iter()
        .filter(|answer| answer.code() == "INSUFFICIENT_CREDITS")
        .count();
    assert_eq!((succeeded, refused), (100, 156));
    let account = scene.account().await;
    assert_eq!(
        (&account["balance"], &account["creditLine"]),
        (&json!(-60), &json!(60))
    );
    let body = json!({"limit": 59, "reason": "less"});
    let smaller = scene.admin.put(&scene.path("line"), body).await;
    assert_eq!(smaller.code(), "CREDIT_LINE_IN_USE");
    scene.moved("purchases", json!({"packCode": "starter"})).await;
    let account = scene.account().await;
    assert_eq!(
        (&account["balance"], &account["lots"][0]["remaining"]),
        (&json!(840), &json!(840))
    );
    assert!(scene.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_low_balance_is_told_once_per_crossing() {
    let scene = Scene::new(100).await;
    let thresholds = json!({"thresholds": [75, 20]});
    scene
        .reseller
        .client
        .put("/api/reseller/credits/alerts", thresholds)
        .await
        .ok();
    for credits in [-20, -10, -1, 40, -40] {
        let body = json!({"kind": "adjustment", "credits": credits, "note": "to and fro"});
        scene.moved("adjustments", body).await;
    }
    let account = scene.account().await;
    assert_eq!(account["alertThresholds"], json!([20, 75]));
    let alert = |balance| json!({"threshold": 75, "balance": balance});
    assert_eq!(account["alerts"], json!([alert(69), alert(70)]));
    let too_many = json!({"thresholds": [0]});
    let refused = scene
        .reseller
        .client
        .put("/api/reseller/credits/alerts", too_many)
        .await;
    assert_eq!(refused.code(), "INVALID_THRESHOLDS");
}
