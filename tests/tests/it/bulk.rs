//! Bulks: many customers by one file, each row once, whatever happens meanwhile.

use std::fmt::Write;
use std::net::TcpListener;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use server::Role;
use tests::app::{ADMIN, PASSWORD};
use tests::client::read;
use tests::process::Process;
use tests::scenario::{Reseller, email, new_reseller};
use tests::{Answer, TestApp, TestClient};
use uuid::Uuid;

const HEADER: &str = "name,tier,days,userName,userEmail\n";

/// A file of new customers.
fn customers(count: usize, days: u32) -> String {
    let run = Uuid::new_v4().simple();
    (0..count).fold(HEADER.to_owned(), |mut file, number| {
        writeln!(
            file,
            "Radio {number},basic,{days},Carl {number},carl{number}-{run}@radio.test"
        )
        .unwrap();
        file
    })
}

struct Sent<'a> {
    kind: &'a str,
    mode: &'a str,
    key: &'a str,
    dry: bool,
}

impl Default for Sent<'_> {
    fn default() -> Self {
        Self {
            kind: "create",
            mode: "BEST_EFFORT",
            key: "bulk",
            dry: false,
        }
    }
}

async fn send(client: &TestClient, sent: Sent<'_>, file: impl Into<reqwest::Body>) -> Answer {
    let Sent { kind, mode, key, dry } = sent;
    let path = format!("/api/reseller/bulk?kind={kind}&mode={mode}");
    let request = client
        .request(Method::POST, &path)
        .header("Idempotency-Key", key)
        .header("Content-Type", "text/csv")
        .header("Dry-Run", dry.to_string());
    read(request.body(file).send().await.unwrap()).await
}

const BULK: &str = "query ($id: ID!) { bulk(id: $id) { state rows done failed } }";

/// The bulk when it has ended.
async fn ended(reader: &TestClient, id: &Value) -> Value {
    for _ in 0..20_000 {
        let data = reader.query(BULK, json!({"id": id})).await;
        let state = data["bulk"]["state"].as_str().unwrap_or("RUNNING");
        if !["RUNNING", "CANCELLING"].contains(&state) {
            return data["bulk"].clone();
        }
    }
    panic!("the bulk does not end");
}

async fn results(reader: &TestClient, id: &Value, state: Option<&str>) -> Vec<Value> {
    let query =
        "query ($id: ID!, $state: BulkRowState) { bulkResults(bulkId: $id, state: $state, first: 100) {
        nodes { row state code message customerId debited } } }";
    let data = reader.query(query, json!({"id": id, "state": state})).await;
    data["bulkResults"]["nodes"].as_array().unwrap().clone()
}

async fn balance(app: &TestApp, reseller: &Reseller) -> i64 {
    let spent: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum((payload #>> '{CreditsDebited,credits}')::bigint), 0)::bigint FROM es.events
         WHERE event_type = 'CreditsDebited' AND aggregate_id = $1",
    )
    .bind(&reseller.id)
    .fetch_one(&app.parts.commands)
    .await
    .unwrap();
    spent
}

#[actix_web::test]
async fn a_file_of_customers_is_carried_out_row_by_row() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let client = &reseller.client;
    let mut file = format!("\u{feff}{}", customers(2, 30)).replace('\n', "\r\n");
    file += "\"=HYPERLINK(\"\"x\"\")\",basic,10,\"Ann, \"\"the\"\" boss\",ann@radio.test\r\n";
    file += "Radio,basic,many,Ben,ben@radio.test\r\nRadio,basic,10,Ann,ANN@radio.test\r\nRadio,basic,101,Cy,cy@radio.test\r\n";
    let begun = send(client, Sent::default(), file.clone()).await;
    assert_eq!(begun.status.as_u16(), 202, "{}", begun.body);
    let begun = begun.ok();
    assert_eq!(begun["rows"], json!(6));
    let again = send(client, Sent::default(), file.clone()).await;
    assert!(again.replayed, "sent twice, begun once");
    assert_eq!(again.body["bulkId"], begun["bulkId"]);
    let other = send(client, Sent::default(), file.replace("Ben", "Bob")).await;
    assert_eq!(other.code(), "IDEMPOTENCY_KEY_REUSED");
    let bulk = ended(client, &begun["bulkId"]).await;
    assert_eq!(
        bulk,
        json!({"state": "COMPLETED", "rows": 6, "done": 3, "failed": 3})
    );
    let rows = results(client, &begun["bulkId"], None).await;
    let codes: Vec<_> = rows
        .iter()
        .map(|row| row["code"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(codes[3], "INVALID_ROW");
    assert_eq!(
        rows[3]["message"],
        json!("row 4, column days: expected a whole number of days, found \"many\"")
    );
    // The two with one address: whichever came first.
    assert_eq!(codes.iter().filter(|code| **code == "EMAIL_TAKEN").count(), 1);
    assert_eq!(codes[5], "INSUFFICIENT_CREDITS");
    assert_eq!(results(client, &begun["bulkId"], Some("FAILED")).await.len(), 3);
    assert_eq!(balance(&app, &reseller).await, 70);
    app.settle().await;
    let data = client
        .query(
            "{ customers { nodes { name } } bulks { nodes { id kind mode } } }",
            json!({}),
        )
        .await;
    assert_eq!(data["customers"]["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(
        data["bulks"]["nodes"],
        json!([{"id": begun["bulkId"], "kind": "create", "mode": "BEST_EFFORT"}])
    );
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM live.bulk_rows WHERE input IS NOT NULL")
        .fetch_one(&app.parts.commands)
        .await
        .unwrap();
    assert_eq!(left, 0, "what was asked for is forgotten");
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn all_or_nothing_is_one_append_or_none() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let client = &reseller.client;
    let mode = "ALL_OR_NOTHING";
    let too_many = customers(11, 10);
    let tried = Sent {
        mode,
        dry: true,
        ..Sent::default()
    };
    let told = send(client, tried, too_many.clone()).await.ok();
    let would = &told["answer"]["would"];
    assert_eq!(
        (&would["done"], &would["failed"]),
        (&json!(0), &json!(1)),
        "{would}"
    );
    assert_eq!(would["rows"][0]["code"], "INSUFFICIENT_CREDITS");
    assert_eq!(would["rows"][0]["row"], json!(11));
    let begun = send(
        client,
        Sent {
            mode,
            ..Sent::default()
        },
        too_many,
    )
    .await
    .ok();
    let bulk = ended(client, &begun["bulkId"]).await;
    assert_eq!(
        bulk,
        json!({"state": "NOTHING_DONE", "rows": 11, "done": 0, "failed": 11})
    );
    let rows = results(client, &begun["bulkId"], None).await;
    assert_eq!(rows[0]["code"], "ANOTHER_ROW_REFUSED");
    assert_eq!(rows[10]["code"], "INSUFFICIENT_CREDITS");
    assert_eq!(balance(&app, &reseller).await, 0);
    let begun = send(
        client,
        Sent {
            mode,
            key: "2",
            ..Sent::default()
        },
        customers(10, 10),
    )
    .await
    .ok();
    let bulk = ended(client, &begun["bulkId"]).await;
    assert_eq!(
        bulk,
        json!({"state": "COMPLETED", "rows": 10, "done": 10, "failed": 0})
    );
    assert_eq!(balance(&app, &reseller).await, 100);
    let transactions: i64 =
        sqlx::query_scalar("SELECT count(DISTINCT xid) FROM es.events WHERE event_type = 'TenantCreated'")
            .fetch_one(&app.parts.commands)
            .await
            .unwrap();
    assert_eq!(transactions, 1);
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_dry_run_tells_every_row_and_stores_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 25).await;
    let client = &reseller.client;
    let count = async || -> (i64, i64, i64) {
        sqlx::query_as(
            "SELECT (SELECT count(*) FROM es.events), (SELECT count(*) FROM live.bulk_rows),
                    (SELECT count(*) FROM es.subject_keys)",
        )
        .fetch_one(&app.parts.commands)
        .await
        .unwrap()
    };
    let before = count().await;
    let told = send(
        client,
        Sent {
            dry: true,
            ..Sent::default()
        },
        customers(3, 10),
    )
    .await
    .ok();
    let would = &told["answer"]["would"];
    assert_eq!(
        (&would["done"], &would["failed"], &would["debited"]),
        (&json!(2), &json!(1), &json!(20))
    );
    let spent =
        json!({"resellerId": reseller.id, "account": "credits.spent", "unit": "credits", "amount": 20});
    assert!(told["postings"].as_array().unwrap().contains(&spent), "{told}");
    assert!(told["events"].to_string().contains("Carl 1"), "{told}");
    assert_eq!(count().await, before);
}

#[actix_web::test]
async fn customers_are_extended_suspended_resumed_and_moved_and_foreign_ones_are_unknown() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 1_000).await;
    let client = &reseller.client;
    let own = app.customer_of(&reseller, "basic").await;
    let stranger = app.reseller_with(&admin, 100).await;
    let foreign = app.customer_of(&stranger, "basic").await;
    let below = client
        .post("/api/reseller/resellers", new_reseller(&email("sub")))
        .await
        .ok();
    let below = below["resellerId"].as_str().unwrap();
    let unknown = Uuid::now_v7();
    for (kind, header, cells) in [
        ("extend", "customerId,days", "30".to_owned()),
        ("suspend", "customerId,reason", "unpaid".to_owned()),
        ("resume", "customerId,reason", "paid".to_owned()),
        ("move", "customerId,resellerId,reason", format!("{below},sold")),
    ] {
        let mut file = format!("{header}\n");
        for customer in [own.id.clone(), foreign.id.clone(), unknown.to_string()] {
            writeln!(file, "{customer},{cells}").unwrap();
        }
        let begun = send(
            client,
            Sent {
                kind,
                key: kind,
                ..Sent::default()
            },
            file,
        )
        .await
        .ok();
        let bulk = ended(client, &begun["bulkId"]).await;
        assert_eq!(
            (&bulk["done"], &bulk["failed"]),
            (&json!(1), &json!(2)),
            "{kind}: {bulk}"
        );
        let failed = results(client, &begun["bulkId"], Some("FAILED")).await;
        assert_eq!(failed[0]["code"], "CUSTOMER_NOT_FOUND", "{kind}");
        assert_eq!(
            (&failed[0]["code"], &failed[0]["message"]),
            (&failed[1]["code"], &failed[1]["message"]),
            "a foreign customer is an unknown one"
        );
        let theirs = stranger.client.query(BULK, json!({"id": begun["bulkId"]})).await;
        assert!(
            theirs["bulk"].is_null() && results(&stranger.client, &begun["bulkId"], None).await.is_empty()
        );
        let path = format!("/api/reseller/bulk/{}/cancel", begun["bulkId"].as_str().unwrap());
        let body = json!({"reason": "not mine"});
        assert_eq!(
            stranger.client.post(&path, body.clone()).await.code(),
            "BULK_NOT_FOUND"
        );
        assert_eq!(client.post(&path, body).await.code(), "BULK_ENDED");
    }
    // The platform moves it back, as JSON.
    let request = admin
        .request(
            Method::POST,
            &format!(
                "/api/admin/bulk?kind=move&mode=BEST_EFFORT&resellerId={}",
                reseller.id
            ),
        )
        .header("Idempotency-Key", "back")
        .json(&json!([{"customerId": own.id, "resellerId": reseller.id, "reason": "a mistake"}]));
    let begun = read(request.send().await.unwrap()).await.ok();
    assert_eq!(ended(&admin, &begun["bulkId"]).await["done"], json!(1));
}

#[actix_web::test]
async fn what_is_no_file_of_rows_is_refused_before_anything_begins() {
    let app = TestApp::with(&Role::ALL, |config| config.bulk.begun_per_hour = 12).await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 10).await;
    let client = &reseller.client;
    for (file, code) in [
        ("name;tier\n".to_owned(), "INVALID_FILE"),
        (HEADER.to_owned(), "BULK_EMPTY"),
        (format!("{HEADER}\"{}", "x".repeat(200_000)), "INVALID_FILE"),
    ] {
        let refused = send(client, Sent::default(), file).await;
        assert_eq!(refused.code(), code, "{}", refused.body);
    }
    let long = Sent {
        mode: "ALL_OR_NOTHING",
        ..Sent::default()
    };
    let refused = send(client, long, customers(5_001, 1)).await;
    assert_eq!(refused.code(), "BULK_TOO_LONG");
    let odd = client
        .request(Method::POST, "/api/reseller/bulk?kind=create&mode=BEST_EFFORT")
        .header("Idempotency-Key", "k")
        .header("Content-Type", "text/plain")
        .body("x");
    assert_eq!(read(odd.send().await.unwrap()).await.code(), "UNSUPPORTED_FORMAT");
    let huge = client
        .request(Method::POST, "/api/reseller/bulk?kind=create&mode=BEST_EFFORT")
        .header("Idempotency-Key", "k")
        .header("Content-Type", "text/csv")
        .body(vec![b'x'; 100_000_001]);
    // Refused by its announced size: the connection may be closed before all of it was sent.
    if let Ok(answer) = huge.send().await {
        assert_eq!(read(answer).await.code(), "FILE_TOO_LARGE");
    }
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM work.bulks) + (SELECT count(*) FROM live.bulk_rows)",
    )
    .fetch_one(&app.parts.commands)
    .await
    .unwrap();
    assert_eq!(left, 0);
    let mut last = send(client, Sent::default(), "x").await;
    for _ in 0..20 {
        last = send(client, Sent::default(), "x").await;
    }
    assert_eq!((last.refusal().0, last.code()), (429, "RATE_LIMITED"));
    let single = tests::scenario::new_customer(&email("carl"), "basic", 1);
    client.post("/api/reseller/customers", single).await.ok();
}

#[actix_web::test]
async fn what_was_not_begun_when_a_bulk_is_cancelled_is_left() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 10_000).await;
    let client = &reseller.client;
    let begun = send(client, Sent::default(), customers(3_000, 1)).await.ok();
    let path = format!("/api/reseller/bulk/{}/cancel", begun["bulkId"].as_str().unwrap());
    client.post(&path, json!({"reason": "the wrong file"})).await.ok();
    let bulk = ended(client, &begun["bulkId"]).await;
    assert_eq!(
        (&bulk["state"], &bulk["failed"]),
        (&json!("CANCELLED"), &json!(0))
    );
    let done = bulk["done"].as_i64().unwrap();
    assert!(done < 3_000, "{done}");
    assert_eq!(balance(&app, &reseller).await, done);
    assert!(!results(client, &begun["bulkId"], Some("LEFT")).await.is_empty());
}

#[actix_web::test]
async fn a_bulk_goes_on_after_its_process_was_killed_and_does_no_row_twice() {
    const ROWS: usize = 600;
    const LONGEST: Duration = Duration::from_secs(120);
    let app = TestApp::with(&[Role::Projections, Role::Api], |_| {}).await;
    app.register_admin().await;
    let mut config = (*app.config).clone();
    config.http.port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let writer = TestClient::new(&format!("http://127.0.0.1:{}", config.http.port));
    let process = Process::server(&config, "commands").await;
    let admin = writer.clone().sign_in(ADMIN, PASSWORD).await;
    let owner = email("rita");
    let registered = admin
        .post("/api/admin/resellers", new_reseller(&owner))
        .await
        .ok();
    let id = registered["resellerId"].as_str().unwrap().to_owned();
    let bonus = json!({"kind": "bonus", "credits": ROWS, "note": "n"});
    admin
        .post(&format!("/api/admin/resellers/{id}/credits/adjustments"), bonus)
        .await
        .ok();
    let client = writer.sign_in(&owner, PASSWORD).await;
    let reader = app.client().with_token(client.token.as_deref().unwrap());
    let begun = send(&client, Sent::default(), customers(ROWS, 1)).await.ok();
    let created = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM es.events WHERE event_type = 'TenantCreated'")
            .fetch_one(&app.parts.commands)
            .await
            .unwrap()
    };
    let mut process = Some(process);
    let mut kills = 0;
    for mark in [80, 200, 400] {
        let reached = async { while created().await < mark {} };
        tokio::time::timeout(LONGEST, reached)
            .await
            .expect("the bulk goes on");
        if let Some(running) = process.take() {
            running.kill().await;
            kills += 1;
        }
        process = Some(Process::server(&config, "commands").await);
    }
    let bulk = ended(&reader, &begun["bulkId"]).await;
    assert_eq!(
        bulk,
        json!({"state": "COMPLETED", "rows": ROWS, "done": ROWS, "failed": 0})
    );
    assert_eq!((created().await, kills), (i64::try_from(ROWS).unwrap(), 3));
    let reseller = Reseller {
        id,
        email: owner,
        client,
    };
    assert_eq!(balance(&app, &reseller).await, i64::try_from(ROWS).unwrap());
    app.settle().await;
    assert!(app.audit().await.is_clean());
    drop(process);
}
