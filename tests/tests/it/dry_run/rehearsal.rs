//! Every command is sent twice: as a dry run, and then for good.

use std::cell::RefCell;
use std::collections::HashSet;

use commands::rest::openapi::Document;
use reqwest::Method;
use serde_json::{Value, json};
use server::Role;
use sqlx::PgPool;
use store::database::DatabaseRole;
use tests::app::PASSWORD;
use tests::client::read;
use tests::{Answer, TestApp, TestClient};
use utoipa::OpenApi;
use uuid::Uuid;

/// Method and pattern of every command.
fn commands() -> HashSet<String> {
    let document = serde_json::to_value(Document::openapi()).unwrap();
    let mut commands = HashSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let parameters = operation["parameters"].as_array();
            if parameters
                .into_iter()
                .flatten()
                .any(|one| one["name"] == "Idempotency-Key")
            {
                commands.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    assert!(commands.len() >= 85, "{}", commands.len());
    commands
}

/// Sends everything twice: as a dry run, and then for good.
pub(super) struct Rehearsal {
    pub(super) app: TestApp,
    pub(super) owner: PgPool,
    tables: String,
    pub(super) left: RefCell<HashSet<String>>,
}

impl Rehearsal {
    pub(super) async fn new() -> Self {
        // Without projections: nothing but commands changes a table, besides what the dispatcher keeps.
        let app = TestApp::with(&[Role::Commands], |config| {
            config.onboarding.open = true;
            // Nothing is dispatched: what the dispatcher appends would be in the way.
            config.broker.url = "amqp://127.0.0.1:1".to_owned();
        })
        .await;
        let owner = app.database.pool(DatabaseRole::Owner).await;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT format('SELECT %L AS name, count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)), 0)::text
                            AS content FROM %I.%I t', schemaname || '.' || tablename, schemaname, tablename)
             FROM pg_tables WHERE schemaname IN ('es', 'auth', 'work', 'read', 'live')
               AND (schemaname, tablename) NOT IN (('es', 'checkpoints'), ('work', 'queue'))",
        )
        .fetch_all(&owner)
        .await
        .unwrap();
        Self {
            app,
            owner,
            tables: tables.join(" UNION ALL ") + " ORDER BY name",
            left: RefCell::new(commands()),
        }
    }

    async fn snapshot(&self) -> Vec<(String, i64, String)> {
        // Timers that are due are worked on meanwhile.
        while 0 < sqlx::query_scalar::<_, i64>("SELECT count(*) FROM es.timers WHERE due_at <= $1")
            .bind(self.app.parts.clock.now())
            .fetch_one(&self.owner)
            .await
            .unwrap()
        {}
        sqlx::query_as(&self.tables).fetch_all(&self.owner).await.unwrap()
    }

    async fn event_types_after(&self, position: i64) -> Vec<String> {
        sqlx::query_scalar("SELECT event_type FROM es.events WHERE position > $1 ORDER BY position")
            .bind(position)
            .fetch_all(&self.owner)
            .await
            .unwrap()
    }

    async fn head(&self) -> i64 {
        sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM es.events")
            .fetch_one(&self.owner)
            .await
            .unwrap()
    }

    async fn send(&self, request: reqwest::RequestBuilder, body: &Body) -> Answer {
        let request = match body {
            Body::Json(body) => request.json(body),
            Body::Bytes(bytes) => request.body(bytes.clone()),
        };
        read(request.send().await.unwrap()).await
    }

    /// Tries a command, looks that nothing was stored, carries it out, and compares.
    pub(super) async fn both(&self, client: &TestClient, method: Method, path: &str, body: Body) -> Value {
        let (before, head) = (self.snapshot().await, self.head().await);
        let key = Uuid::new_v4().to_string();
        let request = || {
            client
                .request(method.clone(), path)
                .header("Idempotency-Key", &key)
        };
        let tried = self.send(request().header("Dry-Run", "true"), &body).await;
        assert!(
            tried.status.is_success(),
            "{method} {path}: {} {}",
            tried.status,
            tried.body
        );
        let tried = tried.body;
        assert_eq!(
            self.snapshot().await,
            before,
            "{method} {path} left something behind"
        );
        let done = self.send(request(), &body).await;
        assert!(
            done.status.is_success(),
            "{method} {path}: {} {}",
            done.status,
            done.body
        );
        let types: Vec<_> = tried["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["eventType"].clone())
            .collect();
        assert_eq!(
            json!(types),
            json!(self.event_types_after(head).await),
            "{method} {path}"
        );
        assert_eq!(tried["status"], done.status.as_u16(), "{method} {path}");
        assert_eq!(tried["repeats"], json!(false));
        let fields = |answer: &Value| -> HashSet<String> {
            let hidden = [
                "position",
                "temporaryPassword",
                "secret",
                "link",
                "recoveryCodes",
                "csrfToken",
            ];
            let fields = answer
                .as_object()
                .into_iter()
                .flat_map(|fields| fields.keys().cloned());
            fields.filter(|field| !hidden.contains(&field.as_str())).collect()
        };
        assert_eq!(fields(&tried["answer"]), fields(&done.body), "{method} {path}");
        for unit in ["credits", "EUR", "USD"] {
            let postings = tried["postings"].as_array().unwrap().iter();
            let sum: i64 = postings
                .filter(|posting| posting["unit"] == unit)
                .map(|posting| posting["amount"].as_i64().unwrap())
                .sum();
            assert_eq!(sum, 0, "{method} {path}");
        }
        self.covered(&method, path);
        done.body
    }

    fn covered(&self, method: &Method, path: &str) {
        let path = path
            .split('?')
            .next()
            .and_then(|path| path.strip_prefix("/api"))
            .unwrap();
        let sent: Vec<_> = path.split('/').collect();
        self.left.borrow_mut().retain(|command| {
            let (known, pattern) = command.split_once(' ').unwrap();
            let pattern: Vec<_> = pattern.split('/').collect();
            let fits = pattern.len() == sent.len()
                && pattern
                    .iter()
                    .zip(&sent)
                    .all(|(wanted, segment)| wanted == segment || wanted.starts_with('{'));
            !(fits && known == method.as_str())
        });
    }

    pub(super) async fn post(&self, client: &TestClient, path: &str, body: Value) -> Value {
        self.both(client, Method::POST, path, Body::Json(body)).await
    }

    pub(super) async fn put(&self, client: &TestClient, path: &str, body: Value) -> Value {
        self.both(client, Method::PUT, path, Body::Json(body)).await
    }

    /// Tokens that are made in the second of a revocation are over too.
    pub(super) fn pause(&self) {
        self.app.parts.clock.advance(chrono::TimeDelta::seconds(2));
    }

    pub(super) async fn signed_in(&self, email: &str) -> TestClient {
        self.app.signed_in(email, PASSWORD).await
    }
}

pub(super) enum Body {
    Json(Value),
    Bytes(Vec<u8>),
}

pub(super) fn id(answer: &Value, field: &str) -> String {
    answer[field]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

pub(super) fn because() -> Value {
    json!({"reason": "because", "comment": "ticket 4711"})
}
