//! Lists as files.

use std::io::{Cursor, Read};

use domain::credit_account::{CreditAccount, CreditAccountEvent};
use domain::credits::{Credits, Money};
use domain::ids::ResellerId;
use platform::Principal;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::support::log::{Story, noon, platform, story};
use crate::support::{TestApi, customer, reseller};

const MOVEMENTS: &str = "query Movements($where: TransactionsWanted, $first: Int, $after: String) {
    creditTransactions(where: $where, first: $first, after: $after) {
        pageInfo { hasNextPage }
        nodes { number amount note actorName }
    } }";

const NOTE: &str = "=cmd, \"quoted\"\nand wrapped";

async fn business(sold: i64) -> (TestApi, Story) {
    business_with(sold, NOTE).await
}

async fn business_with(sold: i64, note: &str) -> (TestApi, Story) {
    let mut api = TestApi::start().await;
    platform(&mut api.log).await;
    let story = story(&mut api.log, "Nordwind").await;
    sell(&mut api, story.reseller_id, sold, note).await;
    (api, story)
}

async fn sell(api: &mut TestApi, to: ResellerId, times: i64, note: &str) {
    let owner = store::unit_of_work::Owner::reseller(to);
    let mut events = Vec::new();
    for number in 1..=times {
        let event = CreditAccountEvent::CreditsPurchased {
            pack_code: "starter".to_owned(),
            credits: Credits(number),
            price: Money {
                amount_minor: 100,
                currency: "USD".to_owned(),
            },
            note: Some(note.to_owned()),
            balance_after: Credits(number),
            listed: None,
            lots: vec![],
        };
        events.push(
            api.log
                .event::<CreditAccount>(&to.to_string(), &event, owner, noon()),
        );
    }
    if !events.is_empty() {
        api.log.append(&events).await;
    }
    api.log.catch_up().await;
}

async fn save(api: &TestApi, who: Option<&Principal>, format: &str, body: &Value) -> Response {
    let mut asked = reqwest::Client::new()
        .post(api.url(&format!("/downloads/list.{format}")))
        .json(body);
    if let Some(who) = who {
        asked = asked.bearer_auth(api.token(who));
    }
    asked.send().await.unwrap()
}

async fn text(answer: Response) -> String {
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

fn records(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    rows.collect()
}

#[actix_web::test]
async fn every_row_of_a_list_is_saved_beside_what_it_says_of_itself() {
    let (api, story) = business(250).await;
    let body = json!({"query": MOVEMENTS, "variables": {"first": 7}});
    let answer = save(&api, Some(&reseller(&story)), "zip", &body).await;
    assert_eq!(answer.headers()["content-type"], "application/zip");
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=\"creditTransactions.zip\""
    );
    let bytes = answer.bytes().await.unwrap();
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut file = |name: &str| {
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let (list, sidecar) = (file("creditTransactions.csv"), file("creditTransactions.json"));
    let rows = records(&list);
    assert_eq!(rows[0], ["number", "amount", "note", "actorName"]);
    let saved = rows[1..].iter().filter(|row| row[2].starts_with("'=cmd")).count();
    assert_eq!(saved, 250, "no page is left out and none comes twice");
    assert!(list.contains("\"'=cmd, \"\"quoted\"\"\nand wrapped\""));
    let sidecar: Value = serde_json::from_str(&sidecar).unwrap();
    assert_eq!(sidecar["sha256"], hex::encode(Sha256::digest(&list)));
    assert_eq!(sidecar["rows"], json!(rows.len() - 1));
    assert_eq!(sidecar["bytes"], json!(list.len()));
    assert_eq!(sidecar["variables"], json!({"first": 7}));
    assert_eq!(sidecar["query"], MOVEMENTS);
    assert_eq!(
        sidecar["columns"],
        json!(["number", "amount", "note", "actorName"])
    );
    assert_eq!(sidecar["position"], json!(api.log.position().await.to_string()));
    assert!(sidecar["asOf"].is_string());
}

#[actix_web::test]
async fn what_is_nested_becomes_columns_and_what_is_several_one() {
    let (api, story) = business(0).await;
    let body = json!({"query": "fragment Who on User { contact: email role }
        query { users { nodes { ...Who name } pageInfo { endCursor } } }"});
    let rows = records(&text(save(&api, Some(&reseller(&story)), "csv", &body).await).await);
    assert_eq!(rows[0], ["contact", "role", "name"]);
    assert_eq!(rows.len(), 3, "{rows:?}");
    let body = json!({"query": "{ resellers { nodes { id limits { customersMax } above { id name } } } }"});
    let rows = records(&text(save(&api, Some(&reseller(&story)), "csv", &body).await).await);
    assert_eq!(rows[0], ["id", "limits.customersMax", "above"]);
}

#[actix_web::test]
async fn all_rows_come_from_one_state() {
    let (mut api, story) = business(300).await;
    let body = json!({"query": "{ creditTransactions { nodes { number } } }"});
    let mut answer = save(&api, Some(&reseller(&story)), "csv", &body).await;
    let position = answer.headers()["position"].to_str().unwrap().to_owned();
    let mut saved = answer.chunk().await.unwrap().unwrap().to_vec();
    sell(&mut api, story.reseller_id, 5, NOTE).await;
    assert_ne!(position, api.log.position().await.to_string());
    while let Some(more) = answer.chunk().await.unwrap() {
        saved.extend(more);
    }
    let rows = records(&String::from_utf8(saved).unwrap());
    let again = records(&text(save(&api, Some(&reseller(&story)), "csv", &body).await).await);
    assert_eq!(again.len(), rows.len() + 5);
}

#[actix_web::test]
async fn nobody_saves_more_than_he_reads() {
    let (mut api, north) = business(3).await;
    let south = story(&mut api.log, "Fremd").await;
    api.log.catch_up().await;
    let body = json!({"query": MOVEMENTS});
    let own = text(save(&api, Some(&reseller(&north)), "csv", &body).await).await;
    let other = text(save(&api, Some(&reseller(&south)), "csv", &body).await).await;
    assert!(own.contains("=cmd") && !other.contains("=cmd"));
    let customer = save(&api, Some(&customer(&north)), "csv", &body).await;
    assert_eq!(customer.status(), StatusCode::FORBIDDEN);
    let nobody = save(&api, None, "csv", &body).await;
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(nobody.headers()["www-authenticate"], "Bearer");
}

#[actix_web::test]
async fn what_is_no_list_is_refused_with_what_to_send() {
    let (api, story) = business(0).await;
    let bombs = (0..16).map(|n| format!("fragment F{n} on Customer {{ ...F{0} ...F{0} }}", n + 1));
    let bombs: String = bombs.collect();
    let deep = format!("{{ customers {{ nodes {{ ...F0 }} }} }} {bombs} fragment F16 on Customer {{ id }}");
    for (query, expected) in [
        ("{ viewer { id } }", "a list is saved by a query with one field"),
        ("{ customers { edges { cursor } } }", "and its nodes"),
        (
            "{ customers { nodes { id } } users { nodes { id } } }",
            "one field",
        ),
        ("{ customers { nodes { id }", "the query"),
        ("subscription { customers { nodes { id } } }", "one field"),
        ("{ customers { nodes { colour } } }", "colour"),
        ("{ customers(first: 5, search: 3) { nodes { id } } }", "search"),
        (
            "query A { users { nodes { id } } } query B { users { nodes { id } } }",
            "operationName",
        ),
        (deep.as_str(), "the query"),
    ] {
        let answer = save(&api, Some(&reseller(&story)), "zip", &json!({"query": query})).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
        let problem: Value = answer.json().await.unwrap();
        assert!(
            problem["detail"].as_str().unwrap().contains(expected),
            "{query}: {problem}"
        );
    }
    let unknown = save(
        &api,
        Some(&reseller(&story)),
        "xlsx",
        &json!({"query": MOVEMENTS}),
    )
    .await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let body = json!({"query": "{ customers(minPosition: \"9999999999-9\") { nodes { id } } }"});
    let stale = save(&api, Some(&reseller(&story)), "csv", &body).await;
    assert_eq!(stale.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[actix_web::test]
async fn few_are_saved_at_a_time_and_who_goes_makes_room() {
    // More than fits between two sockets, so that who does not read holds the place. The pool has four connections,
    // and one of them is for lists.
    let (api, story) = business_with(1_000, &"long ".repeat(5_000)).await;
    let body = json!({"query": "{ creditTransactions { nodes { number note } } }"});
    let unread = save(&api, Some(&reseller(&story)), "csv", &body).await;
    assert_eq!(unread.status(), StatusCode::OK);
    let refused = save(&api, Some(&reseller(&story)), "csv", &body).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "5");
    drop(unread);
    for _ in 0..1_000 {
        if save(&api, Some(&reseller(&story)), "csv", &body).await.status() == StatusCode::OK {
            return;
        }
    }
    panic!("who has gone still holds his place");
}
