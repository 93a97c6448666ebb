//! Acting as somebody else: who may, what it opens, how it ends, and who sees it.

use chrono::TimeDelta;
use reqwest::Client;
use serde_json::{Value, json};
use tests::app::PASSWORD;
use tests::client::read;
use tests::scenario::new_customer;
use tests::{Answer, TestApp, TestClient};
use uuid::Uuid;

/// A browser that is signed in: its cookies, and the token that goes with them.
struct Browser {
    url: String,
    http: Client,
    csrf: String,
}

impl Browser {
    async fn sign_in(app: &TestApp, email: &str) -> Self {
        let mut browser = Self {
            url: app.url.clone(),
            http: Client::builder().cookie_store(true).no_proxy().build().unwrap(),
            csrf: String::new(),
        };
        let person = json!({"email": email, "password": PASSWORD});
        let session = browser.post("/api/auth/sign-in", person).await.ok();
        browser.csrf = session["csrfToken"].as_str().unwrap().to_owned();
        browser
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("Idempotency-Key", Uuid::new_v4().to_string())
            .header("X-CSRF-Token", &self.csrf)
            .json(&body);
        read(request.send().await.unwrap()).await
    }

    async fn session(&mut self) -> Answer {
        let answer = self
            .http
            .get(format!("{}/api/auth/session", self.url))
            .send()
            .await;
        let answer = read(answer.unwrap()).await;
        if let Some(csrf) = answer.body["csrfToken"].as_str() {
            csrf.clone_into(&mut self.csrf);
        }
        answer
    }

    /// Begins to act as a user.
    async fn act_as(&mut self, user_id: &str, body: Value) -> Value {
        let begun = self.post(&path_of(user_id), body).await.ok();
        begun["csrfToken"].as_str().unwrap().clone_into(&mut self.csrf);
        begun
    }

    /// A client with a token of the present session.
    async fn client(&self, app: &TestApp) -> TestClient {
        let token = self.post("/api/auth/token", json!({})).await.ok();
        app.client().with_token(token["accessToken"].as_str().unwrap())
    }
}

fn path_of(user_id: &str) -> String {
    format!("/api/users/{user_id}/impersonation")
}

const WHO: &str = "{ viewer { id } }";

#[actix_web::test]
async fn support_looks_with_the_customers_eyes_and_comes_back() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "basic").await;
    let mut browser = Browser::sign_in(&app, "ada@platform.test").await;
    let begun = browser
        .act_as(&customer.user_id, json!({"reason": "Ticket 7: nothing plays"}))
        .await;
    let session = browser.session().await.ok();
    assert_eq!(session["user"]["id"], customer.user_id);
    assert_eq!(session["user"]["audience"], "portal");
    assert_eq!(
        session["impersonation"],
        json!({"byName": "Ada Admin", "write": false, "endsAt": begun["endsAt"]})
    );
    let eyes = browser.client(&app).await;
    assert_eq!(eyes.query(WHO, json!({})).await["viewer"]["id"], customer.user_id);
    let added = eyes
        .post(
            "/api/workflows",
            json!({"name": "x", "graph": {"nodes": [], "edges": []}}),
        )
        .await;
    assert_eq!(added.code(), "IMPERSONATION_READ_ONLY");
    let own = browser.post("/api/user/name", json!({"name": "Somebody"})).await;
    assert_eq!(own.code(), "IMPERSONATION_FORBIDS");

    browser.post("/api/user/impersonation/end", json!({})).await.ok();
    let session = browser.session().await.ok();
    assert_eq!(session["user"]["email"], "ada@platform.test");
    assert_eq!(session["impersonation"], Value::Null);
    assert!(eyes.is_shut_out().await, "its tokens end with it");
    let again = browser.post("/api/user/impersonation/end", json!({})).await;
    assert_eq!(again.code(), "IMPERSONATION_ENDED");
}

#[actix_web::test]
async fn both_identities_stand_on_every_event_and_the_person_sees_it() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let owner = reseller.client.query(WHO, json!({})).await["viewer"]["id"].clone();
    let mut browser = Browser::sign_in(&app, "ada@platform.test").await;
    let wanted = json!({"reason": "Asked on the phone", "write": true, "minutes": 5});
    browser.act_as(owner.as_str().unwrap(), wanted).await;
    let created = browser
        .post(
            "/api/reseller/customers",
            new_customer("new@customer.test", "basic", 1),
        )
        .await
        .ok();
    let by: Vec<(String, String)> = sqlx::query_as(
        "SELECT DISTINCT metadata ->> 'actor', e.metadata ->> 'impersonator' FROM es.events e
         WHERE metadata ->> 'tenant_id' = $1",
    )
    .bind(created["tenantId"].as_str().unwrap())
    .fetch_all(&app.parts.commands)
    .await
    .unwrap();
    let ada = admin.query(WHO, json!({})).await["viewer"]["id"].clone();
    let (owner, ada) = (
        owner.as_str().unwrap().to_owned(),
        ada.as_str().unwrap().to_owned(),
    );
    assert_eq!(by, [(owner, ada)]);
    browser.post("/api/user/impersonation/end", json!({})).await.ok();
    app.settle().await;
    let list = "{ impersonations { nodes { userName byName reason write endedAt } } }";
    let seen = reseller.client.query(list, json!({})).await;
    let row = &seen["impersonations"]["nodes"][0];
    assert_eq!(
        (&row["reason"], &row["write"], &row["byName"]),
        (&json!("Asked on the phone"), &json!(true), &Value::Null),
        "who of the platform it was is the platform's to tell"
    );
    assert!(row["endedAt"].is_string());
    let seen = admin.query(list, json!({})).await;
    assert_eq!(seen["impersonations"]["nodes"][0]["byName"], "Ada Admin");
    let stranger = app.reseller_with(&admin, 0).await;
    let foreign = stranger.client.query(list, json!({})).await;
    assert_eq!(foreign["impersonations"]["nodes"], json!([]));
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn nobody_acts_as_colleagues_strangers_or_from_within() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "basic").await;
    let stranger = app.reseller_with(&admin, 0).await;
    let why = json!({"reason": "curious"});
    let asked = async |client: &TestClient, id: &str, body: &Value| {
        let answer = client.post(&path_of(id), body.clone()).await;
        (answer.status.as_u16(), answer.code().to_owned())
    };
    let refused = |status, code: &str| (status, code.to_owned());
    let owner = reseller.client.query(WHO, json!({})).await["viewer"]["id"].clone();
    let ada = admin.query(WHO, json!({})).await["viewer"]["id"].clone();
    let id = customer.user_id.as_str();
    for (client, whom, body, expected) in [
        (&customer.client, id, &why, refused(403, "FORBIDDEN")),
        (&stranger.client, id, &why, refused(404, "USER_NOT_FOUND")),
        (
            &reseller.client,
            owner.as_str().unwrap(),
            &why,
            refused(403, "NOT_IMPERSONABLE"),
        ),
        (
            &admin,
            ada.as_str().unwrap(),
            &why,
            refused(403, "NOT_IMPERSONABLE"),
        ),
        (
            &admin,
            id,
            &json!({"reason": " "}),
            refused(400, "INVALID_REASON"),
        ),
        (
            &admin,
            id,
            &json!({"reason": "x", "minutes": 61}),
            refused(400, "INVALID_DURATION"),
        ),
    ] {
        assert_eq!(asked(client, whom, body).await, expected);
    }
    let mut browser = Browser::sign_in(&app, "ada@platform.test").await;
    browser
        .act_as(owner.as_str().unwrap(), json!({"reason": "r", "write": true}))
        .await;
    let within = browser.post(&path_of(id), why).await;
    assert_eq!(within.code(), "IMPERSONATION_FORBIDS");
}

#[actix_web::test]
async fn it_ends_by_itself_and_with_the_rights_of_who_acts() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "basic").await;
    let mut browser = Browser::sign_in(&app, "ada@platform.test").await;
    let begun = browser
        .act_as(&customer.user_id, json!({"reason": "r", "minutes": 2}))
        .await;
    let token = browser.post("/api/auth/token", json!({})).await.ok();
    assert_eq!(
        token["expiresAt"].as_str().unwrap()[..19],
        begun["endsAt"].as_str().unwrap()[..19],
        "a token lasts no longer than what it was made from"
    );
    app.parts.clock.advance(TimeDelta::minutes(3));
    assert_eq!(browser.session().await.code(), "UNAUTHENTICATED");

    let mut second = Browser::sign_in(&app, &reseller.email).await;
    second.act_as(&customer.user_id, json!({"reason": "r"})).await;
    second.post("/api/auth/token", json!({})).await.ok();
    let admin = app.renewed(&admin);
    let path = format!("/api/admin/resellers/{}/suspend", reseller.id);
    admin.post(&path, json!({"reason": "unpaid"})).await.ok();
    let after = second.post("/api/auth/token", json!({})).await;
    assert_eq!(after.code(), "UNAUTHENTICATED");
}
