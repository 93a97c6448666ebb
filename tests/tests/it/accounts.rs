//! People's accounts: names, roles, being disabled, and sessions that end everywhere at once.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::app::PASSWORD;
use tests::client::read;
use tests::process::Process;
use tests::scenario::{Reseller, email, new_reseller};
use tests::socket::Socket;
use tests::{TestApp, TestClient};
use uuid::Uuid;

/// A signed-in browser: its cookie, and what the server said of the session.
struct Browser {
    http: reqwest::Client,
    url: String,
    session: Value,
}

impl Browser {
    async fn sign_in(app: &TestApp, email: &str) -> Self {
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .no_proxy()
            .user_agent("Tester/1")
            .build()
            .unwrap();
        let credentials = json!({"email": email, "password": PASSWORD});
        let opened = http
            .post(format!("{}/api/auth/sign-in", app.url))
            .json(&credentials);
        let session = read(opened.send().await.unwrap()).await.ok();
        Self {
            http,
            url: app.url.clone(),
            session,
        }
    }

    async fn get(&self, path: &str) -> tests::Answer {
        let request = self.http.get(format!("{}{path}", self.url));
        read(request.send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> tests::Answer {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("X-CSRF-Token", self.session["csrfToken"].as_str().unwrap())
            .header("Idempotency-Key", Uuid::new_v4().to_string())
            .json(&body);
        read(request.send().await.unwrap()).await
    }

    async fn token(&self) -> String {
        let token = self.post("/api/auth/token", json!({})).await.ok();
        token["accessToken"].as_str().unwrap().to_owned()
    }

    async fn is_over(&self) -> bool {
        self.get("/api/auth/session").await.status == StatusCode::UNAUTHORIZED
    }
}

async fn add_user(admin: &TestClient, role: &str) -> (String, String) {
    let address = email("uma");
    let body = json!({"name": "Uma User", "email": address, "role": role, "password": PASSWORD});
    let added = admin.post("/api/tenant/users", body).await.ok();
    (added["userId"].as_str().unwrap().to_owned(), address)
}

#[actix_web::test]
async fn a_customers_admin_changes_names_and_roles_of_colleagues() {
    let app = TestApp::start().await;
    let customer = app.customer("basic").await;
    let (uma, address) = add_user(&customer.client, "customer_user").await;
    let colleague = app.signed_in(&address, PASSWORD).await;
    let renamed = json!({"name": "Uma Other"});
    assert_eq!(
        colleague
            .post(&format!("/api/users/{uma}/name"), renamed.clone())
            .await
            .code(),
        "FORBIDDEN"
    );
    customer
        .client
        .post(&format!("/api/users/{uma}/name"), renamed)
        .await
        .ok();
    let role = json!({"role": "customer_admin"});
    let done = customer
        .client
        .post(&format!("/api/users/{uma}/role"), role.clone())
        .await
        .ok();
    // The token of the old role is worth nothing; a new one is of the new role.
    assert!(colleague.is_shut_out().await);
    assert_eq!(
        colleague.graphql("{ viewer { id } }", json!({})).await["errors"][0]["extensions"]["code"],
        "UNAUTHENTICATED"
    );
    let colleague = app.signed_in(&address, PASSWORD).await;
    let shown = colleague
        .query(
            "query ($p: String!) { users(search: \"other\", minPosition: $p) { nodes { name role disabledAt totp } } }",
            json!({"p": done["position"]}),
        )
        .await;
    let expected =
        json!([{"name": "Uma Other", "role": "CUSTOMER_ADMIN", "disabledAt": null, "totp": false}]);
    assert_eq!(shown["users"]["nodes"], expected);
    let again = customer
        .client
        .post(&format!("/api/users/{uma}/role"), role)
        .await;
    assert_eq!(again.code(), "ROLE_UNCHANGED");
    let own = format!("/api/users/{}/role", customer.user_id);
    let answer = customer.client.post(&own, json!({"role": "customer_user"})).await;
    assert_eq!(answer.code(), "OWN_ACCOUNT");
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn somebody_elses_people_are_unknown() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let stranger = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "basic").await;
    let neighbour = app.customer_of(&reseller, "basic").await;
    let commands = [
        ("name", json!({"name": "Eve"})),
        ("role", json!({"role": "customer_user"})),
        ("disable", json!({"reason": "r"})),
        ("enable", json!({"reason": "r"})),
        ("sessions/end", json!({"reason": "r"})),
    ];
    let foreign = customer.user_id.clone();
    let nobody = Uuid::now_v7().to_string();
    for client in [&stranger.client, &neighbour.client] {
        for (what, body) in &commands {
            let mut answers = Vec::new();
            for id in [&foreign, &nobody] {
                let answer = client
                    .post(&format!("/api/users/{id}/{what}"), body.clone())
                    .await;
                assert_eq!(answer.code(), "USER_NOT_FOUND", "{what}");
                answers.push(answer.body);
            }
            assert_eq!(answers[0], answers[1], "{what}");
        }
        let seen = client.get(&format!("/api/users/{foreign}/sessions")).await;
        assert_eq!(seen.code(), "USER_NOT_FOUND");
    }
}

#[actix_web::test]
async fn the_platforms_last_admin_keeps_the_rights() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let me = admin.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let path = format!("/api/users/{}/disable", me.as_str().unwrap());
    assert_eq!(
        admin.post(&path, json!({"reason": "r"})).await.code(),
        "OWN_ACCOUNT"
    );
    let write = app.parts.write_side();
    commands::bootstrap::admin(&write, "Bea", "bea@platform.test", PASSWORD.into())
        .await
        .unwrap();
    let bea = app.signed_in("bea@platform.test", PASSWORD).await;
    bea.post(&path, json!({"reason": "on leave"})).await.ok();
    assert!(admin.is_shut_out().await, "a token ends with the account");
    let refused = app
        .client()
        .post(
            "/api/auth/token",
            json!({"email": "ada@platform.test", "password": PASSWORD}),
        )
        .await;
    assert_eq!(refused.code(), "SIGN_IN_FAILED");
    let erase = json!({"reason": "ticket"});
    let bea_id = bea.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let own = format!("/api/admin/users/{}/erase", bea_id.as_str().unwrap());
    assert_eq!(bea.post(&own, erase).await.code(), "LAST_PLATFORM_ADMIN");
    bea.post(&path.replace("disable", "enable"), json!({"reason": "back"}))
        .await
        .ok();
    app.signed_in("ada@platform.test", PASSWORD).await;
}

#[actix_web::test]
async fn devices_are_listed_and_ended_one_by_one() {
    let app = TestApp::start().await;
    let customer = app.customer("basic").await;
    let (first, second, third) = (
        Browser::sign_in(&app, &customer.email).await,
        Browser::sign_in(&app, &customer.email).await,
        Browser::sign_in(&app, &customer.email).await,
    );
    let listed = first.get("/api/user/sessions").await.ok();
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 3);
    assert!(
        sessions
            .iter()
            .all(|session| session["userAgent"] == "Tester/1" && session["address"] == "127.0.0.1")
    );
    let current: Vec<_> = sessions
        .iter()
        .filter(|session| session["current"] == true)
        .collect();
    assert_eq!(current.len(), 1);
    let seconds = second.get("/api/user/sessions").await.ok();
    let id = seconds["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["current"] == true)
        .unwrap()["id"]
        .clone();
    let end = format!("/api/user/sessions/{}/end", id.as_str().unwrap());
    assert_eq!(first.post(&end, json!({})).await.ok()["ended"], 1);
    assert!(second.is_over().await && !third.is_over().await);
    assert_eq!(first.post(&end, json!({})).await.code(), "SESSION_NOT_FOUND");
    let token = third.token().await;
    assert_eq!(
        first.post("/api/user/sessions/end-others", json!({})).await.ok()["ended"],
        1
    );
    assert!(third.is_over().await && !first.is_over().await);
    let theirs = app.client().with_token(&token);
    assert!(theirs.is_shut_out().await);
}

#[actix_web::test]
async fn what_is_revoked_reaches_open_sockets_of_other_processes() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "basic").await;
    let browser = Browser::sign_in(&app, &customer.email).await;
    let mut config = (*app.config).clone();
    config.http.port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let _elsewhere = Process::server(&config, "api").await;
    let elsewhere = config.public_url();
    let user = &customer.user_id;
    let ways: [(&str, &TestClient, String, Value); 3] = [
        (
            "a session",
            &admin,
            format!("/api/users/{user}/sessions/end"),
            json!({"reason": "laptop stolen"}),
        ),
        (
            "an account",
            &admin,
            format!("/api/users/{user}/disable"),
            json!({"reason": "left"}),
        ),
        (
            "a person",
            &admin,
            format!("/api/admin/users/{user}/erase"),
            json!({"reason": "asked"}),
        ),
    ];
    for (what, client, path, body) in ways {
        let token = match what {
            "a session" => browser.token().await,
            "an account" => app.signed_in(&customer.email, PASSWORD).await.token.unwrap(),
            _ => {
                let enable = format!("/api/users/{user}/enable");
                admin.post(&enable, json!({"reason": "back"})).await.ok();
                app.signed_in(&customer.email, PASSWORD).await.token.unwrap()
            }
        };
        let mut socket = Socket::open(&elsewhere, &token).await;
        let (answer, closed) = tokio::join!(client.post(&path, body), socket.hear());
        answer.ok();
        assert_eq!(closed.unwrap_err(), 4403, "{what}");
        let stale = TestClient::new(&elsewhere).with_token(&token);
        let answer = stale.graphql("{ viewer { id } }", json!({})).await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
            "{what}"
        );
    }
}

#[actix_web::test]
async fn a_reseller_looks_after_the_people_of_those_below_it_and_of_their_customers() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let top = app.reseller_with(&admin, 100).await;
    let beside = app.reseller_with(&admin, 100).await;
    let address = email("sub");
    let below = top
        .client
        .post("/api/reseller/resellers", new_reseller(&address))
        .await
        .ok();
    let below_id = below["resellerId"].as_str().unwrap();
    let credits = json!({"kind": "bonus", "credits": 40, "note": "to begin with"});
    let path = format!("/api/admin/resellers/{below_id}/credits/adjustments");
    admin.post(&path, credits).await.ok();
    let sub = Reseller {
        id: below_id.to_owned(),
        client: app.signed_in(&address, PASSWORD).await,
        email: address,
    };
    let customer = app.customer_of(&sub, "basic").await;
    let owner = sub.client.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let renamed = json!({"name": "Renamed Person"});
    for person in [owner.as_str().unwrap(), &customer.user_id] {
        let path = format!("/api/users/{person}/name");
        top.client.post(&path, renamed.clone()).await.ok();
        let stranger = beside.client.post(&path, renamed.clone()).await;
        assert_eq!(stranger.code(), "USER_NOT_FOUND");
    }
    let up = top.client.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let path = format!("/api/users/{}/name", up.as_str().unwrap());
    assert_eq!(sub.client.post(&path, renamed).await.code(), "USER_NOT_FOUND");
    let staff = json!({"email": email("staff"), "role": "reseller_staff", "resellerId": sub.id});
    top.client
        .post("/api/users/invitations", staff.clone())
        .await
        .ok();
    let foreign = beside.client.post("/api/users/invitations", staff).await;
    assert_eq!(foreign.code(), "RESELLER_NOT_FOUND");
    // A customer that has been moved is looked after by the reseller that it has now.
    let moved = json!({"resellerId": beside.id, "reason": "asked for it"});
    let path = format!("/api/admin/customers/{}/move", customer.id);
    admin.post(&path, moved).await.ok();
    let path = format!("/api/users/{}/disable", customer.user_id);
    let reason = json!({"reason": "left"});
    assert_eq!(
        top.client.post(&path, reason.clone()).await.code(),
        "USER_NOT_FOUND"
    );
    beside.client.post(&path, reason).await.ok();
    assert!(app.audit().await.is_clean());
}
