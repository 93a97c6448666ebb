//! A dry run of every command: it stores nothing, and what it tells is what the command then does.

use std::cell::RefCell;
use std::collections::HashSet;

use commands::rest::openapi::Document;
use domain::user::{Home, Role as UserRole};
use reqwest::Method;
use serde_json::{Value, json};
use server::Role;
use sqlx::PgPool;
use store::database::DatabaseRole;
use tests::app::PASSWORD;
use tests::client::read;
use tests::scenario::{email, new_customer, new_reseller, recording};
use tests::{Answer, TestApp, TestClient};
use utoipa::OpenApi;
use uuid::Uuid;

/// Commands that have no dry run here: whose callers are not signed in, what appends nothing by itself, and bulks,
/// which have tests of their own.
const NOT_TRIED: [&str; 6] = [
    "POST /admin/store-events/{event}/retry",
    "POST /onboarding/applications",
    "POST /reseller/bulk",
    "POST /admin/bulk",
    "POST /reseller/bulk/{id}/cancel",
    "POST /admin/bulk/{id}/cancel",
];

/// Method and pattern of every command.
fn commands() -> HashSet<String> {
    let document = serde_json::to_value(Document::openapi()).unwrap();
    let mut commands = HashSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let parameters = operation["parameters"].as_array();
            if parameters
                .into_iter()
                .flatten()
                .any(|one| one["name"] == "Idempotency-Key")
            {
                commands.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    assert!(commands.len() >= 85, "{}", commands.len());
    commands
}

/// Sends everything twice: as a dry run, and then for good.
struct Rehearsal {
    app: TestApp,
    owner: PgPool,
    tables: String,
    left: RefCell<HashSet<String>>,
}

impl Rehearsal {
    async fn new() -> Self {
        // Without projections: nothing but commands changes a table, besides what the dispatcher keeps.
        let app = TestApp::with(&[Role::Commands], |config| {
            config.onboarding.open = true;
            // Nothing is dispatched: what the dispatcher appends would be in the way.
            config.broker.url = "amqp://127.0.0.1:1".to_owned();
        })
        .await;
        let owner = app.database.pool(DatabaseRole::Owner).await;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT format('SELECT %L AS name, count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)), 0)::text
                            AS content FROM %I.%I t', schemaname || '.' || tablename, schemaname, tablename)
             FROM pg_tables WHERE schemaname IN ('es', 'auth', 'work', 'read', 'live')
               AND (schemaname, tablename) NOT IN (('es', 'checkpoints'), ('work', 'queue'))",
        )
        .fetch_all(&owner)
        .await
        .unwrap();
        Self {
            app,
            owner,
            tables: tables.join(" UNION ALL ") + " ORDER BY name",
            left: RefCell::new(commands()),
        }
    }

    async fn snapshot(&self) -> Vec<(String, i64, String)> {
        // Timers that are due are worked on meanwhile.
        while 0 < sqlx::query_scalar::<_, i64>("SELECT count(*) FROM es.timers WHERE due_at <= $1")
            .bind(self.app.parts.clock.now())
            .fetch_one(&self.owner)
            .await
            .unwrap()
        {}
        sqlx::query_as(&self.tables).fetch_all(&self.owner).await.unwrap()
    }

    async fn event_types_after(&self, position: i64) -> Vec<String> {
        sqlx::query_scalar("SELECT event_type FROM es.events WHERE position > $1 ORDER BY position")
            .bind(position)
            .fetch_all(&self.owner)
            .await
            .unwrap()
    }

    async fn head(&self) -> i64 {
        sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM es.events")
            .fetch_one(&self.owner)
            .await
            .unwrap()
    }

    async fn send(&self, request: reqwest::RequestBuilder, body: &Body) -> Answer {
        let request = match body {
            Body::Json(body) => request.json(body),
            Body::Bytes(bytes) => request.body(bytes.clone()),
        };
        read(request.send().await.unwrap()).await
    }

    /// Tries a command, looks that nothing was stored, carries it out, and compares.
    async fn both(&self, client: &TestClient, method: Method, path: &str, body: Body) -> Value {
        let (before, head) = (self.snapshot().await, self.head().await);
        let key = Uuid::new_v4().to_string();
        let request = || {
            client
                .request(method.clone(), path)
                .header("Idempotency-Key", &key)
        };
        let tried = self.send(request().header("Dry-Run", "true"), &body).await;
        assert!(
            tried.status.is_success(),
            "{method} {path}: {} {}",
            tried.status,
            tried.body
        );
        let tried = tried.body;
        assert_eq!(
            self.snapshot().await,
            before,
            "{method} {path} left something behind"
        );
        let done = self.send(request(), &body).await;
        assert!(
            done.status.is_success(),
            "{method} {path}: {} {}",
            done.status,
            done.body
        );
        let types: Vec<_> = tried["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["eventType"].clone())
            .collect();
        assert_eq!(
            json!(types),
            json!(self.event_types_after(head).await),
            "{method} {path}"
        );
        assert_eq!(tried["status"], done.status.as_u16(), "{method} {path}");
        assert_eq!(tried["repeats"], json!(false));
        let fields = |answer: &Value| -> HashSet<String> {
            let hidden = [
                "position",
                "temporaryPassword",
                "secret",
                "link",
                "recoveryCodes",
                "csrfToken",
            ];
            let fields = answer
                .as_object()
                .into_iter()
                .flat_map(|fields| fields.keys().cloned());
            fields.filter(|field| !hidden.contains(&field.as_str())).collect()
        };
        assert_eq!(fields(&tried["answer"]), fields(&done.body), "{method} {path}");
        for unit in ["credits", "EUR", "USD"] {
            let postings = tried["postings"].as_array().unwrap().iter();
            let sum: i64 = postings
                .filter(|posting| posting["unit"] == unit)
                .map(|posting| posting["amount"].as_i64().unwrap())
                .sum();
            assert_eq!(sum, 0, "{method} {path}");
        }
        self.covered(&method, path);
        done.body
    }

    fn covered(&self, method: &Method, path: &str) {
        let path = path
            .split('?')
            .next()
            .and_then(|path| path.strip_prefix("/api"))
            .unwrap();
        let sent: Vec<_> = path.split('/').collect();
        self.left.borrow_mut().retain(|command| {
            let (known, pattern) = command.split_once(' ').unwrap();
            let pattern: Vec<_> = pattern.split('/').collect();
            let fits = pattern.len() == sent.len()
                && pattern
                    .iter()
                    .zip(&sent)
                    .all(|(wanted, segment)| wanted == segment || wanted.starts_with('{'));
            !(fits && known == method.as_str())
        });
    }

    async fn post(&self, client: &TestClient, path: &str, body: Value) -> Value {
        self.both(client, Method::POST, path, Body::Json(body)).await
    }

    async fn put(&self, client: &TestClient, path: &str, body: Value) -> Value {
        self.both(client, Method::PUT, path, Body::Json(body)).await
    }

    /// Tokens that are made in the second of a revocation are over too.
    fn pause(&self) {
        self.app.parts.clock.advance(chrono::TimeDelta::seconds(2));
    }

    async fn signed_in(&self, email: &str) -> TestClient {
        self.app.signed_in(email, PASSWORD).await
    }
}

enum Body {
    Json(Value),
    Bytes(Vec<u8>),
}

fn id(answer: &Value, field: &str) -> String {
    answer[field]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

fn because() -> Value {
    json!({"reason": "because", "comment": "ticket 4711"})
}

#[actix_web::test]
async fn every_command_can_be_tried_and_then_does_what_the_dry_run_told() {
    let all = Rehearsal::new().await;
    let admin = all.app.admin().await;
    let reseller = resellers(&all, &admin).await;
    let (admin, reseller) = a_month_passes(&all, admin, reseller).await;
    credits(&all, &admin, &reseller).await;
    let customer = customers(&all, &admin, &reseller).await;
    tiers_and_stores(&all, &admin, &customer).await;
    money(&all, &admin, &reseller).await;
    people(&all, &admin, &reseller).await;
    second_factor(&all, &admin, &customer).await;
    work(&all, &customer).await;
    rights(&all, &admin, &reseller).await;
    impersonation(&all, &admin).await;
    let left: Vec<_> = all
        .left
        .take()
        .into_iter()
        .filter(|command| !NOT_TRIED.contains(&command.as_str()))
        .collect();
    assert!(left.is_empty(), "these commands have no dry run here: {left:#?}");
}

struct Seller {
    id: String,
    client: TestClient,
}

async fn resellers(all: &Rehearsal, admin: &TestClient) -> Seller {
    let owner = email("rita");
    let registered = all
        .post(admin, "/api/admin/resellers", new_reseller(&owner))
        .await;
    let (id, client) = (id(&registered, "resellerId"), all.signed_in(&owner).await);
    let below = all
        .post(&client, "/api/reseller/resellers", new_reseller(&email("sub")))
        .await;
    let sub = self::id(&below, "resellerId");
    for (who, area, of) in [(admin, "admin", &id), (&client, "reseller", &sub)] {
        let path = format!("/api/{area}/resellers/{of}");
        all.post(who, &format!("{path}/suspend"), because()).await;
        all.post(who, &format!("{path}/resume"), because()).await;
        all.put(who, &format!("{path}/limits"), json!({"customersMax": 50}))
            .await;
        all.put(who, &format!("{path}/profile"), json!({"phone": "+49 40 1"}))
            .await;
    }
    all.put(&client, "/api/reseller/profile", json!({"company": "North GmbH"}))
        .await;
    let path = format!("/api/reseller/resellers/{sub}");
    all.post(&client, &format!("{path}/close"), because()).await;
    all.post(&client, &format!("{path}/reopen"), because()).await;
    let other = all.app.reseller_with(admin, 0).await.id;
    let path = format!("/api/admin/resellers/{other}");
    all.post(admin, &format!("{path}/close"), because()).await;
    all.post(admin, &format!("{path}/reopen"), because()).await;
    let move_to = json!({"parentId": id, "reason": "because"});
    all.post(admin, &format!("{path}/move"), move_to).await;
    for answer in ["approve", "decline"] {
        let apply =
            json!({"name": "South", "contactPerson": "Sue", "email": email("sue"), "password": PASSWORD});
        let answered = all.app.client().post("/api/onboarding/applications", apply).await;
        assert!(answered.status.is_success(), "{}", answered.body);
        let applied: String = sqlx::query_scalar(
            "SELECT aggregate_id FROM es.events WHERE event_type = 'ResellerApplied' ORDER BY position DESC LIMIT 1",
        )
        .fetch_one(&all.owner)
        .await
        .unwrap();
        let body = match answer {
            "approve" => json!({"commissionRate": "0.1", "reason": "because"}),
            _ => because(),
        };
        all.post(admin, &format!("/api/admin/resellers/{applied}/{answer}"), body)
            .await;
    }
    Seller { id, client }
}

/// A contract, and what it asks for after a month.
async fn a_month_passes(all: &Rehearsal, admin: TestClient, reseller: Seller) -> (TestClient, Seller) {
    let own = format!("/api/admin/resellers/{}", reseller.id);
    let contracts = format!("{own}/contracts");
    for terms in [
        json!({"revenueShare": {"basis": "gross", "rate": "0.2", "currency": "EUR"}}),
        json!({"wholesale": {"monthlyFeeMinor": 2_000, "customerFeeMinor": 300, "currency": "USD"}}),
    ] {
        all.post(&admin, &contracts, terms).await;
    }
    let month = all.app.parts.clock.now().format("%Y-%m").to_string();
    all.app.parts.clock.advance(chrono::TimeDelta::days(40));
    let admin = all.app.renewed(&admin);
    all.post(&admin, &format!("{own}/fees"), json!({"month": month}))
        .await;
    all.post(&admin, &format!("/api/admin/periods/{month}/close"), json!({}))
        .await;
    all.post(
        &admin,
        &format!("{own}/contracts/end"),
        json!({"kind": "wholesale"}),
    )
    .await;
    let client = all.app.renewed(&reseller.client);
    (admin, Seller { client, ..reseller })
}

async fn credits(all: &Rehearsal, admin: &TestClient, reseller: &Seller) {
    let pack = json!({"name": "Tiny", "credits": 10, "priceMinor": 500, "currency": "USD"});
    all.put(admin, "/api/admin/packs/tiny", pack.clone()).await;
    let own = format!("/api/admin/resellers/{}", reseller.id);
    all.put(admin, &format!("{own}/packs/tiny"), pack).await;
    let credits = format!("{own}/credits");
    all.post(
        admin,
        &format!("{credits}/purchases"),
        json!({"packCode": "tiny"}),
    )
    .await;
    all.post(admin, &format!("{own}/packs/tiny/retire"), json!({}))
        .await;
    all.post(admin, "/api/admin/packs/tiny/retire", json!({})).await;
    let bonus = json!({"kind": "bonus", "credits": 5_000, "note": "a start"});
    let given = all
        .post(admin, &format!("{credits}/adjustments"), bonus.clone())
        .await;
    all.post(
        admin,
        &format!("{credits}/reversals"),
        json!({"movement": given["movement"], "note": "n"}),
    )
    .await;
    admin.post(&format!("{credits}/adjustments"), bonus).await.ok();
    all.put(
        admin,
        &format!("{credits}/line"),
        json!({"limit": 10, "reason": "because"}),
    )
    .await;
    all.put(admin, &format!("{credits}/alerts"), json!({"thresholds": [10]}))
        .await;
    all.put(
        &reseller.client,
        "/api/reseller/credits/alerts",
        json!({"thresholds": [20]}),
    )
    .await;
    all.post(admin, &format!("{credits}/expiries"), json!({})).await;
    let below = reseller
        .client
        .post("/api/reseller/resellers", new_reseller(&email("sub")))
        .await
        .ok();
    let sub = id(&below, "resellerId");
    let transfer = json!({"toResellerId": sub, "credits": 3, "note": "n"});
    all.post(admin, &format!("{credits}/transfers"), transfer).await;
    let transfer = json!({"direction": "up", "credits": 2, "note": "n"});
    all.post(
        &reseller.client,
        &format!("/api/reseller/resellers/{sub}/credits/transfers"),
        transfer,
    )
    .await;
    let until = all.app.parts.clock.now() + chrono::TimeDelta::days(3);
    let path = "/api/reseller/credits/reservations";
    for (note, what, body) in [
        ("a", "capture", json!({"note": "n"})),
        ("b", "release", json!({})),
    ] {
        let hold = json!({"credits": 4, "expiresAt": until, "note": note});
        let held = match what {
            "capture" => all.post(&reseller.client, path, hold).await,
            _ => reseller.client.post(path, hold).await.ok(),
        };
        all.post(
            &reseller.client,
            &format!("{path}/{}/{what}", id(&held, "reservationId")),
            body,
        )
        .await;
    }
}

struct Buyer {
    id: String,
    email: String,
    client: TestClient,
}

async fn customers(all: &Rehearsal, admin: &TestClient, reseller: &Seller) -> Buyer {
    let (first, client) = (email("carl"), &reseller.client);
    let created = all
        .post(
            client,
            "/api/reseller/customers",
            new_customer(&first, "premium", 90),
        )
        .await;
    let customer = id(&created, "tenantId");
    let path = format!("/api/reseller/customers/{customer}");
    all.post(
        client,
        &format!("{path}/extensions"),
        json!({"days": 30, "comment": "paid in cash"}),
    )
    .await;
    all.put(client, &path, json!({"name": "Harbour FM"})).await;
    for what in [
        "suspend",
        "resume",
        "close",
        "reopen",
        "subscription/pause",
        "subscription/resume",
    ] {
        all.post(client, &format!("{path}/{what}"), because()).await;
    }
    all.put(
        client,
        &format!("{path}/subscription/auto-renewal"),
        json!({"days": 30}),
    )
    .await;
    all.post(
        client,
        &format!("{path}/plan-changes"),
        json!({"tier": "enterprise"}),
    )
    .await;
    let renewed = format!("/api/admin/customers/{customer}/grants");
    all.post(
        admin,
        &renewed,
        json!({"tier": "premium", "days": 3, "reason": "because"}),
    )
    .await;
    let on_behalf = format!("/api/admin/resellers/{}/customers", reseller.id);
    let other = all
        .post(admin, &on_behalf, new_customer(&email("otto"), "basic", 30))
        .await;
    let other = id(&other, "tenantId");
    all.post(
        admin,
        &format!("{on_behalf}/{other}/extensions"),
        json!({"days": 30}),
    )
    .await;
    let extended = client
        .post(
            &format!("/api/reseller/customers/{other}/extensions"),
            json!({"days": 1}),
        )
        .await
        .ok();
    assert!(extended["debited"].as_i64().unwrap() > 0);
    refund(all, admin, &reseller.id).await;
    let cancel = json!({"when": "now", "reason": "because"});
    all.post(
        client,
        &format!("/api/reseller/customers/{other}/subscription/cancel"),
        cancel,
    )
    .await;
    let below = client
        .post("/api/reseller/resellers", new_reseller(&email("sub")))
        .await
        .ok();
    let to = json!({"resellerId": below["resellerId"], "reason": "because"});
    all.post(client, &format!("/api/reseller/customers/{other}/move"), to)
        .await;
    let back = json!({"resellerId": reseller.id, "reason": "because"});
    all.post(admin, &format!("/api/admin/customers/{other}/move"), back)
        .await;
    let client = all.signed_in(&first).await;
    Buyer {
        id: customer,
        email: first,
        client,
    }
}

/// Gives back the last debit of the account, which is its last movement.
async fn refund(all: &Rehearsal, admin: &TestClient, reseller_id: &str) {
    let payload: Value = sqlx::query_scalar(
        "SELECT count(*)::text::jsonb FROM es.events e
         WHERE e.aggregate_type = 'credit_account' AND e.aggregate_id = $1 AND e.event_type NOT IN
               ('CreditAccountOpened', 'CreditLineSet', 'LowCreditAlertsSet', 'LowCreditReached')",
    )
    .bind(reseller_id)
    .fetch_one(&all.owner)
    .await
    .unwrap();
    let body = json!({"debit": payload, "note": "a mistake"});
    all.post(
        admin,
        &format!("/api/admin/resellers/{reseller_id}/credits/refunds"),
        body,
    )
    .await;
}

async fn tiers_and_stores(all: &Rehearsal, admin: &TestClient, customer: &Buyer) {
    let tier = json!({
        "name": "Gold", "rank": 25, "creditsPerDay": 3, "uploadBytesMax": 1_000, "concurrentJobsMax": 7,
        "diarization": true, "separation": false,
    });
    all.put(admin, "/api/admin/tiers/gold", tier).await;
    all.post(
        admin,
        "/api/admin/store-products",
        json!({"product": "gold_monthly", "tier": "gold"}),
    )
    .await;
    let link = json!({"appUserId": "rc-1", "customerId": customer.id});
    all.post(admin, "/api/admin/store-users/link", link).await;
    all.post(
        admin,
        "/api/admin/store-products/retire",
        json!({"product": "gold_monthly"}),
    )
    .await;
    all.post(admin, "/api/admin/tiers/gold/retire", json!({})).await;
}

async fn money(all: &Rehearsal, admin: &TestClient, reseller: &Seller) {
    let finance = finance(all, admin);
    let own = format!("/api/admin/resellers/{}", reseller.id);
    let sale =
        json!({"resellerId": reseller.id, "product": "premium", "grossMinor": 5_000, "currency": "EUR"});
    let sold = all.post(admin, "/api/admin/sales", sale.clone()).await;
    let path = format!("/api/admin/sales/{}", id(&sold, "saleId"));
    all.post(admin, &format!("{path}/refunds"), json!({"amountMinor": 100}))
        .await;
    all.post(admin, &format!("{path}/chargebacks"), json!({"amountMinor": 100}))
        .await;
    all.post(admin, &format!("{path}/refund-reversals"), json!({}))
        .await;
    let wanted = json!({"currency": "USD", "taxRate": "0.19"});
    let invoices = format!("{own}/invoices");
    all.post(admin, &invoices, wanted.clone()).await;
    all.post(admin, &format!("{invoices}/1/credit"), because()).await;
    let purchases = format!("{own}/credits/purchases");
    admin.post(&purchases, json!({"packCode": "starter"})).await.ok();
    let again = admin.post(&invoices, wanted).await.ok();
    let payment = format!("{invoices}/{}/payment", again["number"]);
    all.post(admin, &payment, json!({"reference": "SEPA 1"})).await;
    let runs = "/api/admin/payouts/EUR/runs";
    let at_once = json!({"holdingDays": 0, "minimumMinor": 0});
    let run = all.post(admin, runs, at_once.clone()).await;
    let first = format!("{runs}/{}", id(&run, "runId"));
    all.post(&finance, &format!("{first}/cancel"), because()).await;
    let run = admin.post(runs, at_once).await.ok();
    let second = format!("{runs}/{}", id(&run, "runId"));
    all.post(&finance, &format!("{second}/approve"), json!({})).await;
    all.post(&finance, &format!("{second}/pay"), json!({"reference": "SEPA 2"}))
        .await;
}

/// Somebody of the platform who is not the admin.
fn finance(all: &Rehearsal, admin: &TestClient) -> TestClient {
    let principal = platform::Principal {
        user_id: domain::ids::UserId(Uuid::now_v7()),
        role: UserRole::PlatformFinance,
        home: Home::Platform,
        access: platform::Access::PASSWORD,
    };
    let signer = all.app.parts.write_side().signer;
    let (token, _) = signer.access(&principal, all.app.parts.clock.now()).unwrap();
    admin.with_token(&token)
}

async fn people(all: &Rehearsal, admin: &TestClient, reseller: &Seller) {
    let client = &reseller.client;
    let invite = json!({"email": email("ida"), "role": "reseller_staff"});
    let invited = all.post(client, "/api/users/invitations", invite).await;
    let path = format!("/api/users/{}/invitation", id(&invited, "userId"));
    all.post(client, &format!("{path}/resend"), json!({})).await;
    all.post(client, &format!("{path}/revoke"), json!({})).await;
    let address = email("carl");
    let created = client
        .post("/api/reseller/customers", new_customer(&address, "basic", 30))
        .await
        .ok();
    let user = format!("/api/users/{}", id(&created, "userId"));
    all.post(client, &format!("{user}/name"), json!({"name": "Carla"}))
        .await;
    all.post(client, &format!("{user}/password-reset"), json!({}))
        .await;
    all.post(client, &format!("{user}/disable"), because()).await;
    all.post(client, &format!("{user}/enable"), because()).await;
    all.post(client, &format!("{user}/sessions/end"), because()).await;
    let erase = format!("/api/admin/users/{}/erase", id(&created, "userId"));
    all.post(admin, &erase, json!({"reason": "asked for it"})).await;
    let issued = all
        .post(
            client,
            "/api/api-keys",
            json!({"name": "shop", "scopes": ["read"]}),
        )
        .await;
    let key = format!("/api/api-keys/{}", id(&issued, "id"));
    all.post(client, &format!("{key}/rotate"), json!({})).await;
    all.post(client, &format!("{key}/revoke"), because()).await;
}

async fn rights(all: &Rehearsal, admin: &TestClient, reseller: &Seller) {
    let below = new_reseller(&email("rights"));
    let below = reseller.client.post("/api/reseller/resellers", below).await.ok();
    let below = id(&below, "resellerId");
    let template = |code: &str| format!("/api/admin/permission-templates/{code}");
    for code in ["first", "second"] {
        let granted = json!({"name": code, "permissions": ["canBulkOperations", "canViewCustomers"]});
        all.put(admin, &template(code), granted).await;
    }
    for (who, area, code) in [
        (admin, "admin", "first"),
        (&reseller.client, "reseller", "second"),
    ] {
        let path = format!("/api/{area}/resellers/{below}/permissions");
        all.put(who, &path, json!({"template": code, "reason": "agreed"}))
            .await;
        let one = format!("{path}/canBulkOperations");
        all.put(who, &one, json!({"granted": false, "reason": "agreed"}))
            .await;
        all.post(who, &format!("{one}/withdraw"), because()).await;
    }
    all.post(admin, &format!("{}/retire", template("first")), json!({}))
        .await;
}

async fn impersonation(all: &Rehearsal, admin: &TestClient) {
    let registered = admin
        .post("/api/admin/resellers", new_reseller(&email("seen")))
        .await
        .ok();
    let (user, reseller) = (id(&registered, "ownerUserId"), id(&registered, "resellerId"));
    let begin = format!("/api/users/{user}/impersonation");
    let begun = all.post(admin, &begin, because()).await;
    let principal = platform::Principal {
        user_id: domain::ids::UserId(user.parse().unwrap()),
        role: UserRole::ResellerOwner,
        home: Home::Reseller(domain::ids::ResellerId(reseller.parse().unwrap())),
        access: platform::Access::Impersonated {
            by: domain::ids::UserId(Uuid::now_v7()),
            session_id: id(&begun, "impersonationId").parse().unwrap(),
            write: false,
        },
    };
    let signer = all.app.parts.write_side().signer;
    let (token, _) = signer.access(&principal, all.app.parts.clock.now()).unwrap();
    let acting = admin.with_token(&token);
    all.post(&acting, "/api/user/impersonation/end", json!({})).await;
}

async fn second_factor(all: &Rehearsal, admin: &TestClient, customer: &Buyer) {
    let client = &customer.client;
    all.post(client, "/api/user/name", json!({"name": "Carlo"})).await;
    let enrol = async || {
        let enrolment = client.post("/api/user/totp", json!({})).await.ok();
        totp_rs::Totp::from_url(enrolment["uri"].as_str().unwrap()).unwrap()
    };
    let code = |totp: &totp_rs::Totp| {
        all.app.parts.clock.advance(chrono::TimeDelta::seconds(30));
        let now = u64::try_from(all.app.parts.clock.now().timestamp()).unwrap();
        totp.generate(now).to_string()
    };
    let totp = enrol().await;
    all.post(client, "/api/user/totp/confirm", json!({"code": code(&totp)}))
        .await;
    let both = json!({"password": PASSWORD, "code": code(&totp)});
    all.post(
        client,
        "/api/user/totp/recovery-codes",
        json!({"password": PASSWORD}),
    )
    .await;
    all.post(client, "/api/user/totp/disable", both).await;
    let totp = enrol().await;
    client
        .post("/api/user/totp/confirm", json!({"code": code(&totp)}))
        .await
        .ok();
    let user_id: String = sqlx::query_scalar(
        "SELECT aggregate_id FROM es.events WHERE event_type = 'TotpEnabled' ORDER BY position DESC LIMIT 1",
    )
    .fetch_one(&all.owner)
    .await
    .unwrap();
    all.post(admin, &format!("/api/users/{user_id}/totp/reset"), because())
        .await;
    all.post(
        admin,
        &format!("/api/users/{user_id}/role"),
        json!({"role": "customer_user"}),
    )
    .await;
    all.post(
        admin,
        &format!("/api/users/{user_id}/role"),
        json!({"role": "customer_admin"}),
    )
    .await;
    session(all, customer).await;
}

/// What a person does with the own sessions, which browsers have.
async fn session(all: &Rehearsal, customer: &Buyer) {
    let body = json!({"email": customer.email, "password": PASSWORD});
    for _ in 0..2 {
        all.app
            .client()
            .post("/api/auth/sign-in", body.clone())
            .await
            .ok();
    }
    all.pause();
    let client = all.signed_in(&customer.email).await;
    let sessions = client.get("/api/user/sessions").await.ok();
    let session = id(&sessions["sessions"][0], "id");
    all.post(&client, &format!("/api/user/sessions/{session}/end"), json!({}))
        .await;
    let client = all.signed_in(&customer.email).await;
    all.post(&client, "/api/user/sessions/end-others", json!({}))
        .await;
}

async fn work(all: &Rehearsal, customer: &Buyer) {
    all.pause();
    let client = &all.signed_in(&customer.email).await;
    let add = json!({"name": "Uma", "email": email("uma"), "role": "customer_user"});
    all.post(client, "/api/tenant/users", add).await;
    let wav = Body::Bytes(recording("speech-1.wav"));
    let uploaded = all
        .both(client, Method::POST, "/api/tenant/recordings?name=a.wav", wav)
        .await;
    let recording = &uploaded["recordingId"];
    let job = all
        .post(
            client,
            "/api/jobs",
            json!({"recordingId": recording, "model": "small"}),
        )
        .await;
    all.post(
        client,
        &format!("/api/jobs/{}/cancel", id(&job, "jobId")),
        json!({}),
    )
    .await;
    let drawn = json!({"name": "Talks", "graph": {
        "nodes": [
            {"id": "in", "type": "recording", "data": {}, "position": {"x": 0, "y": 0}},
            {"id": "hear", "type": "transcription", "data": {"model": "small", "language": "en", "task": "transcribe"}},
            {"id": "out", "type": "transcript", "data": {}},
        ],
        "edges": [{"id": "e1", "source": "in", "target": "hear"}, {"id": "e2", "source": "hear", "target": "out"}],
    }});
    let saved = all.post(client, "/api/workflows", drawn.clone()).await;
    let path = format!("/api/workflows/{}", id(&saved, "workflowId"));
    all.put(client, &path, drawn).await;
    let run = all
        .post(client, &format!("{path}/jobs"), json!({"recordingId": recording}))
        .await;
    client
        .post(&format!("/api/jobs/{}/cancel", id(&run, "jobId")), json!({}))
        .await
        .ok();
    let stored = format!("/api/tenant/recordings/{}", id(&uploaded, "recordingId"));
    all.both(client, Method::DELETE, &stored, Body::Json(json!({})))
        .await;
    all.both(client, Method::DELETE, &path, Body::Json(json!({})))
        .await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": "quite another one"});
    all.post(client, "/api/user/password", change).await;
}

#[actix_web::test]
async fn a_dry_run_is_refused_as_the_command_would_be_and_shows_no_secret() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 40).await;
    let path = "/api/reseller/customers";
    let try_out = async |key: &str, body: Value| {
        let request = reseller
            .client
            .request(Method::POST, path)
            .header("Idempotency-Key", key);
        read(
            request
                .header("Dry-Run", "true")
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let too_long = new_customer(&email("carl"), "basic", 41);
    assert_eq!(try_out("a", too_long).await.code(), "INSUFFICIENT_CREDITS");
    let address = email("carl");
    let mut body = new_customer(&address, "basic", 40);
    body["firstUser"].as_object_mut().unwrap().remove("password");
    body["comment"] = json!("by phone");
    let tried = try_out("b", body.clone()).await.ok();
    assert_eq!(tried["dryRun"], json!(true));
    assert_eq!(tried["answer"]["debited"], json!(40));
    assert!(tried["answer"]["temporaryPassword"].is_null() && tried["answer"]["position"].is_null());
    let told = tried["events"].to_string();
    assert!(
        told.contains("Harbour Radio") && told.contains(&address),
        "{told}"
    );
    let debit =
        json!({"resellerId": reseller.id, "account": "credits.spent", "unit": "credits", "amount": 40});
    assert!(
        tried["postings"].as_array().unwrap().contains(&debit),
        "{}",
        tried["postings"]
    );
    // All the credits are still there, and so is the address.
    let done = reseller.client.post_with_key(path, "b", body.clone()).await.ok();
    assert!(done["temporaryPassword"].is_string());
    let comment: String = sqlx::query_scalar(
        "SELECT DISTINCT metadata->>'comment' FROM es.events WHERE event_type = 'TenantCreated'",
    )
    .fetch_one(&app.parts.commands)
    .await
    .unwrap();
    assert_eq!(comment, "by phone");
    let again = try_out("b", body).await.ok();
    assert_eq!((&again["repeats"], &again["events"]), (&json!(true), &json!([])));
    let taken = try_out("c", new_customer(&address, "basic", 0)).await;
    assert!(taken.status.is_client_error(), "{}", taken.body);
}

#[actix_web::test]
async fn what_is_no_command_cannot_be_tried() {
    let app = TestApp::with(&Role::ALL, |config| config.onboarding.open = true).await;
    let admin = app.admin().await;
    let dry = |request: reqwest::RequestBuilder, value: &str| {
        request.header("Dry-Run", value).header("Idempotency-Key", "k")
    };
    let sign_in = app
        .client()
        .request(Method::POST, "/api/auth/token")
        .json(&json!({}));
    let refused = read(dry(sign_in, "true").send().await.unwrap()).await;
    assert_eq!(refused.refusal().0, 400);
    assert_eq!(refused.code(), "DRY_RUN_UNSUPPORTED");
    let apply = json!({"name": "South", "contactPerson": "Sue", "email": email("sue"), "password": PASSWORD});
    let request = app
        .client()
        .request(Method::POST, "/api/onboarding/applications")
        .json(&apply);
    let refused = read(dry(request, "true").send().await.unwrap()).await;
    assert_eq!(
        refused.code(),
        "DRY_RUN_UNSUPPORTED",
        "who is not signed in learns nothing"
    );
    let odd = admin
        .request(Method::POST, "/api/admin/resellers")
        .json(&json!({}));
    let refused = read(dry(odd, "perhaps").send().await.unwrap()).await;
    assert_eq!(
        refused.refusal(),
        (400, "INVALID_INPUT", "the header Dry-Run is true or false")
    );
    let comment = json!({"kind": "bonus", "credits": 1, "note": "n", "comment": 7});
    let path = format!("/api/admin/resellers/{}/credits/adjustments", Uuid::now_v7());
    let refused = admin.post(&path, comment).await;
    assert_eq!(
        refused.refusal().2,
        "comment is text of 1 to 500 characters, or left out"
    );
}
