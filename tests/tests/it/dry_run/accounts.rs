//! The commands of tiers, money, people and work.

use domain::user::{Home, Role as UserRole};
use reqwest::Method;
use serde_json::json;
use tests::TestClient;
use tests::app::PASSWORD;
use tests::scenario::{email, new_customer, new_reseller, recording};
use uuid::Uuid;

use super::business::{Buyer, Seller};
use super::rehearsal::{Body, Rehearsal, because, id};

pub(super) async fn tiers_and_stores(all: &Rehearsal, admin: &TestClient, customer: &Buyer) {
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

pub(super) async fn money(all: &Rehearsal, admin: &TestClient, reseller: &Seller) {
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
pub(super) fn finance(all: &Rehearsal, admin: &TestClient) -> TestClient {
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

pub(super) async fn people(all: &Rehearsal, admin: &TestClient, reseller: &Seller) {
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

pub(super) async fn rights(all: &Rehearsal, admin: &TestClient, reseller: &Seller) {
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

pub(super) async fn impersonation(all: &Rehearsal, admin: &TestClient) {
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

pub(super) async fn second_factor(all: &Rehearsal, admin: &TestClient, customer: &Buyer) {
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
pub(super) async fn session(all: &Rehearsal, customer: &Buyer) {
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

pub(super) async fn work(all: &Rehearsal, customer: &Buyer) {
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
