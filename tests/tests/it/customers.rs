//! Customers are moved to another reseller, closed and reopened, and edited by two at a time.

use serde_json::{Value, json};
use tests::TestApp;
use tests::app::PASSWORD;
use tests::scenario::{email, new_customer};

#[actix_web::test]
async fn a_moved_customer_takes_along_what_is_its_own_and_leaves_the_history() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let old = app.reseller_with(&admin, 100).await;
    let new = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&old, "basic").await;
    let give = json!({"resellerId": new.id, "reason": "sold"});
    let path = format!("/api/admin/customers/{}/move", customer.id);
    admin.post(&path, give).await.ok();
    // The old reseller has lost it at once, and its people's tokens go on.
    let suspend = format!("/api/reseller/customers/{}/suspend", customer.id);
    let refused = old.client.post(&suspend, json!({"reason": "mine"})).await;
    assert_eq!(refused.code(), "CUSTOMER_NOT_FOUND");
    let added = json!({"name": "Cora", "email": email("cora"), "role": "customer_user"});
    customer.client.post("/api/tenant/users", added).await.ok();
    let extend = format!("/api/reseller/customers/{}/extensions", customer.id);
    new.client.post(&extend, json!({"days": 10})).await.ok();
    app.settle().await;
    let figures = "{ dashboard { customersTotal newThisMonth usedThisMonth } users { nodes { email } } }";
    let of_old = old.client.query(figures, json!({})).await;
    assert_eq!(
        of_old["dashboard"],
        json!({"customersTotal": 0, "newThisMonth": 1, "usedThisMonth": 30})
    );
    assert_eq!(of_old["users"]["nodes"].as_array().unwrap().len(), 1, "its owner");
    let of_new = new.client.query(figures, json!({})).await;
    assert_eq!(
        of_new["dashboard"],
        json!({"customersTotal": 1, "newThisMonth": 0, "usedThisMonth": 10})
    );
    assert_eq!(of_new["users"]["nodes"].as_array().unwrap().len(), 3);
    let one = "query ($id: ID!) { customer(id: $id) { resellerId resellerName } }";
    let seen = customer.client.query(one, json!({"id": customer.id})).await;
    assert_eq!(
        seen["customer"]["resellerId"],
        json!(new.id),
        "with the token of before"
    );
    let hidden = old.client.query(one, json!({"id": customer.id})).await;
    assert_eq!(hidden["customer"], Value::Null);
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_closed_customer_comes_back_with_its_data() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let address = email("carl");
    let created = reseller
        .client
        .post("/api/reseller/customers", new_customer(&address, "basic", 30))
        .await
        .ok();
    let id = created["tenantId"].as_str().unwrap();
    let path = |command: &str| format!("/api/reseller/customers/{id}/{command}");
    let client = app.signed_in(&address, PASSWORD).await;
    reseller
        .client
        .post(&path("close"), json!({"reason": "left"}))
        .await
        .ok();
    let added = json!({"name": "Cora", "email": email("cora"), "role": "customer_user"});
    let refused = client.post("/api/tenant/users", added).await;
    assert_eq!(refused.code(), "CUSTOMER_CLOSED");
    let sign_in = json!({"email": address, "password": PASSWORD});
    let refused = app.client().post("/api/auth/token", sign_in).await;
    assert_eq!(refused.code(), "CUSTOMER_CLOSED");
    let refused = reseller
        .client
        .post(&path("extensions"), json!({"days": 5}))
        .await;
    assert_eq!(refused.code(), "CUSTOMER_CLOSED");
    app.settle().await;
    let listed = "{ customers(status: CLOSED) { nodes { id status } } dashboard { customersTotal } }";
    let seen = reseller.client.query(listed, json!({})).await;
    assert_eq!(seen["customers"]["nodes"][0]["status"], "CLOSED");
    assert_eq!(seen["dashboard"]["customersTotal"], 0);
    reseller
        .client
        .post(&path("reopen"), json!({"reason": "back"}))
        .await
        .ok();
    app.signed_in(&address, PASSWORD).await;
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn two_who_edit_one_thing_learn_of_each_other() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let id = app.customer_of(&reseller, "basic").await.id;
    app.settle().await;
    let version = "query ($id: ID!, $r: ID!) { customer(id: $id) { version name contactEmail }
                   reseller(id: $r) { version company phone contactPerson } }";
    let seen = reseller
        .client
        .query(version, json!({"id": id, "r": reseller.id}))
        .await;
    let path = format!("/api/reseller/customers/{id}");
    let edit = |name: &str| json!({"name": name, "expectedVersion": seen["customer"]["version"]});
    reseller.client.put(&path, edit("Harbour Radio One")).await.ok();
    let refused = reseller.client.put(&path, edit("Harbour Radio Two")).await;
    let (status, code, detail) = refused.refusal();
    assert_eq!((status, code), (409, "VERSION_CONFLICT"));
    assert!(
        detail.starts_with("changed since version 1, in version 2: name"),
        "{detail}"
    );
    let profile = json!({"company": "North Audio GmbH", "contactPerson": "Rita", "phone": "+49 30 1234",
                         "expectedVersion": seen["reseller"]["version"]});
    reseller
        .client
        .put("/api/reseller/profile", profile.clone())
        .await
        .ok();
    let refused = reseller.client.put("/api/reseller/profile", profile).await;
    assert_eq!(refused.code(), "VERSION_CONFLICT");
    app.settle().await;
    let now = reseller
        .client
        .query(version, json!({"id": id, "r": reseller.id}))
        .await;
    assert_eq!(now["customer"]["name"], "Harbour Radio One");
    assert_eq!(
        now["reseller"],
        json!({"version": 2, "company": "North Audio GmbH", "phone": "+49 30 1234", "contactPerson": "Rita"})
    );
    assert!(app.audit().await.is_clean());
}
