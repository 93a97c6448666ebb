//! The second factor: enrolling, signing in with it, losing it.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::app::PASSWORD;
use tests::{Answer, TestApp, TestClient};

struct Device {
    totp: totp_rs::Totp,
    clock: platform::Clock,
}

impl Device {
    fn new(app: &TestApp, enrolment: &Value) -> Self {
        Self {
            totp: totp_rs::Totp::from_url(enrolment["uri"].as_str().unwrap()).unwrap(),
            clock: app.parts.clock.clone(),
        }
    }

    /// The next code, which has not been used.
    fn code(&self) -> String {
        self.clock.advance(TimeDelta::seconds(30));
        let now = u64::try_from(self.clock.now().timestamp()).unwrap();
        self.totp.generate(now).to_string()
    }
}

async fn sign_in(app: &TestApp, email: &str, code: Option<&str>) -> Answer {
    let body = json!({"email": email, "password": PASSWORD, "code": code});
    app.client().post("/api/auth/token", body).await
}

/// Somebody with a second factor, and the recovery codes.
async fn enrolled(app: &TestApp, client: &TestClient) -> (Device, Vec<String>) {
    let enrolment = client.post("/api/user/totp", json!({})).await.ok();
    assert!(enrolment["qrSvg"].as_str().unwrap().contains("<svg"));
    let device = Device::new(app, &enrolment);
    let wrong = client
        .post("/api/user/totp/confirm", json!({"code": "000000"}))
        .await;
    assert_eq!(wrong.code(), "SECOND_FACTOR_WRONG");
    let body = json!({"code": device.code()});
    let confirmed = client
        .post_with_key("/api/user/totp/confirm", "on", body.clone())
        .await
        .ok();
    let again = client.post_with_key("/api/user/totp/confirm", "on", body).await;
    assert!(again.replayed && again.body["recoveryCodes"].is_null());
    let codes = confirmed["recoveryCodes"].as_array().unwrap();
    assert_eq!(codes.len(), 10);
    let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned());
    (device, codes.collect())
}

#[actix_web::test]
async fn signing_in_takes_the_password_and_a_code_that_was_not_used() {
    let app = TestApp::start().await;
    let customer = app.customer("basic").await;
    let email = &customer.email;
    let (device, _) = enrolled(&app, &customer.client).await;
    assert_eq!(sign_in(&app, email, None).await.code(), "SECOND_FACTOR_REQUIRED");
    let wrong_password = json!({"email": email, "password": "not the password", "code": device.code()});
    let answer = app.client().post("/api/auth/token", wrong_password).await;
    assert_eq!(answer.code(), "SIGN_IN_FAILED");
    let code = device.code();
    sign_in(&app, email, Some(&code)).await.ok();
    assert_eq!(
        sign_in(&app, email, Some(&code)).await.code(),
        "SECOND_FACTOR_WRONG",
        "a code is good once"
    );
    sign_in(&app, email, Some(&device.code())).await.ok();
    for _ in 0..5 {
        assert_eq!(
            sign_in(&app, email, Some("000000")).await.code(),
            "SECOND_FACTOR_WRONG"
        );
    }
    assert_eq!(
        sign_in(&app, email, Some(&device.code())).await.code(),
        "RATE_LIMITED"
    );
    app.parts.clock.advance(TimeDelta::minutes(5));
    sign_in(&app, email, Some(&device.code())).await.ok();
}

#[actix_web::test]
async fn a_recovery_code_opens_once_and_no_secret_lies_in_the_log() {
    let app = TestApp::start().await;
    let customer = app.customer("basic").await;
    let email = &customer.email;
    let (device, codes) = enrolled(&app, &customer.client).await;
    sign_in(&app, email, Some(&codes[0].to_uppercase())).await.ok();
    assert_eq!(
        sign_in(&app, email, Some(&codes[0])).await.code(),
        "SECOND_FACTOR_WRONG"
    );
    let left: i64 = sqlx::query_scalar(
        "SELECT (payload #>> '{RecoveryCodeUsed,left}')::bigint FROM es.events WHERE event_type = 'RecoveryCodeUsed'",
    )
    .fetch_one(&app.parts.commands)
    .await
    .unwrap();
    assert_eq!(left, 9);
    let client = app.renewed(&customer.client);
    let renewed = client
        .post("/api/user/totp/recovery-codes", json!({"password": PASSWORD}))
        .await
        .ok();
    assert_eq!(
        sign_in(&app, email, Some(&codes[1])).await.code(),
        "SECOND_FACTOR_WRONG"
    );
    let fresh = renewed["recoveryCodes"][0].as_str().unwrap();
    sign_in(&app, email, Some(fresh)).await.ok();
    for secret in codes.iter().map(String::as_str).chain([fresh]) {
        let stored: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM es.events WHERE payload::text LIKE '%' || $1 || '%')
                 OR EXISTS (SELECT FROM es.commands WHERE outcome::text LIKE '%' || $1 || '%')",
        )
        .bind(secret)
        .fetch_one(&app.parts.commands)
        .await
        .unwrap();
        assert!(!stored);
    }
    let without = json!({"password": "not the password", "code": device.code()});
    let client = app.renewed(&client);
    assert_eq!(
        client.post("/api/user/totp/disable", without).await.code(),
        "WRONG_PASSWORD"
    );
    let with = json!({"password": PASSWORD, "code": device.code()});
    client.post("/api/user/totp/disable", with).await.ok();
    sign_in(&app, email, None).await.ok();
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn who_has_lost_everything_is_helped_by_an_admin_with_a_reason() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&reseller, "basic").await;
    enrolled(&app, &customer.client).await;
    let path = format!("/api/users/{}/totp/reset", customer.user_id);
    let stranger = app.reseller_with(&app.renewed(&admin), 0).await;
    let reason = json!({"reason": "lost the phone, ticket 4711"});
    let answer = stranger.client.post(&path, reason.clone()).await;
    assert_eq!(answer.code(), "USER_NOT_FOUND");
    let helper = app.renewed(&reseller.client);
    helper.post(&path, reason.clone()).await.ok();
    sign_in(&app, &customer.email, None).await.ok();
    assert_eq!(helper.post(&path, reason).await.code(), "TOTP_NOT_ON");
}

#[actix_web::test]
async fn a_role_that_needs_a_second_factor_can_only_enrol_without_one() {
    let app = TestApp::with(&server::Role::ALL, |config| {
        config.identity.totp_required_roles = vec![domain::user::Role::PlatformAdmin];
    })
    .await;
    app.register_admin().await;
    let refused = sign_in(&app, tests::app::ADMIN, None).await;
    assert_eq!(refused.code(), "TOTP_ENROLMENT_REQUIRED");
    let browser = reqwest::Client::builder()
        .cookie_store(true)
        .no_proxy()
        .build()
        .unwrap();
    let credentials = json!({"email": tests::app::ADMIN, "password": PASSWORD});
    let opened = browser
        .post(format!("{}/api/auth/sign-in", app.url))
        .json(&credentials);
    let session = tests::client::read(opened.send().await.unwrap()).await.ok();
    assert_eq!(session["mustEnrolTotp"], true);
    let post = async |path: &str, body: Value| {
        let request = browser
            .post(format!("{}{path}", app.url))
            .header("X-CSRF-Token", session["csrfToken"].as_str().unwrap())
            .header("Idempotency-Key", uuid::Uuid::new_v4().to_string())
            .json(&body);
        tests::client::read(request.send().await.unwrap()).await
    };
    for closed in [
        "/api/auth/token",
        "/api/admin/packs/x/retire",
        "/api/user/sessions/end-others",
    ] {
        assert_eq!(
            post(closed, json!({})).await.code(),
            "TOTP_ENROLMENT_REQUIRED",
            "{closed}"
        );
    }
    let device = Device::new(&app, &post("/api/user/totp", json!({})).await.ok());
    post("/api/user/totp/confirm", json!({"code": device.code()}))
        .await
        .ok();
    post("/api/auth/token", json!({})).await.ok();
    sign_in(&app, tests::app::ADMIN, Some(&device.code())).await.ok();
}
