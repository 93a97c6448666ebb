//! Being asked to join, and forgetting a password: links that open once.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::app::PASSWORD;
use tests::scenario::email;
use tests::{Answer, TestApp, TestClient};

const NEW: &str = "a password of my own";

async fn invite(client: &TestClient, email: &str, role: &str) -> Answer {
    let body = json!({"email": email, "role": role});
    client.post("/api/users/invitations", body).await
}

/// What stands behind the # of a link.
fn token(answer: &Value) -> String {
    let link = answer["link"].as_str().unwrap();
    link.split_once('#').unwrap().1.to_owned()
}

fn acceptance(token: &str) -> Value {
    json!({"token": token, "name": "Ida Invited", "password": NEW})
}

#[actix_web::test]
async fn who_is_invited_chooses_a_name_and_a_password_and_signs_in() {
    let app = TestApp::start().await;
    let customer = app.customer("basic").await;
    let address = email("ida");
    let invited = invite(&customer.client, &address, "customer_user").await.ok();
    let open = "query ($p: String!) { invitations(minPosition: $p) { nodes { id email role invitedBy } }
        users(search: \"ida-\", minPosition: $p) { nodes { name role } } }";
    let shown = customer
        .client
        .query(open, json!({"p": invited["position"]}))
        .await;
    assert_eq!(
        shown["invitations"]["nodes"],
        json!([{"id": invited["userId"], "email": address, "role": "CUSTOMER_USER", "invitedBy": "Carl Customer"}])
    );
    assert_eq!(shown["users"]["nodes"], json!([]));
    let token = token(&invited);
    let anybody = app.client();
    let offer = anybody
        .post("/api/auth/invitation", json!({"token": token}))
        .await
        .ok();
    assert_eq!(offer, json!({"email": address, "role": "customer_user"}));
    let weak = json!({"token": token, "name": "Ida", "password": "short"});
    assert_eq!(
        anybody.post("/api/auth/invitation/accept", weak).await.code(),
        "INVALID_PASSWORD"
    );
    let accepted = anybody
        .post("/api/auth/invitation/accept", acceptance(&token))
        .await
        .ok();
    assert_eq!(accepted["audience"], "portal");
    app.signed_in(&address, NEW).await;
    let shown = customer
        .client
        .query(open, json!({"p": accepted["position"]}))
        .await;
    assert_eq!(shown["invitations"]["nodes"], json!([]));
    assert_eq!(
        shown["users"]["nodes"],
        json!([{"name": "Ida Invited", "role": "CUSTOMER_USER"}])
    );
    // Sent again after a lost answer it says the same; with something else it opens nothing.
    let again = anybody
        .post("/api/auth/invitation/accept", acceptance(&token))
        .await;
    assert!(again.replayed);
    let other = json!({"token": token, "name": "Eve", "password": "another password"});
    assert!(
        !anybody
            .post("/api/auth/invitation/accept", other)
            .await
            .status
            .is_success()
    );
    let secrets: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM es.events WHERE payload::text LIKE '%' || $1 || '%')
             OR EXISTS (SELECT FROM es.commands WHERE outcome::text LIKE '%' || $1 || '%')
             OR EXISTS (SELECT FROM auth.links WHERE encode(link_digest, 'escape') LIKE '%' || $1 || '%')",
    )
    .bind(&token)
    .fetch_one(&app.parts.commands)
    .await
    .unwrap();
    assert!(!secrets);
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_link_ends_with_its_time_with_a_newer_one_and_with_the_invitation() {
    let app = TestApp::start().await;
    let customer = app.customer("basic").await;
    let accept = async |token: &str| {
        let accepted = app
            .client()
            .post("/api/auth/invitation/accept", acceptance(token))
            .await;
        accepted.code().to_owned()
    };
    let address = email("ida");
    let first = invite(&customer.client, &address, "customer_user").await.ok();
    assert_eq!(
        invite(&customer.client, &address, "customer_user").await.code(),
        "EMAIL_TAKEN"
    );
    let path = format!("/api/users/{}/invitation", first["userId"].as_str().unwrap());
    let second = customer
        .client
        .post_with_key(&format!("{path}/resend"), "again", json!({}))
        .await
        .ok();
    let repeated = customer
        .client
        .post_with_key(&format!("{path}/resend"), "again", json!({}))
        .await;
    assert_eq!((repeated.replayed, &repeated.body["link"]), (true, &Value::Null));
    assert_eq!(accept(&token(&first)).await, "LINK_NOT_VALID");
    customer
        .client
        .post(&format!("{path}/revoke"), json!({}))
        .await
        .ok();
    assert_eq!(accept(&token(&second)).await, "LINK_NOT_VALID");
    // The address is free again.
    let third = invite(&customer.client, &address, "customer_user").await.ok();
    app.parts.clock.advance(TimeDelta::days(8));
    assert_eq!(accept(&token(&third)).await, "LINK_NOT_VALID");
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn people_are_invited_only_to_where_the_inviter_looks_after_people() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let stranger = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "basic").await;
    let to = |role: &str, field: &str, id: &str| json!({"email": email("x"), "role": role, field: id});
    let path = "/api/users/invitations";
    let answer = stranger
        .client
        .post(path, to("customer_user", "tenantId", &customer.id))
        .await;
    assert_eq!(answer.code(), "CUSTOMER_NOT_FOUND");
    let unknown = uuid::Uuid::now_v7().to_string();
    let nobody = stranger
        .client
        .post(path, to("customer_user", "tenantId", &unknown))
        .await;
    assert_eq!(nobody.body, answer.body);
    let answer = stranger
        .client
        .post(path, to("reseller_staff", "resellerId", &reseller.id))
        .await;
    assert_eq!(answer.code(), "RESELLER_NOT_FOUND");
    assert_eq!(
        invite(&stranger.client, &email("x"), "platform_admin")
            .await
            .code(),
        "ROLE_NOT_ALLOWED"
    );
    invite(&reseller.client, &email("x"), "reseller_staff").await.ok();
    invite(&admin, &email("x"), "platform_support").await.ok();
    let by_reseller = to("customer_admin", "tenantId", &customer.id);
    reseller.client.post(path, by_reseller).await.ok();
    let staff = to("reseller_staff", "resellerId", &reseller.id);
    admin.post(path, staff).await.ok();
}

#[actix_web::test]
async fn a_forgotten_password_is_reset_by_a_link_that_opens_once() {
    let app = TestApp::start().await;
    let customer = app.customer("basic").await;
    let admin = app.signed_in("ada@platform.test", PASSWORD).await;
    let issue = format!("/api/users/{}/password-reset", customer.user_id);
    let token = token(&admin.post(&issue, json!({})).await.ok());
    // The one that is there holds until then.
    app.signed_in(&customer.email, PASSWORD).await;
    let reset = |password: &str| json!({"token": token, "password": password});
    let anybody = app.client();
    anybody
        .post("/api/auth/password-reset/complete", reset(NEW))
        .await
        .ok();
    assert!(customer.client.is_shut_out().await);
    app.signed_in(&customer.email, NEW).await;
    let second = anybody
        .post("/api/auth/password-reset/complete", reset("yet another one"))
        .await;
    assert!(!second.status.is_success());
    app.signed_in(&customer.email, NEW).await;
}

/// A mail server that takes what it is given, and tells it.
fn mail_server() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (told, mails) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut out = stream.unwrap();
            let mut lines = BufReader::new(out.try_clone().unwrap()).lines();
            let mut say = |text: &str| out.write_all(format!("{text}\r\n").as_bytes());
            let _ = say("220 test");
            let mut mail: Option<String> = None;
            while let Some(Ok(line)) = lines.next() {
                let answer = match (&mut mail, line.as_str()) {
                    (Some(text), ".") => {
                        let _ = told.send(std::mem::take(text));
                        mail = None;
                        "250 taken"
                    }
                    (Some(text), line) => {
                        text.push_str(line);
                        text.push('\n');
                        continue;
                    }
                    (None, "DATA") => {
                        mail = Some(String::new());
                        "354 go on"
                    }
                    (None, "QUIT") => "221 bye",
                    (None, _) => "250 ok",
                };
                let _ = say(answer);
            }
        }
    });
    (url, mails)
}

#[actix_web::test]
async fn a_reset_is_mailed_to_who_has_the_address_and_answered_alike_to_all() {
    let (url, mails) = mail_server();
    let app = TestApp::with(&server::Role::ALL, |config| {
        config.mail.url = url;
        config.mail.from = "Stentor <no-reply@stentor.test>".to_owned();
    })
    .await;
    let customer = app.customer("basic").await;
    let mut answers = Vec::new();
    for address in [&customer.email, "nobody@example.test"] {
        let answer = app
            .client()
            .post("/api/auth/password-reset", json!({"email": address}))
            .await;
        answers.push((answer.status.as_u16(), answer.body));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 202);
    let mail = tokio::task::spawn_blocking(move || {
        let mail = mails.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
        (mail, mails)
    });
    let (mail, mails) = mail.await.unwrap();
    assert!(mail.contains(&format!("To: {}", customer.email)), "{mail}");
    let text = mail.replace("=\n", "").replace("=3D", "=");
    let token = text.split_once("/password-reset#").unwrap().1;
    let token: String = token.split_whitespace().next().unwrap().to_owned();
    let reset = json!({"token": token, "password": NEW});
    app.client()
        .post("/api/auth/password-reset/complete", reset)
        .await
        .ok();
    app.signed_in(&customer.email, NEW).await;
    assert!(mails.try_recv().is_err(), "it is sent once");
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM auth.mails WHERE body IS NOT NULL")
        .fetch_one(&app.parts.commands)
        .await
        .unwrap();
    assert_eq!(kept, 0, "the link is kept nowhere");
}
