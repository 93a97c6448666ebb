//! A dry run of every command: it stores nothing, and what it tells is what the command then does.

mod accounts;
mod business;
mod rehearsal;

use reqwest::Method;
use serde_json::{Value, json};
use server::Role;
use tests::TestApp;
use tests::app::PASSWORD;
use tests::client::read;
use tests::scenario::{email, new_customer};
use uuid::Uuid;

use self::accounts::{impersonation, money, people, rights, second_factor, tiers_and_stores, work};
use self::business::{a_month_passes, credits, customers, resellers};
use self::rehearsal::Rehearsal;

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
