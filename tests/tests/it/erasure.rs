//! Erasing a person: gone from everything that is stored and shown, while every figure stays.

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{PgPool, Row};
use store::database::DatabaseRole;
use store::erasure;
use tests::app::{Audited, PASSWORD};
use tests::client::read;
use tests::process::stentor;
use tests::scenario::{email, new_customer, new_reseller};
use tests::{TestApp, TestClient};

const REASON: &str = "asked to be forgotten, ticket 4711";
const NAME: &str = "Xanthippe Quellwasser";

/// The tables of the whole database with a row that holds one of `needles`, as text or as bytes.
async fn tables_with(owner: &PgPool, needles: &[&str]) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
    )
    .fetch_all(owner)
    .await
    .unwrap();
    assert!(tables.len() > 15, "{tables:?}");
    let patterns: Vec<String> = needles
        .iter()
        .flat_map(|needle| [format!("%{needle}%"), format!("%{}%", hex(needle))])
        .collect();
    let mut found = Vec::new();
    for table in tables {
        let sql = format!("SELECT EXISTS (SELECT FROM {table} AS t WHERE t::text ILIKE ANY ($1))");
        let holds: bool = sqlx::query_scalar(&sql)
            .bind(&patterns)
            .fetch_one(owner)
            .await
            .unwrap();
        if holds {
            found.push(table);
        }
    }
    found
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A user of a customer, and of the customer's only contact.
struct Person {
    id: String,
    email: String,
    reseller: TestClient,
}

async fn person(app: &TestApp, admin: &TestClient) -> Person {
    let reseller = app.reseller_with(admin, 100).await;
    let email = email("xanthippe");
    let mut customer = new_customer(&email, "premium", 30);
    customer["firstUser"]["name"] = json!(NAME);
    let created = reseller
        .client
        .post("/api/reseller/customers", customer)
        .await
        .ok();
    Person {
        id: created["userId"].as_str().unwrap().to_owned(),
        email,
        reseller: reseller.client,
    }
}

fn path(user_id: &str) -> String {
    format!("/api/admin/users/{user_id}/erase")
}

async fn erase(admin: &TestClient, user_id: &str) -> tests::Answer {
    admin.post(&path(user_id), json!({"reason": REASON})).await
}

async fn sign_in(app: &TestApp, email: &str) -> tests::Answer {
    let body = json!({"email": email, "password": PASSWORD});
    app.client().post("/api/auth/sign-in", body).await
}

#[actix_web::test]
async fn an_erased_person_is_nowhere_and_every_figure_stays() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let person = person(&app, &admin).await;
    let browser = reqwest::Client::builder().cookie_store(true).no_proxy().build();
    let browser = browser.unwrap();
    let credentials = json!({"email": person.email, "password": PASSWORD});
    let opened = browser.post(format!("{}/api/auth/sign-in", app.url));
    read(opened.json(&credentials).send().await.unwrap()).await.ok();
    let owner = app.database.pool(DatabaseRole::Owner).await;
    let before = app.audit().await;
    assert!(before.is_clean(), "{before:?}");
    let needles = [NAME, person.email.as_str()];
    assert_eq!(
        tables_with(&owner, &needles).await,
        ["read.customers", "read.users"]
    );

    let done = erase(&admin, &person.id).await.ok();

    // At once, before any projection has come to the event.
    assert_eq!(tables_with(&owner, &needles).await, [""; 0]);
    app.settle().await;
    assert_eq!(tables_with(&owner, &needles).await, [""; 0]);
    let searched = person.reseller.query(
        "query ($email: String!, $after: String!) {
           found: customers(search: $email, minPosition: $after) { nodes { id } }
           all: customers { nodes { contactEmail } }
         }",
        json!({"email": person.email, "after": done["position"]}),
    );
    let expected = json!({"found": {"nodes": []}, "all": {"nodes": [{"contactEmail": null}]}});
    assert_eq!(searched.await, expected);

    let after = app.audit().await;
    assert!(after.is_clean(), "{after:?}");
    for unchanged in ["credit_transactions", "grants", "packs", "jobs"] {
        let digest = |audited: &Audited| {
            let of = audited
                .read
                .projections
                .iter()
                .find(|of| of.name == unchanged)
                .unwrap();
            of.digest.clone()
        };
        assert_eq!(digest(&after), digest(&before), "{unchanged}");
    }

    assert_eq!(sign_in(&app, &person.email).await.code(), "SIGN_IN_FAILED");
    let session = browser.get(format!("{}/api/auth/session", app.url)).send();
    assert_eq!(session.await.unwrap().status(), StatusCode::UNAUTHORIZED);
    // The address is free again.
    person
        .reseller
        .post("/api/reseller/customers", new_customer(&person.email, "basic", 1))
        .await
        .ok();
    sign_in(&app, &person.email).await.ok();
    owner.close().await;
}

#[actix_web::test]
async fn a_resellers_contact_goes_with_the_owner_whose_address_it_is() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let address = email("rita");
    let mut reseller = new_reseller(&address);
    reseller["contactEmail"] = json!(address);
    let registered = admin.post("/api/admin/resellers", reseller).await.ok();
    app.settle().await;
    erase(&admin, registered["ownerUserId"].as_str().unwrap())
        .await
        .ok();
    let owner = app.database.pool(DatabaseRole::Owner).await;
    assert_eq!(tables_with(&owner, &[address.as_str()]).await, [""; 0]);
    let report = app.audit().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(tables_with(&owner, &[address.as_str()]).await, [""; 0]);
    owner.close().await;
}

#[actix_web::test]
async fn an_office_address_stays_when_the_owner_goes() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let registered = admin
        .post("/api/admin/resellers", new_reseller(&email("rita")))
        .await
        .ok();
    erase(&admin, registered["ownerUserId"].as_str().unwrap())
        .await
        .ok();
    app.settle().await;
    let shown = admin.query("{ resellers { nodes { contactEmail } } }", json!({}));
    let expected = json!({"resellers": {"nodes": [{"contactEmail": "office@north.test"}]}});
    assert_eq!(shown.await, expected);
}

#[actix_web::test]
async fn projections_that_come_later_find_nothing() {
    let app = TestApp::with(&[server::Role::Commands], |_| {}).await;
    let admin = app.admin().await;
    let person = person(&app, &admin).await;
    erase(&admin, &person.id).await.ok();
    projections::catch_up(&app.parts.projections, &app.parts.vault)
        .await
        .unwrap();
    let owner = app.database.pool(DatabaseRole::Owner).await;
    assert_eq!(tables_with(&owner, &[NAME, person.email.as_str()]).await, [""; 0]);
    owner.close().await;
}

#[actix_web::test]
async fn refusals_say_what_stands_in_the_way() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let person = person(&app, &admin).await;
    let unknown = uuid::Uuid::now_v7().to_string();
    let told = |reason: &str| json!({"reason": reason});
    for (user, body, refusal) in [
        (unknown.as_str(), told(REASON), (404, "USER_NOT_FOUND")),
        (&person.id, told("  "), (400, "INVALID_REASON")),
        (&person.id, json!({}), (400, "INVALID_INPUT")),
        (
            &person.id,
            told("Mrs Quellwasser asked"),
            (400, "REASON_NAMES_PERSON"),
        ),
        (
            &person.id,
            told(&format!("{} asked", person.email)),
            (400, "REASON_NAMES_PERSON"),
        ),
    ] {
        let answer = admin.post(&path(user), body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), refusal);
    }
    let foreign = erase(&person.reseller, &person.id).await;
    assert_eq!((foreign.status.as_u16(), foreign.code()), (403, "FORBIDDEN"));
    let first = admin
        .post_with_key(&path(&person.id), "once", told(REASON))
        .await
        .ok();
    let again = admin.post_with_key(&path(&person.id), "once", told(REASON)).await;
    assert!(again.replayed);
    assert_eq!(again.ok(), first);
    let twice = erase(&admin, &person.id).await;
    assert_eq!((twice.status.as_u16(), twice.code()), (409, "USER_ERASED"));
}

async fn platform_admins(app: &TestApp) -> Vec<String> {
    let users = "SELECT aggregate_id FROM es.events WHERE event_type = 'UserRegistered' ORDER BY position";
    sqlx::query_scalar(users)
        .fetch_all(&app.parts.commands)
        .await
        .unwrap()
}

#[actix_web::test]
async fn one_platform_admin_is_always_left() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let last = platform_admins(&app).await;
    let alone = erase(&admin, &last[0]).await;
    assert_eq!(
        (alone.status.as_u16(), alone.code()),
        (409, "LAST_PLATFORM_ADMIN")
    );

    let write = app.parts.write_side();
    let other = email("otto");
    commands::bootstrap::admin(&write, "Otto Other", &other, PASSWORD.into())
        .await
        .unwrap();
    let otto = app.signed_in(&other, PASSWORD).await;
    let both = platform_admins(&app).await;
    assert_eq!(both.len(), 2);
    let (one, two) = tokio::join!(erase(&admin, &both[1]), erase(&otto, &both[0]));
    let mut codes = [one.status.as_u16(), two.status.as_u16()];
    codes.sort_unstable();
    assert_eq!(codes, [200, 409]);

    // Whose address has gone may be registered again, and is another user.
    let gone = if one.status.is_success() {
        other
    } else {
        tests::app::ADMIN.to_owned()
    };
    let again = commands::bootstrap::admin(&write, "Nora New", &gone, PASSWORD.into()).await;
    assert!(again.unwrap());
    assert_eq!(platform_admins(&app).await.len(), 3);
}

/// Returns once somebody waits for an advisory lock of the app's database.
async fn somebody_waits(owner: &PgPool) {
    let waiting = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                   WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted)";
    while !sqlx::query_scalar::<_, bool>(waiting)
        .fetch_one(owner)
        .await
        .unwrap()
    {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn a_name_that_is_just_being_folded_is_cleared_too() {
    let app = TestApp::with(&[server::Role::Commands], |_| {}).await;
    let admin = app.admin().await;
    let person = person(&app, &admin).await;
    let owner = app.database.pool(DatabaseRole::Owner).await;
    let sealed: Value = sqlx::query_scalar(
        "SELECT payload -> 'UserRegistered' -> 'name' FROM es.events WHERE aggregate_id = $1",
    )
    .bind(&person.id)
    .fetch_one(&owner)
    .await
    .unwrap();
    let sealed = serde_json::from_value(sealed).unwrap();
    let mut batch = owner.begin().await.unwrap();
    let name = app.parts.vault.open(&mut batch, &sealed).await.unwrap();
    assert_eq!(name.as_deref(), Some(NAME));
    let (user_id, erased) = (
        person.id.clone(),
        tokio::spawn(async move { erase(&admin, &person.id).await }),
    );
    somebody_waits(&owner).await;
    sqlx::query("INSERT INTO read.users (user_id, name, role, created_at) VALUES ($1::text::uuid, $2, 'customer_admin', now())")
        .bind(&user_id)
        .bind(name)
        .execute(&mut *batch)
        .await
        .unwrap();
    batch.commit().await.unwrap();
    erased.await.unwrap().ok();
    assert_eq!(tables_with(&owner, &[NAME]).await, [""; 0]);
    // Whoever had opened it before opens nothing now.
    let mut connection = owner.acquire().await.unwrap();
    assert_eq!(
        app.parts.vault.open(&mut connection, &sealed).await.unwrap(),
        None
    );
    drop(connection);
    owner.close().await;
}

#[actix_web::test]
async fn copies_that_a_rebuild_is_filling_are_cleared_too() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let person = person(&app, &admin).await;
    app.settle().await;
    let owner = app.database.pool(DatabaseRole::Owner).await;
    for table in ["users", "customers"] {
        let copy = format!(
            "CREATE SCHEMA rebuild_{table};
             CREATE TABLE rebuild_{table}.{table} (LIKE read.{table} INCLUDING ALL);
             INSERT INTO rebuild_{table}.{table} SELECT * FROM read.{table}"
        );
        sqlx::raw_sql(&copy).execute(&owner).await.unwrap();
    }
    let needles = [NAME, person.email.as_str()];
    assert_eq!(tables_with(&owner, &needles).await.len(), 4);
    erase(&admin, &person.id).await.ok();
    assert_eq!(tables_with(&owner, &needles).await, [""; 0]);
    owner.close().await;
}

#[actix_web::test]
async fn an_audit_is_not_disturbed() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let person = person(&app, &admin).await;
    let owner = app.database.pool(DatabaseRole::Owner).await;
    let mut audit = owner.begin().await.unwrap();
    erasure::hold_off_for_audit(&mut audit).await.unwrap();
    let answer = erase(&admin, &person.id).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "AUDIT_RUNNING"));
    audit.rollback().await.unwrap();
    erase(&admin, &person.id).await.ok();
    owner.close().await;
}

#[actix_web::test]
async fn the_command_line_erases_too() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let person = person(&app, &admin).await;
    let args = ["erase", "--user", &person.id, "--reason", REASON];
    let said = stentor(&app.config, &args).await;
    assert!(said.status.success(), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stdout).contains("is erased, at position"));
    let said = stentor(&app.config, &args).await;
    assert!(!said.status.success());
    assert!(String::from_utf8_lossy(&said.stderr).contains("USER_ERASED"));
    let keys = sqlx::query("SELECT count(*) AS keys FROM es.subject_keys WHERE subject_id = $1::text::uuid")
        .bind(&person.id)
        .fetch_one(&app.parts.commands)
        .await
        .unwrap();
    assert_eq!(keys.get::<i64, _>("keys"), 0);
}
