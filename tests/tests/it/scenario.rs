//! A quarter of a business from the first pack to the closed month, over HTTP alone, with every amount to the cent.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use domain::period::Period;
use domain::user::{Home, Role};
use reqwest::Method;
use serde_json::{Value, json};
use tests::scenario::{Customer, Reseller, email, new_customer, new_reseller};
use tests::{TestApp, TestClient, app::PASSWORD};
use uuid::Uuid;

struct Business {
    app: TestApp,
    admin: TestClient,
    finance: TestClient,
    /// Earns a fifth of what is sold.
    north: Reseller,
    /// Below it: earns 30 %, of which a quarter goes up.
    harbour: Reseller,
    opened: DateTime<Utc>,
}

impl Business {
    async fn open() -> Self {
        let app = TestApp::start().await;
        let admin = app.admin().await;
        let north = app.reseller_with(&admin, 0).await;
        let address = email("harry");
        let mut below = new_reseller(&address);
        below["parentId"] = json!(north.id);
        let id = admin.post("/api/admin/resellers", below).await.ok()["resellerId"].clone();
        let harbour = Reseller {
            id: id.as_str().unwrap().to_owned(),
            client: app.signed_in(&address, PASSWORD).await,
            email: address,
        };
        let share = json!({"basis": "gross", "rate": "0.3", "currency": "EUR", "parentShare": "0.25"});
        let contracts = format!("/api/admin/resellers/{}/contracts", harbour.id);
        admin.post(&contracts, json!({"revenueShare": share})).await.ok();
        Self {
            finance: finance(&app, &admin),
            opened: app.parts.clock.now(),
            app,
            admin,
            north,
            harbour,
        }
    }

    fn travel(&mut self, by: TimeDelta) {
        self.app.parts.clock.advance(by);
        self.admin = self.app.renewed(&self.admin);
        self.finance = finance(&self.app, &self.admin);
        self.north.client = self.app.renewed(&self.north.client);
        self.harbour.client = self.app.renewed(&self.harbour.client);
    }

    /// Travels, and waits until what was due by then has been done.
    async fn travel_to_renewals(&mut self, by: TimeDelta) {
        let events = self.app.events().await;
        self.travel(by);
        while self.app.events().await == events {
            tokio::task::yield_now().await;
        }
    }

    async fn on_credits(&self, reseller: &Reseller, what: &str, body: Value) -> Value {
        let path = format!("/api/admin/resellers/{}/credits/{what}", reseller.id);
        self.admin.post(&path, body).await.ok()
    }

    async fn customer(&self, reseller: &Reseller) -> Customer {
        let address = email("carl");
        let body = new_customer(&address, "premium", 30);
        let created = reseller.client.post("/api/reseller/customers", body).await.ok();
        Customer {
            id: created["tenantId"].as_str().unwrap().to_owned(),
            user_id: created["userId"].as_str().unwrap().to_owned(),
            client: self.app.signed_in(&address, PASSWORD).await,
            email: address,
        }
    }

    async fn sell(&self, to: &Reseller, customer: &Customer, gross_minor: i64) -> String {
        let sale = json!({"resellerId": to.id, "tenantId": customer.id, "product": "premium_monthly",
            "grossMinor": gross_minor, "currency": "EUR"});
        let sold = self.admin.post("/api/admin/sales", sale).await.ok();
        sold["saleId"].as_str().unwrap().to_owned()
    }

    async fn balances(&self) -> (i64, i64) {
        self.app.settle().await;
        let mut found = Vec::new();
        for reseller in [&self.north, &self.harbour] {
            let data = reseller
                .client
                .query("{ dashboard { balanceDays } }", json!({}))
                .await;
            found.push(data["dashboard"]["balanceDays"].as_i64().unwrap());
        }
        (found[0], found[1])
    }

    /// Drafts a run of euros, has it approved and pays it.
    async fn pay_out(&self) -> Value {
        let drafted = self
            .admin
            .post("/api/admin/payouts/EUR/runs", json!({}))
            .await
            .ok();
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
        drafted
    }

    async fn statement(&self, reseller: &Reseller) -> Value {
        self.app.settle().await;
        let query =
            "{ statements { nodes { openingMinor earnedMinor clawedBackMinor payoutMinor carriedMinor lines
            downloadPath } } }";
        let data = reseller.client.query(query, json!({})).await;
        let nodes = data["statements"]["nodes"].as_array().unwrap().clone();
        assert_eq!(nodes.len(), 1, "{data}");
        nodes[0].clone()
    }

    /// The sums of the books, which must hold at any time.
    async fn assert_books_hold(&self) {
        self.app.settle().await;
        let query = "{ trialBalance { balanced credits { holds } } ledgerViolations { rule } }";
        let data = self.admin.query(query, json!({})).await;
        assert_eq!(
            data,
            json!({"trialBalance": {"balanced": true, "credits": {"holds": true}}, "ledgerViolations": []})
        );
    }
}

/// Somebody of the platform who is not the admin.
fn finance(app: &TestApp, admin: &TestClient) -> TestClient {
    let principal = platform::Principal {
        user_id: domain::ids::UserId(Uuid::from_u128(7)),
        role: Role::PlatformFinance,
        home: Home::Platform,
        access: platform::Access::PASSWORD,
    };
    let signer = app.parts.write_side().signer;
    let (token, _) = signer.access(&principal, app.parts.clock.now()).unwrap();
    admin.with_token(&token)
}

fn sums(statement: &Value) -> [i64; 6] {
    [
        "openingMinor",
        "earnedMinor",
        "clawedBackMinor",
        "payoutMinor",
        "carriedMinor",
        "lines",
    ]
    .map(|name| statement[name].as_i64().unwrap())
}

#[actix_web::test]
async fn from_the_first_pack_to_the_closed_month() {
    let mut business = Business::open().await;

    // The platform sells a pack; a part of it goes down to the sub-reseller.
    let pack = json!({"packCode": "starter", "currency": "USD", "note": "Order 1"});
    let bought = business.on_credits(&business.north, "purchases", pack).await;
    assert_eq!(bought["price"], json!({"amountMinor": 5_000, "currency": "USD"}));
    let path = format!(
        "/api/reseller/resellers/{}/credits/transfers",
        business.harbour.id
    );
    let down = json!({"direction": "down", "credits": 100, "note": "to begin with"});
    business.north.client.post(&path, down).await.ok();

    // Customers come, one of them to stay.
    let stays = business.customer(&business.north).await;
    let leaves = business.customer(&business.north).await;
    let below = business.customer(&business.harbour).await;
    let renewal = format!("/api/reseller/customers/{}/subscription/auto-renewal", stays.id);
    business
        .north
        .client
        .put(&renewal, json!({"days": 30}))
        .await
        .ok();
    assert_eq!(business.balances().await, (740, 70));

    // What is sold to them in euros earns commission: 20 % of 19.99; 30 % of 10.00, a quarter of it for who is above.
    let sale = business.sell(&business.north, &stays, 1_999).await;
    business.sell(&business.harbour, &below, 1_000).await;
    business.assert_books_hold().await;

    // Ten days later one leaves: twenty whole days come back to the lots that paid. The other gets 5.00 back.
    business.travel(TimeDelta::days(10) - TimeDelta::hours(1));
    let path = format!("/api/reseller/customers/{}/subscription/cancel", leaves.id);
    let gone = json!({"when": "now", "reason": "closed down"});
    let cancelled = business.north.client.post(&path, gone).await.ok();
    assert_eq!(cancelled["returned"], json!(20));
    let refunds = format!("/api/admin/sales/{sale}/refunds");
    business
        .admin
        .post(&refunds, json!({"amountMinor": 500}))
        .await
        .ok();
    assert_eq!(business.balances().await, (760, 70));

    // Before the month of access is over, the one who stays is renewed.
    business
        .travel_to_renewals(TimeDelta::days(19) + TimeDelta::hours(2))
        .await;
    assert_eq!(business.balances().await, (730, 70));
    let query = "query ($id: ID!) { customer(id: $id) { status } }";
    for (customer, expected) in [(&stays, "ACTIVE"), (&leaves, "EXPIRED")] {
        let seen = business
            .north
            .client
            .query(query, json!({"id": customer.id}))
            .await;
        assert_eq!(seen["customer"]["status"], expected);
    }

    // Finance pays out: 4.00 less 1.00 taken back, and 0.75 from below; 2.25 to the sub-reseller.
    let run = business.pay_out().await;
    assert_eq!(run["payoutMinor"], json!(375 + 225));
    let north = business.statement(&business.north).await;
    assert_eq!(sums(&north), [0, 475, -100, 375, 0, 3]);
    assert_eq!(
        sums(&business.statement(&business.harbour).await),
        [0, 225, 0, 225, 0, 1]
    );
    let path = format!("{}.csv", north["downloadPath"].as_str().unwrap());
    let response = business
        .north
        .client
        .request(Method::GET, &path)
        .send()
        .await
        .unwrap();
    let amounts: Vec<i64> = csv::Reader::from_reader(response.text().await.unwrap().as_bytes())
        .deserialize()
        .map(|line: Result<std::collections::HashMap<String, String>, _>| {
            line.unwrap()["amount_minor"].parse().unwrap()
        })
        .collect();
    assert_eq!(amounts.iter().sum::<i64>(), 375, "{amounts:?}");

    // The pack is invoiced, and the invoice paid.
    let invoices = format!("/api/admin/resellers/{}/invoices", business.north.id);
    business
        .finance
        .post(&invoices, json!({"currency": "USD"}))
        .await
        .ok();
    let payment = json!({"reference": "SEPA 18"});
    business
        .finance
        .post(&format!("{invoices}/1/payment"), payment)
        .await
        .ok();
    business.app.settle().await;
    let query = "{ invoices { nodes { number netMinor paidReference } } }";
    let seen = business.north.client.query(query, json!({})).await;
    assert_eq!(
        seen["invoices"]["nodes"],
        json!([{"number": 1, "netMinor": 5_000, "paidReference": "SEPA 18"}])
    );
    business.assert_books_hold().await;

    // The months since the beginning are closed, one after the other; each adds up.
    let mut month = Period::of(business.opened);
    while month.end() <= business.app.parts.clock.now() {
        let path = format!("/api/admin/periods/{month}/close");
        business.admin.post(&path, json!({})).await.ok();
        month = Period::of(month.end());
    }
    // Who comes late to a closed month is booked in the open one.
    let until_next = Period::of(business.app.parts.clock.now()).end() - business.app.parts.clock.now();
    business.travel(until_next);
    let path = format!("/api/admin/periods/{month}/close");
    let closed = business.admin.post(&path, json!({})).await.ok();
    assert!(closed["digest"].is_string());
    let late = json!({"kind": "bonus", "credits": 5, "note": "promised then", "happenedAt": business.opened.to_rfc3339()});
    business.on_credits(&business.north, "adjustments", late).await;
    business.app.settle().await;
    let newest = "{ postings(first: 1) { nodes { period originPeriod late } } }";
    let seen = business.admin.query(newest, json!({})).await;
    let now = business.app.parts.clock.now();
    assert_eq!(
        seen["postings"]["nodes"][0],
        json!({"period": format!("{:04}-{:02}", now.year(), now.month()),
            "originPeriod": Period::of(business.opened).to_string(), "late": true})
    );
    business.assert_books_hold().await;
    assert!(business.app.audit().await.is_clean());
}
