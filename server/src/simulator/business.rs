//! The reseller and the customers that a simulation needs, made through the REST API like anybody's.

use std::time::Duration;

use anyhow::Context;
use rand::Rng;
use rand::distr::Alphanumeric;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::lifecycle::{ENTERPRISE, PREMIUM, WITHOUT};

const TIMEOUT: Duration = Duration::from_secs(30);
const DAYS: u32 = 30;

/// A server with somebody of the platform signed in.
pub struct Business {
    http: Client,
    url: String,
    token: String,
}

/// A client with bounds.
///
/// # Errors
/// It cannot be made.
pub fn http() -> reqwest::Result<Client> {
    Client::builder().timeout(TIMEOUT).build()
}

impl Business {
    /// Signs in.
    ///
    /// # Errors
    /// The server does not let them in.
    pub async fn sign_in(url: &str, email: &str, password: &str) -> anyhow::Result<Self> {
        let http = http()?;
        let request = http
            .post(format!("{url}/api/auth/token"))
            .json(&json!({"email": email, "password": password}));
        let answer = read(request).await.context("nobody was let in")?;
        let token = answer.get("accessToken").and_then(Value::as_str);
        Ok(Self {
            token: token.context("the server gave no token")?.to_owned(),
            http,
            url: url.to_owned(),
        })
    }

    /// Maps the simulated products and makes a reseller with so many customers. Answers the customers' ids.
    ///
    /// # Errors
    /// The server refuses, most likely because the signed-in person is no admin of the platform.
    pub async fn found(&self, customers: usize) -> anyhow::Result<Vec<String>> {
        for (product, tier) in [(PREMIUM, "premium"), (ENTERPRISE, "enterprise")] {
            let mapping = json!({"product": product, "tier": tier});
            self.post("/api/admin/store-products", &mapping).await?;
        }
        let (email, password) = (address("owner"), secret());
        let reseller = json!({
            "name": "Simulated reseller", "contactEmail": email, "commissionRate": "0.20", "timeZone": "UTC",
            "owner": {"name": "Simone Simulated", "email": email, "password": password},
        });
        let registered = self.post("/api/admin/resellers", &reseller).await?;
        let id = registered
            .get("resellerId")
            .and_then(Value::as_str)
            .context("no reseller")?;
        let credits = i64::from(DAYS) * i64::try_from(customers)?;
        let bonus = json!({"kind": "bonus", "credits": credits, "note": "simulation"});
        self.post(&format!("/api/admin/resellers/{id}/credits/adjustments"), &bonus)
            .await?;
        let owner = Self::sign_in(&self.url, &email, &password).await?;
        let mut ids = Vec::new();
        for number in 1..=customers {
            let customer = json!({
                "name": format!("Simulated customer {number}"), "tier": WITHOUT, "days": DAYS,
                "firstUser": {"name": "Sam Simulated", "email": address("user"), "password": secret()},
            });
            let created = owner.post("/api/reseller/customers", &customer).await?;
            let id = created
                .get("tenantId")
                .and_then(Value::as_str)
                .context("no customer")?;
            ids.push(id.to_owned());
        }
        Ok(ids)
    }

    /// What a customer may do now.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn entitlement(&self, customer_id: &str) -> anyhow::Result<Value> {
        let query = "query ($id: ID) { entitlement(customerId: $id) { tier expiresAt } }";
        let body = json!({"query": query, "variables": {"id": customer_id}});
        let request = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.token);
        let answer = read(request.json(&body)).await?;
        let entitlement = answer.pointer("/data/entitlement").cloned();
        entitlement.with_context(|| format!("the server answers {answer}"))
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .header("Idempotency-Key", Uuid::new_v4().to_string());
        read(request.json(body)).await.with_context(|| path.to_owned())
    }
}

async fn read(request: RequestBuilder) -> anyhow::Result<Value> {
    let response = request.send().await.context("the server is not reached")?;
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    anyhow::ensure!(status.is_success(), "{status}: {body}");
    Ok(body)
}

fn address(who: &str) -> String {
    format!("{who}-{}@simulated.test", Uuid::new_v4().simple())
}

fn secret() -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(24)
        .map(char::from)
        .collect()
}
