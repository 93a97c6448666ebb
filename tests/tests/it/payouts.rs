//! Payout runs and invoices over the whole server: to the cent, once, and the same document for ever.

use chrono::TimeDelta;
use domain::user::{Home, Role};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::database::DatabaseRole;
use tests::process::stentor;
use tests::scenario::Reseller;
use tests::{TestApp, TestClient};
use uuid::Uuid;

struct Business {
    app: TestApp,
    admin: TestClient,
    finance: TestClient,
    reseller: Reseller,
}

impl Business {
    async fn open() -> Self {
        let app = TestApp::start().await;
        let admin = app.admin().await;
        let reseller = app.reseller_with(&admin, 0).await;
        let finance = Self::finance(&app, &admin);
        Self {
            app,
            admin,
            finance,
            reseller,
        }
    }

    /// Somebody of the platform who is not the admin.
    fn finance(app: &TestApp, admin: &TestClient) -> TestClient {
        let principal = platform::Principal {
            user_id: domain::ids::UserId(Uuid::now_v7()),
            role: Role::PlatformFinance,
            home: Home::Platform,
            access: platform::Access::PASSWORD,
        };
        let signer = app.parts.write_side().signer;
        let (token, _) = signer.access(&principal, app.parts.clock.now()).unwrap();
        admin.with_token(&token)
    }

    fn pass(&mut self, days: i64) {
        self.app.parts.clock.advance(TimeDelta::days(days));
        self.admin = self.app.renewed(&self.admin);
        self.finance = Self::finance(&self.app, &self.admin);
        self.reseller.client = self.app.renewed(&self.reseller.client);
    }

    /// A sale that earns a fifth; answers its id.
    async fn sell(&self, gross_minor: i64) -> String {
        let sale = json!({"resellerId": self.reseller.id, "product": "premium", "grossMinor": gross_minor, "currency": "EUR"});
        let sold = self.admin.post("/api/admin/sales", sale).await.ok();
        sold["saleId"].as_str().unwrap().to_owned()
    }

    async fn draft(&self, body: Value) -> tests::client::Answer {
        self.admin.post("/api/admin/payouts/EUR/runs", body).await
    }

    /// Drafts, approves and pays; answers what was paid.
    async fn pay_out(&self, body: Value) -> i64 {
        let drafted = self.draft(body).await.ok();
        let path = format!(
            "/api/admin/payouts/EUR/runs/{}",
            drafted["runId"].as_str().unwrap()
        );
        self.finance
            .post(&format!("{path}/approve"), json!({}))
            .await
            .ok();
        let reference = json!({"reference": "SEPA 17"});
        self.finance.post(&format!("{path}/pay"), reference).await.ok();
        drafted["payoutMinor"].as_i64().unwrap()
    }

    async fn statements(&self) -> Vec<Value> {
        self.app.settle().await;
        let query = "{ statements { nodes { id runId status openingMinor earnedMinor clawedBackMinor payoutMinor carriedMinor
            lines digest htmlDigest downloadPath } } }";
        let data = self.reseller.client.query(query, json!({})).await;
        data["statements"]["nodes"].as_array().unwrap().clone()
    }

    async fn payable(&self) -> i64 {
        self.app.settle().await;
        let query = "{ trialBalance { balanced lines { account balance } } ledgerViolations { rule } }";
        let data = self.admin.query(query, json!({})).await;
        assert_eq!(data["trialBalance"]["balanced"], json!(true));
        assert_eq!(data["ledgerViolations"], json!([]));
        let lines = data["trialBalance"]["lines"].as_array().unwrap();
        let of = lines.iter().find(|line| line["account"] == "COMMISSION_PAYABLE");
        of.map_or(0, |line| -line["balance"].as_i64().unwrap())
    }
}

async fn download(client: &TestClient, path: &str) -> Vec<u8> {
    let response = client.request(Method::GET, path).send().await.unwrap();
    assert!(response.status().is_success(), "{path}: {}", response.status());
    response.bytes().await.unwrap().to_vec()
}

async fn download_status(client: &TestClient, path: &str) -> u16 {
    client
        .request(Method::GET, path)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

fn sums(statement: &Value) -> [i64; 5] {
    [
        "openingMinor",
        "earnedMinor",
        "clawedBackMinor",
        "payoutMinor",
        "carriedMinor",
    ]
    .map(|name| statement[name].as_i64().unwrap())
}

#[actix_web::test]
async fn commission_is_paid_once_after_the_holding_period_and_debts_are_carried() {
    let mut business = Business::open().await;
    let first = business.sell(1_000).await;
    business.sell(2_500).await;
    let nothing = business.draft(json!({})).await;
    assert_eq!(nothing.code(), "NOTHING_DUE", "the holding period has not passed");
    business.pass(15);
    assert_eq!(business.payable().await, 700);
    assert_eq!(business.pay_out(json!({})).await, 700);
    assert_eq!(business.payable().await, 0);
    business.pass(1);
    let again = business.draft(json!({})).await;
    assert_eq!(again.code(), "NOTHING_DUE", "nothing is paid twice");
    let refund = format!("/api/admin/sales/{first}/refunds");
    business.admin.post(&refund, json!({})).await.ok();
    business.pass(1);
    assert_eq!(business.pay_out(json!({})).await, 0);
    assert_eq!(business.payable().await, -200, "a debt of the reseller");
    business.sell(4_000).await;
    business.pass(15);
    assert_eq!(business.pay_out(json!({})).await, 600);
    let statements = business.statements().await;
    let told: Vec<_> = statements.iter().map(sums).collect();
    assert_eq!(
        told,
        [[-200, 800, 0, 600, 0], [0, 0, -200, 0, -200], [0, 700, 0, 700, 0],]
    );
    assert_eq!(business.payable().await, 0);
    assert!(business.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_statement_is_downloaded_as_it_was_frozen_and_made_again_from_the_log() {
    let mut business = Business::open().await;
    business.sell(999).await;
    let second = business.sell(333).await;
    business
        .admin
        .post(
            &format!("/api/admin/sales/{second}/refunds"),
            json!({"amountMinor": 111}),
        )
        .await
        .ok();
    business.pass(20);
    business.pay_out(json!({})).await;
    // What comes later changes nothing.
    business
        .admin
        .post(&format!("/api/admin/sales/{second}/refunds"), json!({}))
        .await
        .ok();
    let statement = business.statements().await.remove(0);
    let path = statement["downloadPath"].as_str().unwrap();
    for (format, digest) in [("json", "digest"), ("html", "htmlDigest")] {
        let body = download(&business.reseller.client, &format!("{path}.{format}")).await;
        assert_eq!(
            hex::encode(Sha256::digest(&body)),
            statement[digest].as_str().unwrap(),
            "{format}"
        );
    }
    let csv = download(&business.reseller.client, &format!("{path}.csv")).await;
    assert_eq!(String::from_utf8(csv).unwrap().lines().count(), 4);
    let payments = format!(
        "/downloads/payouts/{}/payments.csv",
        statement["runId"].as_str().unwrap()
    );
    let csv = download(&business.admin, &payments).await;
    let paid = format!(",{},EUR,EUR-1", statement["payoutMinor"]);
    assert!(String::from_utf8(csv).unwrap().contains(&paid));
    assert_eq!(download_status(&business.reseller.client, &payments).await, 404);
    let id: Uuid = statement["id"].as_str().unwrap().parse().unwrap();
    let write = business.app.parts.write_side();
    let made = commands::payouts::regenerate(&write, id).await.unwrap().unwrap();
    assert!(made.is_same(), "{made:?}");
    assert!(
        commands::payouts::regenerate(&write, Uuid::now_v7())
            .await
            .unwrap()
            .is_none()
    );
    let other = business.app.reseller_with(&business.admin, 0).await;
    assert_eq!(download_status(&other.client, &format!("{path}.json")).await, 404);
    assert_eq!(
        download_status(
            &other.client,
            &format!("/downloads/statements/{}/statement.json", Uuid::now_v7())
        )
        .await,
        404
    );
}

#[actix_web::test]
async fn a_statement_that_differs_is_not_handed_out_and_the_log_still_has_it() {
    let mut business = Business::open().await;
    business.sell(1_000).await;
    business.pass(15);
    business.pay_out(json!({})).await;
    let statement = business.statements().await.remove(0);
    let json = format!("{}.json", statement["downloadPath"].as_str().unwrap());
    let frozen = download(&business.reseller.client, &json).await;
    let owner = business.app.database.pool(DatabaseRole::Owner).await;
    sqlx::query("UPDATE read.commission_lines SET amount_minor = amount_minor + 1")
        .execute(&owner)
        .await
        .unwrap();
    assert_eq!(download_status(&business.reseller.client, &json).await, 409);
    let config = &business.app.config;
    let id = statement["id"].as_str().unwrap();
    let compared = stentor(config, &["statements", "regenerate", id]).await;
    let told = String::from_utf8(compared.stdout).unwrap();
    assert!(
        compared.status.success() && told.contains("the same to the byte"),
        "{told}"
    );
    let printed = stentor(config, &["statements", "regenerate", id, "--json"]).await;
    assert_eq!(printed.stdout, frozen, "bit by bit");
    let nobody = Uuid::now_v7().to_string();
    let unknown = stentor(config, &["statements", "regenerate", &nobody]).await;
    assert!(!unknown.status.success());
}

#[actix_web::test]
async fn who_drafts_does_not_approve_and_a_cancelled_run_leaves_everything_to_the_next() {
    let mut business = Business::open().await;
    business.sell(1_000).await;
    business.pass(15);
    let drafted = business.draft(json!({})).await.ok();
    let path = format!(
        "/api/admin/payouts/EUR/runs/{}",
        drafted["runId"].as_str().unwrap()
    );
    let own = business.admin.post(&format!("{path}/approve"), json!({})).await;
    assert_eq!((own.refusal().0, own.code()), (403, "DRAFTER_CANNOT_APPROVE"));
    let early = business
        .finance
        .post(&format!("{path}/pay"), json!({"reference": "x"}))
        .await;
    assert_eq!(early.code(), "PAYOUT_RUN_NOT_APPROVED");
    assert_eq!(business.draft(json!({})).await.code(), "PAYOUT_RUN_OPEN");
    assert_eq!(
        business.statements().await,
        [] as [Value; 0],
        "a draft may still be cancelled"
    );
    let cancel = json!({"reason": "wrong cutoff"});
    business
        .finance
        .post(&format!("{path}/cancel"), cancel)
        .await
        .ok();
    assert_eq!(business.pay_out(json!({})).await, 200);
    let reseller = &business.reseller.client;
    let refused = reseller.post("/api/admin/payouts/EUR/runs", json!({})).await;
    assert_eq!(refused.code(), "FORBIDDEN");
    let unknown = format!("/api/admin/payouts/EUR/runs/{}/approve", Uuid::now_v7());
    assert_eq!(
        business.finance.post(&unknown, json!({})).await.code(),
        "PAYOUT_RUN_NOT_FOUND"
    );
    let unknown = format!("/api/admin/payouts/nothing/runs/{}/approve", Uuid::now_v7());
    assert_eq!(
        business.finance.post(&unknown, json!({})).await.code(),
        "PAYOUT_RUN_NOT_FOUND"
    );
}

#[actix_web::test]
async fn invoices_are_numbered_without_a_gap_whatever_runs_at_the_same_time() {
    let business = Business::open().await;
    let invoices = format!("/api/admin/resellers/{}/invoices", business.reseller.id);
    let packs = format!("/api/admin/resellers/{}/credits/purchases", business.reseller.id);
    let wanted = || json!({"currency": "USD", "taxRate": "0.19", "address": "Hafen 1\nHamburg"});
    let mut issued = 0;
    for _ in 0..3 {
        business
            .admin
            .post(&packs, json!({"packCode": "starter"}))
            .await
            .ok();
        let at_once = (0..4).map(|_| business.finance.post(&invoices, wanted()));
        let answers = futures::future::join_all(at_once).await;
        let done = answers.iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(done, 1, "what stands on an invoice is not invoiced again");
        issued += done;
    }
    let credit = format!("{invoices}/2/credit");
    business
        .finance
        .post(&credit, json!({"reason": "wrong address"}))
        .await
        .ok();
    assert_eq!(
        business
            .finance
            .post(&credit, json!({"reason": "again"}))
            .await
            .code(),
        "INVOICE_CREDITED"
    );
    business
        .finance
        .post(&format!("{invoices}/1/payment"), json!({"reference": "SEPA 3"}))
        .await
        .ok();
    let unknown = business
        .finance
        .post(&format!("{invoices}/9/payment"), json!({"reference": "x"}))
        .await;
    assert_eq!((unknown.refusal().0, unknown.code()), (404, "INVOICE_NOT_FOUND"));
    business.app.settle().await;
    let query = "{ invoices { nodes { number kind totalMinor creditedBy paidReference digest downloadPath } }
        trialBalance { balanced lines { account unit balance } } }";
    let data = business.reseller.client.query(query, json!({})).await;
    let nodes = data["invoices"]["nodes"].as_array().unwrap();
    let mut numbers: Vec<i64> = nodes
        .iter()
        .map(|node| node["number"].as_i64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!((numbers, issued), (vec![1, 2, 3, 4], 3));
    let note = nodes.iter().find(|node| node["kind"] == "CREDIT_NOTE").unwrap();
    assert_eq!(
        (&note["totalMinor"], &note["number"]),
        (&json!(-5_950), &json!(4))
    );
    let receivable = data["trialBalance"]["lines"].as_array().unwrap();
    let receivable = receivable
        .iter()
        .find(|line| line["account"] == "MONEY_RECEIVABLE")
        .unwrap();
    assert_eq!(
        receivable["balance"],
        json!(5_950),
        "three invoices, one credited, one paid"
    );
    let path = note["downloadPath"].as_str().unwrap();
    let body = download(&business.reseller.client, &format!("{path}.json")).await;
    assert_eq!(
        hex::encode(Sha256::digest(&body)),
        note["digest"].as_str().unwrap()
    );
    let page = download(&business.reseller.client, &format!("{path}.html")).await;
    assert!(
        String::from_utf8(page)
            .unwrap()
            .contains("Takes back invoice 00002")
    );
    let other = business.app.reseller_with(&business.admin, 0).await;
    assert_eq!(download_status(&other.client, &format!("{path}.json")).await, 404);
    assert!(business.app.audit().await.is_clean());
}
