//! The books over the whole server: back-dated facts, closed months, and who may do what.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::period::Period;
use domain::user::{Home, Role};
use serde_json::{Value, json};
use tests::app::PASSWORD;
use tests::process::stentor;
use tests::scenario::{Reseller, email, new_customer, new_reseller};
use tests::{TestApp, TestClient};

fn told(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The first instant of the month after `now`'s.
fn next_month(now: DateTime<Utc>) -> DateTime<Utc> {
    Period::of(now).end()
}

struct Books {
    app: TestApp,
    admin: TestClient,
    reseller: Reseller,
    /// The month in which everything began.
    first: Period,
    opened: DateTime<Utc>,
}

impl Books {
    async fn open() -> Self {
        let app = TestApp::start().await;
        // The middle of a month, so that all that follows lies in it.
        let now = app.parts.clock.now();
        app.parts
            .clock
            .advance(next_month(now) + TimeDelta::days(10) - now);
        let admin = app.admin().await;
        let reseller = app.reseller_with(&admin, 100).await;
        let opened = app.parts.clock.now();
        Self {
            first: Period::of(opened),
            app,
            admin,
            reseller,
            opened,
        }
    }

    /// Lets time pass up to the first day of the next month; tokens are renewed.
    fn enter_next_month(&mut self) {
        let now = self.app.parts.clock.now();
        self.app.parts.clock.advance(next_month(now) - now);
        self.admin = self.app.renewed(&self.admin);
        self.reseller.client = self.app.renewed(&self.reseller.client);
    }

    async fn adjust(&self, body: Value) -> tests::client::Answer {
        let path = format!("/api/admin/resellers/{}/credits/adjustments", self.reseller.id);
        self.admin.post(&path, body).await
    }

    async fn close(&self, period: impl ToString) -> tests::client::Answer {
        let path = format!("/api/admin/periods/{}/close", period.to_string());
        self.admin.post(&path, json!({})).await
    }

    async fn balance(&self, as_of: Option<DateTime<Utc>>, known_at: Option<String>) -> i64 {
        self.app.settle().await;
        let query = "query ($id: ID, $asOf: DateTime, $knownAt: DateTime) {
            creditBalance(resellerId: $id, asOf: $asOf, knownAt: $knownAt) }";
        let variables = json!({"id": self.reseller.id, "asOf": as_of.map(told), "knownAt": known_at});
        let data = self.admin.query(query, variables).await;
        data["creditBalance"].as_i64().unwrap()
    }
}

fn bonus(credits: i64, happened_at: Option<DateTime<Utc>>) -> Value {
    let mut body = json!({"kind": "bonus", "credits": credits, "note": "goodwill"});
    if let Some(happened_at) = happened_at {
        body["happenedAt"] = json!(told(happened_at));
    }
    body
}

#[actix_web::test]
async fn a_fact_recorded_late_changes_what_was_and_not_what_was_known() {
    let mut books = Books::open().await;
    books.adjust(bonus(10, None)).await.ok();
    books.app.settle().await;
    let newest =
        "{ postings(first: 1) { nodes { amount knownAt happenedAt period originPeriod late commandId } } }";
    let known_then = books.admin.query(newest, json!({})).await["postings"]["nodes"][0]["knownAt"]
        .as_str()
        .unwrap()
        .to_owned();
    let end_of_month = books.first.end() - TimeDelta::seconds(1);
    assert_eq!(books.balance(Some(end_of_month), None).await, 110);
    books.enter_next_month();
    let happened = books.opened + TimeDelta::days(1);
    books.adjust(bonus(5, Some(happened))).await.ok();
    assert_eq!(
        books.balance(Some(end_of_month), None).await,
        115,
        "it happened then"
    );
    assert_eq!(
        books.balance(Some(end_of_month), Some(known_then)).await,
        110,
        "nobody knew"
    );
    assert_eq!(
        books.balance(Some(happened - TimeDelta::seconds(1)), None).await,
        110
    );
    let posting = books.admin.query(newest, json!({})).await["postings"]["nodes"][0].clone();
    assert_eq!(
        posting["period"],
        json!(books.first.to_string()),
        "the month is still open"
    );
    assert_eq!(posting["late"], json!(false));
    assert!(books.app.audit().await.is_clean());
}

#[actix_web::test]
async fn nothing_happens_in_the_future_or_before_the_account_was_opened() {
    let books = Books::open().await;
    let now = books.app.parts.clock.now();
    let refused = books.adjust(bonus(5, Some(now + TimeDelta::hours(1)))).await;
    assert_eq!((refused.refusal().0, refused.code()), (400, "HAPPENED_IN_FUTURE"));
    let refused = books
        .adjust(bonus(5, Some(books.opened - TimeDelta::hours(1))))
        .await;
    assert_eq!(
        (refused.refusal().0, refused.code()),
        (409, "HAPPENED_BEFORE_ACCOUNT")
    );
    let path = format!("/api/admin/resellers/{}/credits/purchases", books.reseller.id);
    let sale = json!({"packCode": "starter", "happenedAt": told(now + TimeDelta::hours(1))});
    assert_eq!(books.admin.post(&path, sale).await.code(), "HAPPENED_IN_FUTURE");
    // A reseller's own commands happen when they are given.
    let mut customer = new_customer(&email("carl"), "basic", 10);
    customer["happenedAt"] = json!(told(books.opened));
    let refused = books
        .reseller
        .client
        .post("/api/reseller/customers", customer)
        .await;
    assert_eq!(refused.code(), "INVALID_INPUT");
}

#[actix_web::test]
async fn the_platform_extends_a_customer_with_effect_on_an_earlier_day() {
    let books = Books::open().await;
    let customer = books.app.customer_of(&books.reseller, "basic").await;
    let path = format!(
        "/api/admin/resellers/{}/customers/{}/extensions",
        books.reseller.id, customer.id
    );
    let body = json!({"days": 5, "happenedAt": told(books.opened)});
    let extended = books.admin.post(&path, body.clone()).await.ok();
    assert_eq!(
        (&extended["debited"], &extended["balance"]),
        (&json!(5), &json!(65))
    );
    let foreign = path.replace(&customer.id, &uuid::Uuid::new_v4().to_string());
    assert_eq!(
        books.admin.post(&foreign, body.clone()).await.code(),
        "CUSTOMER_NOT_FOUND"
    );
    assert_eq!(books.reseller.client.post(&path, body).await.refusal().0, 403);
    assert!(books.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_customer_created_late_counts_from_when_it_happened_and_is_known_from_when_it_was_recorded() {
    let mut books = Books::open().await;
    books.app.settle().await;
    let newest = "{ postings(first: 1) { nodes { knownAt } } }";
    let known_then = books.admin.query(newest, json!({})).await["postings"]["nodes"][0]["knownAt"].clone();
    books.enter_next_month();
    let happened = books.opened + TimeDelta::days(1);
    let path = format!("/api/admin/resellers/{}/customers", books.reseller.id);
    let mut customer = new_customer(&email("carl"), "basic", 40);
    customer["happenedAt"] = json!(told(happened));
    let created = books.admin.post(&path, customer.clone()).await.ok();
    assert_eq!(
        (&created["debited"], &created["balance"]),
        (&json!(40), &json!(60))
    );
    assert_eq!(created["expiresAt"], json!(told(happened + TimeDelta::days(40))));
    books.app.settle().await;
    let query = "query ($asOf: DateTime, $knownAt: DateTime) { dashboard(asOf: $asOf, knownAt: $knownAt) {
        customersTotal customersActive newThisMonth balanceDays usedThisMonth
        lastTransactions { kind amount } recentActivity { kind } } }";
    let on_day = told(happened + TimeDelta::days(1));
    let reseller = &books.reseller.client;
    let then = reseller.query(query, json!({"asOf": on_day})).await["dashboard"].clone();
    let figures = [
        "customersTotal",
        "customersActive",
        "newThisMonth",
        "balanceDays",
        "usedThisMonth",
    ];
    let of = |dashboard: &Value| figures.map(|figure| dashboard[figure].as_i64().unwrap());
    assert_eq!(of(&then), [1, 1, 1, 60, 40], "it had happened: {then}");
    assert_eq!(
        then["lastTransactions"],
        json!([{"kind": "DEBIT", "amount": -40}, {"kind": "BONUS", "amount": 100}])
    );
    let kinds = |dashboard: &Value| dashboard["recentActivity"].to_string();
    assert!(!kinds(&then).contains("TenantCreated"), "done only later: {then}");
    let variables = json!({"asOf": on_day, "knownAt": known_then});
    let believed = reseller.query(query, variables).await["dashboard"].clone();
    assert_eq!(of(&believed), [0, 0, 0, 100, 0], "nobody knew: {believed}");
    assert_eq!(
        believed["lastTransactions"],
        json!([{"kind": "BONUS", "amount": 100}])
    );
    let now = reseller.query(query, json!({})).await["dashboard"].clone();
    assert_eq!(of(&now), [1, 1, 0, 60, 0], "not of this month: {now}");
    assert!(kinds(&now).contains("TenantCreated"), "{now}");
    customer["happenedAt"] = json!(told(books.opened - TimeDelta::days(1)));
    let refused = books.admin.post(&path, customer.clone()).await;
    assert_eq!(refused.code(), "HAPPENED_BEFORE_ACCOUNT");
    assert_eq!(reseller.post(&path, customer.clone()).await.refusal().0, 403);
    let unknown = path.replace(&books.reseller.id, &uuid::Uuid::new_v4().to_string());
    customer["happenedAt"] = Value::Null;
    assert_eq!(
        books.admin.post(&unknown, customer).await.code(),
        "RESELLER_NOT_FOUND"
    );
    assert!(books.app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_month_is_closed_once_in_order_and_stays_as_it_was() {
    let mut books = Books::open().await;
    let (first, second) = (books.first, books.first.next());
    assert_eq!(books.close(first).await.code(), "PERIOD_NOT_OVER");
    assert_eq!(books.close("2026-13").await.code(), "INVALID_PERIOD");
    books.enter_next_month();
    let closed = books.close(first).await.ok();
    assert_eq!(closed["entries"], json!(1));
    let again = books.close(first).await.ok();
    assert_eq!(
        again["digest"], closed["digest"],
        "closing again answers the first close"
    );
    books.enter_next_month();
    let refused = books.close(second.next()).await;
    assert_eq!((refused.refusal().0, refused.code()), (409, "PERIOD_NOT_OVER"));
    // Late: it happened in the closed month.
    books
        .adjust(bonus(7, Some(books.opened + TimeDelta::days(1))))
        .await
        .ok();
    books.app.settle().await;
    let query = "query ($period: String) {
        periods { closed { period entries digest closedBy lines { account unit debits credits } }
                  next { period closable } }
        trialBalance(period: $period) { balanced credits { bonus available holds } }
        postings(first: 2) { nodes { account amount period originPeriod late } }
        ledgerViolations { rule } }";
    let data = books
        .admin
        .query(query, json!({"period": first.to_string()}))
        .await;
    assert_eq!(data["periods"]["closed"][0]["digest"], closed["digest"]);
    assert_eq!(
        data["periods"]["next"],
        json!({"period": second.to_string(), "closable": true})
    );
    let balance = &data["trialBalance"];
    assert_eq!(
        (&balance["balanced"], &balance["credits"]["holds"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        balance["credits"]["available"],
        json!(100),
        "without what came late"
    );
    let posting = &data["postings"]["nodes"][1];
    assert_eq!(
        (&posting["period"], &posting["originPeriod"], &posting["late"]),
        (
            &json!(second.to_string()),
            &json!(first.to_string()),
            &json!(true)
        )
    );
    assert_eq!(data["ledgerViolations"], json!([]));
    assert_eq!(books.close(second).await.ok()["entries"], json!(2));
    assert!(books.app.audit().await.is_clean());
}

#[actix_web::test]
async fn the_command_line_refuses_in_one_line() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.reseller_with(&admin, 10).await;
    let month = Period::of(app.parts.clock.now());
    let refused = stentor(&app.config, &["periods", "close", &month.to_string()]).await;
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    let first_day = month.end().format("%Y-%m-%d");
    let expected = format!(
        "stentor: PERIOD_NOT_OVER: {month} has not ended yet: close it on {first_day} or later (a month ends at \
         midnight UTC)\n"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
    assert_eq!(told, expected);
}

#[actix_web::test]
async fn commands_under_way_while_a_month_is_closed_are_in_it_or_late() {
    let mut books = Books::open().await;
    books.enter_next_month();
    let happened = books.opened + TimeDelta::days(1);
    let adjusting = (0..24).map(|_| books.adjust(bonus(1, Some(happened))));
    let (closed, adjusted) = futures::join!(books.close(books.first), futures::future::join_all(adjusting));
    let closed = closed.ok();
    for answer in adjusted {
        answer.ok();
    }
    books.app.settle().await;
    let query = "query ($period: String) { trialBalance(period: $period) { credits { available } }
        ledgerViolations { rule }
        postings(first: 100) { nodes { account amount late } } }";
    let data = books
        .admin
        .query(query, json!({"period": books.first.to_string()}))
        .await;
    assert_eq!(
        data["ledgerViolations"],
        json!([]),
        "the journal gives the digest of the close"
    );
    let mut counted = HashMap::<bool, i64>::new();
    for posting in data["postings"]["nodes"].as_array().unwrap() {
        if posting["account"] == "CREDITS_AVAILABLE" {
            *counted.entry(posting["late"].as_bool().unwrap()).or_default() +=
                posting["amount"].as_i64().unwrap();
        }
    }
    let (on_time, late) = (counted[&false], counted.get(&true).copied().unwrap_or_default());
    assert_eq!(on_time + late, 124, "none is lost");
    assert_eq!(data["trialBalance"]["credits"]["available"], json!(on_time));
    assert_eq!(closed["entries"], json!(on_time - 100 + 1));
    assert!(books.app.audit().await.is_clean());
}

#[actix_web::test]
async fn finance_closes_the_books_and_resellers_do_not_see_them() {
    let mut books = Books::open().await;
    let principal = platform::Principal {
        user_id: domain::ids::UserId(uuid::Uuid::now_v7()),
        role: Role::PlatformFinance,
        home: Home::Platform,
        access: platform::Access::PASSWORD,
    };
    books.enter_next_month();
    let signer = books.app.parts.write_side().signer;
    let (token, _) = signer.access(&principal, books.app.parts.clock.now()).unwrap();
    let finance = books.admin.with_token(&token);
    let path = format!("/api/admin/periods/{}/close", books.first);
    assert_eq!(
        books.reseller.client.post(&path, json!({})).await.code(),
        "FORBIDDEN"
    );
    finance.post(&path, json!({})).await.ok();
    let sale = json!({"kind": "bonus", "credits": 1, "note": "not finance's to give"});
    let adjustments = format!("/api/admin/resellers/{}/credits/adjustments", books.reseller.id);
    assert_eq!(finance.post(&adjustments, sale).await.code(), "FORBIDDEN");
    let other = books
        .admin
        .post("/api/admin/resellers", new_reseller(&email("olaf")))
        .await
        .ok();
    books.app.settle().await;
    let query = "query ($id: ID) { trialBalance(resellerId: $id) { lines { account debits } } }";
    let reseller = &books.reseller.client;
    let own = reseller.query(query, json!({"id": null})).await;
    assert_eq!(own["trialBalance"]["lines"].as_array().unwrap().len(), 2);
    let foreign = reseller.query(query, json!({"id": other["resellerId"]})).await;
    assert_eq!(foreign["trialBalance"]["lines"], json!([]));
    for query in [
        "{ periods { closed { digest } } }",
        "{ ledgerViolations { rule } }",
    ] {
        let answer = reseller.graphql(query, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    }
    let mail = email("carl");
    let created = reseller
        .post("/api/reseller/customers", new_customer(&mail, "basic", 10))
        .await;
    created.ok();
    let customer = books.app.signed_in(&mail, PASSWORD).await;
    let answer = customer.graphql("{ trialBalance { balanced } }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
}
