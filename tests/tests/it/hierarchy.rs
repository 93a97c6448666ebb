//! Resellers below resellers: who may do what to whom, who sees what, and what many at once cannot break.

use futures::future::join_all;
use serde_json::{Value, json};
use tests::TestApp;
use tests::app::PASSWORD;
use tests::scenario::{Reseller, email, new_customer, new_reseller};
use uuid::Uuid;

async fn below(app: &TestApp, parent: &Reseller) -> Reseller {
    let email = email("sub");
    let registered = parent
        .client
        .post("/api/reseller/resellers", new_reseller(&email))
        .await
        .ok();
    Reseller {
        id: registered["resellerId"].as_str().unwrap().to_owned(),
        client: app.signed_in(&email, PASSWORD).await,
        email,
    }
}

fn ids(list: &Value) -> Vec<&str> {
    list["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["id"].as_str().unwrap())
        .collect()
}

#[actix_web::test]
async fn each_level_sees_what_is_below_it_and_nothing_else() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let top = app.reseller_with(&admin, 100).await;
    let (left, right) = (below(&app, &top).await, below(&app, &top).await);
    let leaf = below(&app, &left).await;
    for reseller in [&left, &right, &leaf] {
        reseller.give_credits(&admin, 100).await;
    }
    let of_left = app.customer_of(&left, "basic").await.id;
    let of_leaf = app.customer_of(&leaf, "basic").await.id;
    let of_right = app.customer_of(&right, "basic").await.id;
    app.settle().await;
    let seen =
        "{ resellers(first: 50) { nodes { id } } customers(reach: BELOW) { nodes { id resellerId } } }";
    let seen_by_left = left.client.query(seen, json!({})).await;
    let mut resellers = ids(&seen_by_left["resellers"]);
    resellers.sort_unstable();
    let mut expected = vec![left.id.as_str(), leaf.id.as_str()];
    expected.sort_unstable();
    assert_eq!(resellers, expected);
    let customers = ids(&seen_by_left["customers"]);
    assert_eq!(customers, [of_leaf.as_str(), of_left.as_str()]);
    let one = "query ($id: ID!) { reseller(id: $id) { name parent { id } above { id } } }";
    for hidden in [&top, &right] {
        let answer = left.client.query(one, json!({"id": hidden.id})).await;
        assert_eq!(
            answer["reseller"],
            Value::Null,
            "a parent and a sibling are unknown"
        );
    }
    let own = left.client.query(one, json!({"id": left.id})).await;
    assert_eq!(own["reseller"]["parent"], Value::Null, "who is above is not told");
    assert_eq!(own["reseller"]["above"], json!([]));
    let deep = top.client.query(one, json!({"id": leaf.id})).await;
    assert_eq!(deep["reseller"]["parent"]["id"], json!(left.id));
    assert_eq!(
        deep["reseller"]["above"],
        json!([{"id": left.id}, {"id": top.id}])
    );
    let only = "query ($id: ID) { customers(resellerId: $id) { nodes { id } } }";
    for (asked, found) in [(&leaf, vec![of_leaf.as_str()]), (&right, vec![]), (&top, vec![])] {
        let answer = left.client.query(only, json!({"id": asked.id})).await;
        assert_eq!(ids(&answer["customers"]), found);
    }
    let own = left
        .client
        .query("{ customers { nodes { id } } }", json!({}))
        .await;
    assert_eq!(ids(&own["customers"]), [of_left.as_str()]);
    let by_id = "query ($id: ID!) { customer(id: $id) { id } }";
    let foreign = left.client.query(by_id, json!({"id": of_right})).await;
    assert_eq!(foreign["customer"], Value::Null);
    let dashboard = "query ($id: ID) { dashboard(resellerId: $id) { customersTotal } }";
    let answer = top.client.query(dashboard, json!({"id": leaf.id})).await;
    assert_eq!(answer["dashboard"]["customersTotal"], 1);
    let refused = leaf.client.graphql(dashboard, json!({"id": top.id})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "NOT_FOUND");
}

#[actix_web::test]
async fn a_reseller_gives_credits_to_those_below_it_and_takes_them_back() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let top = app.reseller_with(&admin, 100).await;
    let (left, right) = (below(&app, &top).await, below(&app, &top).await);
    let leaf = below(&app, &left).await;
    let send = async |by: &Reseller, direction: &str, with: &Reseller, credits: i64| {
        let path = format!("/api/reseller/resellers/{}/credits/transfers", with.id);
        let body = json!({"direction": direction, "credits": credits, "note": "for new customers"});
        by.client.post(&path, body).await
    };
    assert_eq!(send(&top, "down", &left, 60).await.ok()["balance"], json!(40));
    assert_eq!(send(&top, "down", &leaf, 10).await.ok()["balance"], json!(30));
    assert_eq!(send(&left, "up", &leaf, 4).await.ok()["balance"], json!(64));
    for (by, with) in [(&left, &right), (&left, &top), (&leaf, &left)] {
        for direction in ["down", "up"] {
            let refused = send(by, direction, with, 1).await;
            assert_eq!(refused.code(), "RESELLER_NOT_FOUND");
        }
    }
    assert_eq!(send(&left, "up", &leaf, 7).await.code(), "INSUFFICIENT_CREDITS");
    assert_eq!(send(&top, "down", &top, 1).await.code(), "TRANSFER_TO_ITSELF");
    app.settle().await;
    let seen = "query ($id: ID!) { creditAccount(resellerId: $id) { balance lots { peerResellerId } }
                creditTransactions(resellerId: $id) { nodes { amount peerResellerId } } }";
    let by_top = top.client.query(seen, json!({"id": left.id})).await;
    assert_eq!(
        by_top["creditAccount"],
        json!({"balance": 64, "lots": [{"peerResellerId": top.id}, {"peerResellerId": leaf.id}]})
    );
    // Who is above is not told, not even as the other side.
    let by_itself = left.client.query(seen, json!({"id": left.id})).await;
    assert_eq!(
        by_itself["creditTransactions"]["nodes"],
        json!([{"amount": 4, "peerResellerId": leaf.id}, {"amount": 60, "peerResellerId": null}])
    );
    let by_sibling = right.client.query(seen, json!({"id": left.id})).await;
    assert_eq!(by_sibling["creditAccount"], Value::Null);
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_suspended_parent_stops_all_below_it() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let top = app.reseller_with(&admin, 100).await;
    let middle = below(&app, &top).await;
    let address = email("leaf");
    let leaf = middle
        .client
        .post("/api/reseller/resellers", new_reseller(&address))
        .await
        .ok();
    let leaf = Reseller {
        id: leaf["resellerId"].as_str().unwrap().to_owned(),
        client: app.signed_in(&address, PASSWORD).await,
        email: address.clone(),
    };
    leaf.give_credits(&admin, 60).await;
    let suspend = format!("/api/reseller/resellers/{}/suspend", middle.id);
    top.client.post(&suspend, json!({"reason": "unpaid"})).await.ok();
    let refused = leaf
        .client
        .post(
            "/api/reseller/customers",
            new_customer(&email("carl"), "basic", 30),
        )
        .await;
    assert_eq!(refused.code(), "SUSPENDED_ABOVE");
    let sign_in = json!({"email": address, "password": PASSWORD});
    let refused = app.client().post("/api/auth/token", sign_in).await;
    assert_eq!(refused.code(), "SUSPENDED_ABOVE");
    let position = app.settle().await;
    let state = "query ($id: ID!) { reseller(id: $id) { status effectiveState { status origin { id } } } }";
    let seen = top.client.query(state, json!({"id": leaf.id})).await;
    assert_eq!(
        seen["reseller"],
        json!({"status": "ACTIVE", "effectiveState": {"status": "SUSPENDED", "origin": {"id": middle.id}}}),
        "at {position}"
    );
    let itself = leaf.client.query(state, json!({"id": leaf.id})).await;
    assert_eq!(itself["reseller"]["effectiveState"]["status"], "SUSPENDED");
    assert_eq!(itself["reseller"]["effectiveState"]["origin"], Value::Null);
    let resume = format!("/api/reseller/resellers/{}/resume", middle.id);
    assert_eq!(
        middle.client.post(&resume, json!({"reason": "me"})).await.code(),
        "RESELLER_SUSPENDED",
        "nobody resumes itself"
    );
    top.client.post(&resume, json!({"reason": "paid"})).await.ok();
    app.customer_of(&leaf, "basic").await;
}

#[actix_web::test]
async fn two_moves_at_once_make_no_circle() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for _ in 0..8 {
        let (one, other) = (
            app.reseller_with(&admin, 0).await,
            app.reseller_with(&admin, 0).await,
        );
        let path = |id: &str| format!("/api/admin/resellers/{id}/move");
        let onto = |id: &str| json!({"parentId": id, "reason": "sold"});
        let (one_path, other_path) = (path(&one.id), path(&other.id));
        let (first, second) = tokio::join!(
            admin.post(&one_path, onto(&other.id)),
            admin.post(&other_path, onto(&one.id))
        );
        let done = [&first, &second]
            .iter()
            .filter(|answer| answer.status.is_success())
            .count();
        assert_eq!(done, 1, "{first:?} {second:?}");
        let refused = if first.status.is_success() {
            &second
        } else {
            &first
        };
        assert_eq!(refused.code(), "CIRCULAR_HIERARCHY");
    }
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_limit_holds_against_64_at_once() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let top = app.reseller_with(&admin, 0).await;
    let sub = below(&app, &top).await;
    sub.give_credits(&admin, 10_000).await;
    app.customer_of(&sub, "basic").await;
    let limits = format!("/api/reseller/resellers/{}/limits", sub.id);
    let set = top
        .client
        .put(&limits, json!({"customersMax": 5, "subResellersMax": 3}))
        .await;
    set.ok();
    let customers = (0..64).map(|_| {
        let client = sub.client.clone();
        async move {
            let input = new_customer(&email("carl"), "basic", 30);
            client.post("/api/reseller/customers", input).await
        }
    });
    let answers = join_all(customers).await;
    let created = answers.iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(created, 4, "one was there before");
    assert!(
        answers
            .iter()
            .filter(|answer| !answer.status.is_success())
            .all(|answer| answer.code() == "CUSTOMER_LIMIT_REACHED")
    );
    let resellers = (0..16).map(|_| {
        let client = sub.client.clone();
        async move {
            client
                .post("/api/reseller/resellers", new_reseller(&email("leaf")))
                .await
        }
    });
    let answers = join_all(resellers).await;
    let created = answers.iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(created, 3);
    let more = sub.client.put(&limits, json!({"customersMax": 100})).await;
    assert_eq!(more.code(), "FORBIDDEN", "nobody raises its own limit");
}

#[actix_web::test]
async fn a_foreign_id_is_an_unknown_one_in_every_field_of_every_command() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let mine = app.reseller_with(&admin, 100).await;
    let own = app.customer_of(&mine, "basic").await.id;
    let sub = below(&app, &mine).await;
    let other = app.reseller_with(&admin, 100).await;
    let foreign = app.customer_of(&other, "basic").await.id;
    let unknown = Uuid::now_v7().to_string();
    let reason = json!({"reason": "r"});
    let mut answers = Vec::new();
    for (reseller, tenant) in [(&other.id, &foreign), (&unknown, &unknown)] {
        let mut told = Vec::new();
        for command in ["suspend", "resume", "close", "reopen"] {
            let path = format!("/api/reseller/resellers/{reseller}/{command}");
            told.push(mine.client.post(&path, reason.clone()).await);
        }
        for command in ["close", "reopen"] {
            let path = format!("/api/reseller/customers/{tenant}/{command}");
            told.push(mine.client.post(&path, reason.clone()).await);
        }
        for direction in ["down", "up"] {
            let path = format!("/api/reseller/resellers/{reseller}/credits/transfers");
            let transfer = json!({"direction": direction, "credits": 1, "note": "n"});
            told.push(mine.client.post(&path, transfer).await);
        }
        let path = format!("/api/reseller/resellers/{reseller}");
        told.push(mine.client.put(&format!("{path}/limits"), json!({})).await);
        told.push(
            mine.client
                .put(&format!("{path}/profile"), json!({"name": "x"}))
                .await,
        );
        let path = format!("/api/reseller/customers/{tenant}");
        told.push(mine.client.put(&path, json!({"name": "x"})).await);
        let onto_sub = json!({"resellerId": sub.id, "reason": "r"});
        told.push(mine.client.post(&format!("{path}/move"), onto_sub).await);
        let path = format!("/api/reseller/customers/{own}/move");
        let away = json!({"resellerId": reseller, "reason": "r"});
        told.push(mine.client.post(&path, away).await);
        let mut placed = new_reseller(&email("leaf"));
        placed["parentId"] = json!(reseller);
        told.push(mine.client.post("/api/reseller/resellers", placed).await);
        answers.push(told);
    }
    let [foreign, unknown] = &answers[..] else {
        panic!("two rounds")
    };
    for (foreign, unknown) in foreign.iter().zip(unknown) {
        assert_eq!(foreign.status.as_u16(), 404, "{foreign:?}");
        assert_eq!(foreign.body, unknown.body);
    }
}

#[actix_web::test]
async fn a_reseller_is_closed_when_nobody_is_left() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let top = app.reseller_with(&admin, 100).await;
    let sub = below(&app, &top).await;
    sub.give_credits(&admin, 30).await;
    let tenant = app.customer_of(&sub, "basic").await.id;
    let reason = json!({"reason": "left"});
    let close = format!("/api/reseller/resellers/{}/close", sub.id);
    let refused = top.client.post(&close, reason.clone()).await;
    assert_eq!(refused.code(), "HAS_CUSTOMERS");
    let top_close = format!("/api/admin/resellers/{}/close", top.id);
    let refused = admin.post(&top_close, reason.clone()).await;
    assert_eq!(refused.code(), "HAS_SUB_RESELLERS");
    let path = format!("/api/reseller/customers/{tenant}/move");
    let up = json!({"resellerId": top.id, "reason": "taken over"});
    assert_eq!(
        sub.client.post(&path, up.clone()).await.code(),
        "RESELLER_NOT_FOUND",
        "who is below gives nothing to who is above"
    );
    top.client.post(&path, up).await.ok();
    top.client.post(&close, reason.clone()).await.ok();
    let refused = sub
        .client
        .post("/api/reseller/resellers", new_reseller(&email("leaf")))
        .await;
    assert_eq!(refused.code(), "RESELLER_CLOSED");
    let reopen = format!("/api/reseller/resellers/{}/reopen", sub.id);
    top.client.post(&reopen, reason).await.ok();
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn the_house_is_there_once_and_stays() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let write = app.parts.write_side();
    for _ in 0..2 {
        commands::bootstrap::house(&write).await.unwrap();
    }
    let house = domain::ids::HOUSE.to_string();
    for command in ["suspend", "close"] {
        let path = format!("/api/admin/resellers/{house}/{command}");
        let refused = admin.post(&path, json!({"reason": "r"})).await;
        assert_eq!(refused.code(), "HOUSE_STAYS");
    }
    app.settle().await;
    let seen = admin
        .query(
            "{ resellers(search: \"house\") { nodes { id status } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        seen["resellers"]["nodes"],
        json!([{"id": house, "status": "ACTIVE"}])
    );
}
