//! The commands of resellers, credits and customers.

use serde_json::{Value, json};
use tests::TestClient;
use tests::app::PASSWORD;
use tests::scenario::{email, new_customer, new_reseller};

use super::rehearsal::{Rehearsal, because, id};

pub(super) struct Seller {
    pub(super) id: String,
    pub(super) client: TestClient,
}

pub(super) async fn resellers(all: &Rehearsal, admin: &TestClient) -> Seller {
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
pub(super) async fn a_month_passes(
    all: &Rehearsal,
    admin: TestClient,
    reseller: Seller,
) -> (TestClient, Seller) {
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

pub(super) async fn credits(all: &Rehearsal, admin: &TestClient, reseller: &Seller) {
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

pub(super) struct Buyer {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) client: TestClient,
}

pub(super) async fn customers(all: &Rehearsal, admin: &TestClient, reseller: &Seller) -> Buyer {
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
pub(super) async fn refund(all: &Rehearsal, admin: &TestClient, reseller_id: &str) {
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
