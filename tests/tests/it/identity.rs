//! Who may do what: sessions, tokens, areas.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::app::PASSWORD;
use tests::client::read;
use tests::scenario::{email, new_customer, new_reseller};
use tests::{TestApp, TestClient};

/// A browser: keeps its cookie.
fn browser() -> reqwest::Client {
    reqwest::Client::builder()
        .cookie_store(true)
        .no_proxy()
        .build()
        .unwrap()
}

async fn sign_in(app: &TestApp, browser: &reqwest::Client, body: Value) -> tests::Answer {
    read(
        browser
            .post(format!("{}/api/auth/sign-in", app.url))
            .json(&body)
            .send()
            .await
            .unwrap(),
    )
    .await
}

#[actix_web::test]
async fn a_browser_signs_in_commands_with_its_csrf_token_and_signs_out() {
    let app = TestApp::start().await;
    app.admin().await;
    let browser = browser();
    let session = sign_in(
        &app,
        &browser,
        json!({"email": "ada@platform.test", "password": PASSWORD}),
    )
    .await
    .ok();
    assert_eq!(session["user"]["audience"], json!("admin"));
    let csrf = session["csrfToken"].as_str().unwrap();
    let command = |csrf: &str| {
        browser
            .post(format!("{}/api/admin/resellers", app.url))
            .header("Idempotency-Key", "k1")
            .header("X-CSRF-Token", csrf)
            .json(&new_reseller(&email("rita")))
            .send()
    };
    assert_eq!(
        read(command("wrong").await.unwrap()).await.code(),
        "CSRF_TOKEN_INVALID"
    );
    read(command(csrf).await.unwrap()).await.ok();
    let seen = read(
        browser
            .get(format!("{}/api/auth/session", app.url))
            .send()
            .await
            .unwrap(),
    )
    .await
    .ok();
    assert_eq!(seen, session);
    let out = browser
        .post(format!("{}/api/auth/sign-out", app.url))
        .header("X-CSRF-Token", csrf)
        .send();
    assert_eq!(out.await.unwrap().status(), StatusCode::NO_CONTENT);
    let after = browser
        .get(format!("{}/api/auth/session", app.url))
        .send()
        .await
        .unwrap();
    assert_eq!(after.status(), StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn wrong_unknown_and_other_page_get_the_same_answer() {
    let app = TestApp::start().await;
    app.admin().await;
    let mut answers = Vec::new();
    for body in [
        json!({"email": "ada@platform.test", "password": "not the password"}),
        json!({"email": "nobody@platform.test", "password": PASSWORD}),
        json!({"email": "ada@platform.test", "password": PASSWORD, "audience": "portal"}),
    ] {
        let answer = sign_in(&app, &browser(), body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "SIGN_IN_FAILED"));
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[actix_web::test]
async fn too_many_sign_ins_are_told_to_wait() {
    let app = TestApp::with(&server::Role::ALL, |config| {
        config.identity.sign_ins_per_minute = 3
    })
    .await;
    let body = json!({"email": "nobody@platform.test", "password": PASSWORD});
    for _ in 0..3 {
        assert_eq!(
            sign_in(&app, &browser(), body.clone()).await.code(),
            "SIGN_IN_FAILED"
        );
    }
    let answer = sign_in(&app, &browser(), body).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (429, "RATE_LIMITED"));
}

#[actix_web::test]
async fn areas_do_not_cross() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "basic").await;
    let admins = ("/api/admin/resellers", new_reseller(&email("x")));
    let resellers = ("/api/reseller/customers", new_customer(&email("x"), "basic", 1));
    let customers = (
        "/api/tenant/users",
        json!({"name": "X", "email": email("x"), "role": "customer_user"}),
    );
    let forbidden: [(&TestClient, [&(&str, Value); 2]); 3] = [
        (&admin, [&resellers, &customers]),
        (&reseller.client, [&admins, &customers]),
        (&customer.client, [&admins, &resellers]),
    ];
    for (client, areas) in forbidden {
        for (path, body) in areas {
            let answer = client.post(path, body.clone()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code()),
                (403, "FORBIDDEN"),
                "{path}"
            );
        }
    }
    for (path, body) in [admins, resellers, customers] {
        let answer = app.client().post(path, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (401, "UNAUTHENTICATED"),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn expired_and_forged_tokens_open_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (head, _) = admin.token.as_deref().unwrap().rsplit_once('.').unwrap();
    let forged = admin.with_token(&format!("{head}.AAAA"));
    assert_eq!(
        forged.post("/api/admin/resellers", json!({})).await.code(),
        "UNAUTHENTICATED"
    );
    let read = forged.graphql("{ viewer { id } }", json!({})).await;
    assert_eq!(read["errors"][0]["extensions"]["code"], json!("UNAUTHENTICATED"));
    app.parts.clock.advance(TimeDelta::minutes(6));
    assert_eq!(
        admin.post("/api/admin/resellers", json!({})).await.code(),
        "UNAUTHENTICATED"
    );
    let read = admin.graphql("{ viewer { id } }", json!({})).await;
    assert_eq!(read["errors"][0]["extensions"]["code"], json!("UNAUTHENTICATED"));
}

#[actix_web::test]
async fn a_new_password_ends_the_old_one_and_every_session() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let browser = browser();
    sign_in(
        &app,
        &browser,
        json!({"email": "ada@platform.test", "password": PASSWORD}),
    )
    .await
    .ok();
    for new in ["a fresh long password", PASSWORD] {
        let wrong = json!({"currentPassword": "not the password", "newPassword": new});
        assert_eq!(
            admin.post("/api/user/password", wrong).await.code(),
            "WRONG_PASSWORD"
        );
    }
    let right = json!({"currentPassword": PASSWORD, "newPassword": "a fresh long password"});
    let first = admin
        .post_with_key("/api/user/password", "change", right.clone())
        .await
        .ok();
    let again = admin.post_with_key("/api/user/password", "change", right).await;
    assert!(
        again.replayed,
        "a repeated change gets the first answer, whatever the password is by now"
    );
    assert_eq!(again.ok(), first);
    let session = browser
        .get(format!("{}/api/auth/session", app.url))
        .send()
        .await
        .unwrap();
    assert_eq!(session.status(), StatusCode::UNAUTHORIZED);
    let old = sign_in(
        &app,
        &browser,
        json!({"email": "ada@platform.test", "password": PASSWORD}),
    )
    .await;
    assert_eq!(old.code(), "SIGN_IN_FAILED");
    app.signed_in("ada@platform.test", "a fresh long password").await;
}

#[actix_web::test]
async fn a_temporary_password_is_shown_once() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let address = email("rita");
    let mut body = new_reseller(&address);
    body["owner"].as_object_mut().unwrap().remove("password");
    let first = admin
        .post_with_key("/api/admin/resellers", "once", body.clone())
        .await
        .ok();
    let password = first["temporaryPassword"].as_str().unwrap().to_owned();
    let again = admin
        .post_with_key("/api/admin/resellers", "once", body)
        .await
        .ok();
    assert_eq!(
        (again["temporaryPassword"].clone(), &again["resellerId"]),
        (Value::Null, &first["resellerId"])
    );
    app.signed_in(&address, &password).await;
    let logged: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM es.events WHERE payload::text LIKE '%' || $1 || '%')
             OR EXISTS (SELECT FROM es.commands WHERE outcome::text LIKE '%' || $1 || '%')",
    )
    .bind(&password)
    .fetch_one(&app.parts.commands)
    .await
    .unwrap();
    assert!(!logged, "no secret may lie in the log");
}

#[actix_web::test]
async fn personal_fields_are_sealed_in_the_log() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let address = email("rita");
    admin
        .post("/api/admin/resellers", new_reseller(&address))
        .await
        .ok();
    let plain: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM es.events WHERE payload::text LIKE '%' || $1 || '%'
             OR payload::text LIKE '%Rita%' OR payload::text LIKE '%office@north.test%')",
    )
    .bind(&address)
    .fetch_one(&app.parts.commands)
    .await
    .unwrap();
    assert!(!plain);
}

#[actix_web::test]
async fn what_cannot_be_read_is_answered_as_a_problem() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let wrong_type = admin.post("/api/admin/resellers", json!({"name": 7})).await;
    assert_eq!(wrong_type.code(), "INVALID_INPUT");
    assert!(
        wrong_type
            .refusal()
            .2
            .contains("invalid type: integer `7`, expected a string"),
        "{}",
        wrong_type.body
    );
    let unknown_field = admin
        .post("/api/auth/token", json!({"email": "a", "password": "b", "x": 1}))
        .await;
    assert_eq!(
        (unknown_field.status.as_u16(), unknown_field.code()),
        (400, "INVALID_INPUT")
    );
    let no_uuid = admin
        .post("/api/admin/resellers/7/suspend", json!({"reason": "r"}))
        .await;
    assert_eq!((no_uuid.status.as_u16(), no_uuid.code()), (404, "NOT_FOUND"));
    assert_eq!(admin.post("/api/nowhere", json!({})).await.code(), "NOT_FOUND");
    let customer = app.customer("basic").await;
    let unnamed = customer.client.post("/api/tenant/recordings", json!({})).await;
    assert_eq!((unnamed.status.as_u16(), unnamed.code()), (400, "INVALID_INPUT"));
}

#[actix_web::test]
async fn the_openapi_document_lists_the_commands() {
    let app = TestApp::start().await;
    let request = app.client().request(Method::GET, "/api/openapi.json");
    let document = read(request.send().await.unwrap()).await.ok();
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/auth/sign-in",
        "/admin/resellers",
        "/reseller/customers",
        "/tenant/recordings",
        "/jobs",
    ] {
        assert!(
            paths.contains_key(path),
            "{path} is missing from {:?}",
            paths.keys()
        );
    }
}
