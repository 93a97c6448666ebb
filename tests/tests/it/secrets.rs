//! Secrets are not logged, however much is.

use std::net::TcpListener;

use serde_json::{Value, json};
use server::Role;
use tests::app::{ADMIN, PASSWORD};
use tests::process::Process;
use tests::scenario::{email, new_reseller};
use tests::{TestApp, TestClient};

/// What is secret in an answer, at any depth.
fn secrets(answer: &Value, found: &mut Vec<String>) {
    const SECRET: [&str; 7] = [
        "temporaryPassword",
        "secret",
        "link",
        "uri",
        "recoveryCodes",
        "csrfToken",
        "accessToken",
    ];
    for (name, value) in answer.as_object().into_iter().flatten() {
        match value {
            Value::String(text) if SECRET.contains(&name.as_str()) => found.push(text.clone()),
            Value::Array(texts) if SECRET.contains(&name.as_str()) => {
                found.extend(texts.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            other => secrets(other, found),
        }
    }
}

/// The secret part of an address.
fn core(secret: &str) -> &str {
    match secret.split_once("secret=") {
        Some((_, rest)) => rest.split('&').next().unwrap(),
        None => secret.rsplit(['#', '/', '=']).next().unwrap(),
    }
}

#[actix_web::test]
async fn no_secret_is_logged_however_much_is() {
    let app = TestApp::with(&[Role::Projections], |_| {}).await;
    app.register_admin().await;
    let mut config = (*app.config).clone();
    config.log.filter = "debug".to_owned();
    config.http.port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let process = Process::server(&config, "commands,api").await;
    let nobody = TestClient::new(&format!("http://127.0.0.1:{}", config.http.port));
    let mut found = vec![
        PASSWORD.to_owned(),
        "guessed wrong".to_owned(),
        "quite another one".to_owned(),
    ];

    let wrong = json!({"email": ADMIN, "password": "guessed wrong"});
    assert_eq!(
        nobody.post("/api/auth/token", wrong).await.code(),
        "SIGN_IN_FAILED"
    );
    let admin = nobody.clone().sign_in(ADMIN, PASSWORD).await;
    found.extend(admin.token.clone());
    let owner = email("rita");
    let mut without = new_reseller(&owner);
    without["owner"].as_object_mut().unwrap().remove("password");
    let registered = admin.post("/api/admin/resellers", without).await.ok();
    secrets(&registered, &mut found);
    let client = nobody
        .clone()
        .sign_in(&owner, registered["temporaryPassword"].as_str().unwrap())
        .await;
    found.extend(client.token.clone());
    let key = json!({"name": "shop", "scopes": ["read", "customers"]});
    let key = client.post("/api/api-keys", key).await.ok();
    secrets(&key, &mut found);
    let program = nobody.with_token(key["secret"].as_str().unwrap());
    program.post("/api/reseller/customers", json!({})).await;
    program.graphql("{ viewer { __typename } }", json!({})).await;
    secrets(&client.post("/api/user/totp", json!({})).await.ok(), &mut found);
    let path = format!(
        "/api/users/{}/password-reset",
        registered["ownerUserId"].as_str().unwrap()
    );
    let reset = admin.post(&path, json!({})).await.ok();
    secrets(&reset, &mut found);
    let change = json!({
        "currentPassword": registered["temporaryPassword"], "newPassword": "quite another one",
    });
    client.post("/api/user/password", change).await.ok();

    // Whoever asks for nonsense is logged as well.
    nobody
        .with_token("no.token.at-all")
        .get("/api/user/sessions")
        .await;
    let log = process.log();
    let answered = log
        .lines()
        .filter(|line| line.contains("DEBUG") && line.contains("answered"));
    assert!(answered.count() >= 8, "{log}");
    assert!(found.len() >= 9, "{found:?}");
    for secret in found {
        let secret = core(&secret);
        assert!(secret.len() >= 8, "{secret}");
        let place = log.lines().find(|line| line.contains(secret));
        assert_eq!(place, None, "{secret} is logged");
    }
}
