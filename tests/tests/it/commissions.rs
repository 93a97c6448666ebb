//! Sales and commissions over the whole server: what a sale earns, and what a refund takes back.

use serde_json::{Value, json};
use tests::scenario::{email, new_reseller};
use tests::{TestApp, TestClient};
use uuid::Uuid;

fn sale(reseller_id: &str, gross_minor: i64) -> Value {
    json!({
        "resellerId": reseller_id, "product": "premium_monthly", "grossMinor": gross_minor, "currency": "EUR",
        "taxMinor": gross_minor / 10, "storeCutMinor": 0,
    })
}

async fn back(admin: &TestClient, sale: &Value, what: &str, body: Value) -> tests::client::Answer {
    let path = format!("/api/admin/sales/{}/{what}", sale["saleId"].as_str().unwrap());
    admin.post(&path, body).await
}

#[actix_web::test]
async fn a_sale_earns_the_agreed_share_and_a_refund_takes_it_back() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 0).await;
    let sold = admin
        .post("/api/admin/sales", sale(&reseller.id, 1_000))
        .await
        .ok();
    assert_eq!(sold["lines"][0]["amountMinor"], json!(200));
    assert_eq!(sold["lines"][0]["rate"], json!("0.2"));
    let refunded = back(&admin, &sold, "refunds", json!({"amountMinor": 400}))
        .await
        .ok();
    assert_eq!(refunded["keptMinor"], json!(600));
    let refused = back(&admin, &sold, "chargebacks", json!({"amountMinor": 601})).await;
    assert_eq!(
        (refused.refusal().0, refused.code()),
        (409, "REFUND_EXCEEDS_SALE")
    );
    let charged = back(&admin, &sold, "chargebacks", json!({})).await.ok();
    assert_eq!(charged["keptMinor"], json!(0));
    let again = back(&admin, &sold, "refund-reversals", json!({})).await.ok();
    assert_eq!(again["keptMinor"], json!(1_000));
}

#[actix_web::test]
async fn sales_are_finances_to_record_and_unknown_ones_are_not_found() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 0).await;
    let own = reseller
        .client
        .post("/api/admin/sales", sale(&reseller.id, 5))
        .await;
    assert_eq!(own.code(), "FORBIDDEN");
    let nobody = Uuid::new_v4().to_string();
    let unknown = admin.post("/api/admin/sales", sale(&nobody, 5)).await;
    assert_eq!((unknown.refusal().0, unknown.code()), (404, "RESELLER_NOT_FOUND"));
    let missing = json!({"saleId": nobody});
    assert_eq!(
        back(&admin, &missing, "refunds", json!({})).await.code(),
        "SALE_NOT_FOUND"
    );
    let other = app.reseller_with(&admin, 100).await;
    let customer = app.customer_of(&other, "basic").await;
    let mut foreign = sale(&reseller.id, 5);
    foreign["tenantId"] = json!(customer.id);
    assert_eq!(
        admin.post("/api/admin/sales", foreign).await.code(),
        "CUSTOMER_NOT_FOUND"
    );
}

async fn agree(admin: &TestClient, reseller_id: &str, body: Value) -> tests::client::Answer {
    admin
        .post(&format!("/api/admin/resellers/{reseller_id}/contracts"), body)
        .await
}

#[actix_web::test]
async fn a_sub_resellers_commission_is_shared_with_who_is_above_and_taken_back_from_both() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let parent = app.reseller_with(&admin, 0).await;
    let mut below = new_reseller(&email("below"));
    below["parentId"] = json!(parent.id);
    let below = admin.post("/api/admin/resellers", below).await.ok();
    let below = below["resellerId"].as_str().unwrap();
    let terms = json!({"revenueShare": {
        "basis": "gross", "rate": "0.3", "currency": "EUR", "parentShare": "0.25",
    }});
    agree(&admin, below, terms).await.ok();
    let sold = admin.post("/api/admin/sales", sale(below, 1_000)).await.ok();
    let lines = sold["lines"].as_array().unwrap();
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["resellerId"].as_str().unwrap(),
                line["amountMinor"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [(below, 225), (parent.id.as_str(), 75)]);
    back(&admin, &sold, "refunds", json!({})).await.ok();
    app.settle().await;
    let query = "{ commissionLines(first: 5) { nodes { kind amountMinor } } }";
    let data = parent.client.query(query, json!({})).await;
    let amounts: Vec<_> = data["commissionLines"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["amountMinor"].clone())
        .collect();
    assert!(
        amounts.contains(&json!(75)) && amounts.contains(&json!(-75)),
        "{data}"
    );
}

#[actix_web::test]
async fn a_contract_changes_what_is_sold_later_and_nothing_that_was_sold_before() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 0).await;
    let before = admin
        .post("/api/admin/sales", sale(&reseller.id, 1_000))
        .await
        .ok();
    let terms = json!({"revenueShare": {
        "basis": "net_of_tax", "rate": "0.3", "currency": "EUR",
        "steps": [{"fromMinor": 1_000, "rate": "0.4"}],
        "products": [{"product": "premium_yearly", "basis": "gross", "rate": "0.1"}],
    }});
    let agreed = agree(&admin, &reseller.id, terms.clone()).await.ok();
    assert_eq!(agreed["version"], json!(2));
    let first = admin
        .post("/api/admin/sales", sale(&reseller.id, 1_000))
        .await
        .ok();
    let second = admin
        .post("/api/admin/sales", sale(&reseller.id, 1_000))
        .await
        .ok();
    let amounts = [&before, &first, &second].map(|sold| sold["lines"][0]["amountMinor"].clone());
    assert_eq!(
        amounts,
        [json!(200), json!(270), json!(360)],
        "the second sale had reached the step"
    );
    back(&admin, &first, "refunds", json!({})).await.ok();
    let mut yearly = sale(&reseller.id, 1_000);
    yearly["product"] = json!("premium_yearly");
    let yearly = admin.post("/api/admin/sales", yearly).await.ok();
    assert_eq!(yearly["lines"][0]["amountMinor"], json!(100));
    app.settle().await;
    let id = format!("{}-1", second["saleId"].as_str().unwrap());
    let query = "query ($id: ID!) {
        commissionLine(id: $id) { line { amountMinor contractVersion volumeReachedMinor } explanation }
        commissionSummary { currency sales grossMinor commissionMinor earnedMinor clawedBackMinor }
        contracts { version revenueShare { rate currency steps { fromMinor rate } } }
        commissionLines(first: 2) { nodes { kind amountMinor reverses } pageInfo { hasNextPage } } }";
    let data = reseller.client.query(query, json!({ "id": id })).await;
    let explanation = data["commissionLine"]["explanation"].as_str().unwrap();
    assert!(
        explanation.ends_with("9.00 EUR × 0.4 = 3.60 EUR.")
            && explanation.contains("had reached 10.00 EUR, so the rate from 10.00 EUR on applied"),
        "{explanation}"
    );
    let month = &data["commissionSummary"][0];
    let sums = [
        "sales",
        "grossMinor",
        "commissionMinor",
        "earnedMinor",
        "clawedBackMinor",
    ];
    assert_eq!(
        sums.map(|name| month[name].clone()),
        [json!(4), json!(3_000), json!(660), json!(930), json!(-270)]
    );
    assert_eq!(data["contracts"][1]["revenueShare"]["currency"], Value::Null);
    assert_eq!(data["commissionLines"]["pageInfo"]["hasNextPage"], json!(true));
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn contracts_leave_no_gap_and_do_not_overlap() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 0).await;
    let from = |from: &str, to: Option<&str>, rate: &str| json!({"from": from, "to": to, "revenueShare": {"basis": "gross", "rate": rate, "currency": "EUR"}});
    let told = |answer: tests::client::Answer| (answer.refusal().0, answer.code().to_owned());
    let first = from("2030-01-01T00:00:00Z", Some("2031-01-01T00:00:00Z"), "0.1");
    agree(&admin, &reseller.id, first).await.ok();
    for (terms, status, code) in [
        (from("2031-01-02T00:00:00Z", None, "0.1"), 409, "CONTRACT_GAP"),
        (from("2030-06-01T00:00:00Z", None, "0.1"), 409, "CONTRACT_OVERLAP"),
        (from("2031-01-01T00:00:00Z", None, "1.01"), 400, "INVALID_RATE"),
        (from("2031-01-01T00:00:00Z", None, "-0.1"), 400, "INVALID_RATE"),
        (
            from("2031-01-01T00:00:00Z", None, "0.1234567"),
            400,
            "INVALID_RATE",
        ),
        (json!({}), 400, "INVALID_INPUT"),
    ] {
        let refused = agree(&admin, &reseller.id, terms).await;
        assert_eq!(told(refused), (status, code.to_owned()));
    }
    let nobody = Uuid::new_v4().to_string();
    let unknown = agree(&admin, &nobody, from("2031-01-01T00:00:00Z", None, "0.1")).await;
    assert_eq!(told(unknown), (404, "RESELLER_NOT_FOUND".to_owned()));
    let own = agree(&reseller.client, &reseller.id, json!({})).await;
    assert_eq!(own.code(), "FORBIDDEN");
}

#[actix_web::test]
async fn a_months_fees_count_the_customers_with_access() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    app.customer_of(&reseller, "basic").await;
    let now = app.parts.clock.now();
    let month = domain::period::Period::of(now);
    let fees = json!({"wholesale": {"monthlyFeeMinor": 2_000, "customerFeeMinor": 300, "currency": "USD"}});
    agree(&admin, &reseller.id, fees).await.ok();
    let path = format!("/api/admin/resellers/{}/fees", reseller.id);
    let early = admin.post(&path, json!({"month": month.to_string()})).await;
    assert_eq!(early.code(), "MONTH_NOT_OVER");
    app.parts.clock.advance(month.end() - now);
    let admin = app.renewed(&admin);
    let charged = admin.post(&path, json!({"month": month.to_string()})).await.ok();
    assert_eq!(charged["customers"], json!(1));
    let end = format!("/api/admin/resellers/{}/contracts/end", reseller.id);
    admin.post(&end, json!({"kind": "wholesale"})).await.ok();
}
