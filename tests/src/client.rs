//! A client as anybody could write one: REST with idempotency keys, GraphQL with a bearer token.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// Most questions until a revocation has been heard of.
const ASKED_MAX: usize = 5_000;

#[derive(Clone)]
pub struct TestClient {
    url: String,
    http: reqwest::Client,
    pub token: Option<String>,
}

/// A response, read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub replayed: bool,
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.body
    }

    /// The problem's code and text, of a refusal.
    pub fn refusal(&self) -> (u16, &str, &str) {
        (
            self.status.as_u16(),
            self.body["code"].as_str().unwrap_or_default(),
            self.body["detail"].as_str().unwrap_or_default(),
        )
    }

    /// The problem's code.
    pub fn code(&self) -> &str {
        self.refusal().1
    }
}

impl TestClient {
    #[expect(clippy::missing_panics_doc, reason = "a test's helper")]
    pub fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            url: url.to_owned(),
            http,
            token: None,
        }
    }

    pub async fn sign_in(mut self, email: &str, password: &str) -> Self {
        let answer = self.send(
            Method::POST,
            "/api/auth/token",
            None,
            json!({"email": email, "password": password}),
        );
        let body = answer.await.ok();
        self.token = Some(body["accessToken"].as_str().unwrap().to_owned());
        self
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, method: Method, path: &str, key: Option<&str>, body: Value) -> Answer {
        let mut request = self.request(method, path).json(&body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        read(request.send().await.unwrap()).await
    }

    /// A command under a new key.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_with_key(path, &Uuid::new_v4().to_string(), body).await
    }

    pub async fn post_with_key(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(key), body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(&Uuid::new_v4().to_string()), body)
            .await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        let request = self
            .request(Method::DELETE, path)
            .header("Idempotency-Key", Uuid::new_v4().to_string());
        read(request.send().await.unwrap()).await
    }

    /// Whether the token opens nothing any more, once the process has heard of what was revoked.
    pub async fn is_shut_out(&self) -> bool {
        for _ in 0..ASKED_MAX {
            if self.get("/api/user/sessions").await.code() == "UNAUTHENTICATED" {
                return true;
            }
        }
        false
    }

    pub async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// Uploads a recording.
    pub async fn upload(&self, name: &str, bytes: impl Into<reqwest::Body>) -> Answer {
        let request = self
            .request(Method::POST, &format!("/api/tenant/recordings?name={name}"))
            .header("Idempotency-Key", Uuid::new_v4().to_string())
            .body(bytes);
        read(request.send().await.unwrap()).await
    }

    /// The whole GraphQL response.
    pub async fn graphql(&self, query: &str, variables: Value) -> Value {
        let request = self
            .request(Method::POST, "/graphql")
            .json(&json!({"query": query, "variables": variables}));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The data of a GraphQL query without errors. What is stale is asked for again, as the answer tells a client
    /// to do: transactions of other tests on the same server hold every reader of the log.
    pub async fn query(&self, query: &str, variables: Value) -> Value {
        let mut asked = 0;
        loop {
            let response = self.graphql(query, variables.clone()).await;
            asked += 1;
            if response["errors"][0]["extensions"]["code"] == "STALE_POSITION" && asked < 10 {
                continue;
            }
            assert!(response["errors"].is_null(), "{response}");
            return response["data"].clone();
        }
    }
}

/// Reads a response whatever its type.
pub async fn read(response: reqwest::Response) -> Answer {
    let status = response.status();
    let replayed = response.headers().contains_key("Idempotent-Replay");
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer {
        status,
        replayed,
        body,
    }
}
