//! Asks RevenueCat what it knows of a customer (REST v1), within its limits.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::store_account::compare::Observation;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use platform::config::RevenueCat;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer: attributes and years of purchases are far smaller.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Pause where a refusal for haste names none.
const PAUSE_DEFAULT_SECONDS: i64 = 60;
const PAUSE_MAX_SECONDS: i64 = 3_600;

#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("the address of the store's API is none: {0}; see revenuecat.api_url")]
    Address(String),
    #[error("the store's API is not reached: {0}")]
    Away(reqwest::Error),
    #[error(
        "the store's API answers {0}; a 401 means that revenuecat.api_key is not a secret key of the project"
    )]
    Refused(StatusCode),
    #[error("the store's API asks to be left alone for {0} s")]
    Hasty(i64),
    #[error("the store's API answers something else than documented: {0}")]
    Strange(String),
}

/// The id of a customer is in the address: it stays out of errors and logs.
impl From<reqwest::Error> for LookupError {
    fn from(error: reqwest::Error) -> Self {
        Self::Away(error.without_url())
    }
}

/// What the store knows of a customer.
#[derive(Debug)]
pub struct Known {
    pub at: DateTime<Utc>,
    pub observed: Vec<Observation>,
}

pub struct Lookup {
    client: Client,
    url: String,
    key: SecretString,
    limiter: DefaultDirectRateLimiter,
    /// Unix seconds before which nothing is asked.
    paused_until: AtomicI64,
}

impl Lookup {
    /// `None` where no key is set.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn open(settings: &RevenueCat) -> reqwest::Result<Option<Self>> {
        if settings.api_key.expose_secret().is_empty() {
            return Ok(None);
        }
        let per_minute = NonZeroU32::new(settings.requests_per_minute).unwrap_or(NonZeroU32::MIN);
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .build()?;
        Ok(Some(Self {
            client,
            url: settings.api_url.trim_end_matches('/').to_owned(),
            key: settings.api_key.clone(),
            limiter: RateLimiter::direct(Quota::per_minute(per_minute)),
            paused_until: AtomicI64::new(0),
        }))
    }

    /// What the store knows of the customer that it calls `name`. It makes one where it knows none: only names that it
    /// has sent are asked for.
    ///
    /// # Errors
    /// It cannot be reached, refuses, or asks to be left alone.
    pub async fn ask(&self, name: &str, now: DateTime<Utc>) -> Result<Known, LookupError> {
        let left = self.paused_until.load(Ordering::Relaxed) - now.timestamp();
        if left > 0 {
            return Err(LookupError::Hasty(left));
        }
        self.limiter.until_ready().await;
        let mut url: Url = self
            .url
            .parse()
            .map_err(|_| LookupError::Address(self.url.clone()))?;
        url.path_segments_mut()
            .map_err(|()| LookupError::Address(self.url.clone()))?
            .push("subscribers")
            .push(name);
        let request = self.client.get(url).bearer_auth(self.key.expose_secret());
        let response = request.send().await?;
        match response.status() {
            StatusCode::OK | StatusCode::CREATED => read(response).await,
            StatusCode::TOO_MANY_REQUESTS => Err(self.pause(&response, now)),
            refused => Err(LookupError::Refused(refused)),
        }
    }

    fn pause(&self, response: &Response, now: DateTime<Utc>) -> LookupError {
        let asked = response.headers().get("Retry-After");
        let seconds = asked
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .unwrap_or(PAUSE_DEFAULT_SECONDS)
            .clamp(1, PAUSE_MAX_SECONDS);
        self.paused_until
            .store(now.timestamp() + seconds, Ordering::Relaxed);
        LookupError::Hasty(seconds)
    }
}

async fn read(mut response: Response) -> Result<Known, LookupError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(LookupError::Strange(format!(
                "more than {ANSWER_BYTES_MAX} bytes"
            )));
        }
        body.extend_from_slice(&piece);
    }
    parse(&body).map_err(LookupError::Strange)
}

#[derive(Deserialize)]
struct Answer {
    request_date_ms: i64,
    subscriber: Subscriber,
}

#[derive(Deserialize)]
struct Subscriber {
    #[serde(default)]
    subscriptions: BTreeMap<String, Subscription>,
    #[serde(default)]
    non_subscriptions: BTreeMap<String, Vec<BoughtOnce>>,
}

#[derive(Deserialize)]
struct Subscription {
    purchase_date: DateTime<Utc>,
    expires_date: Option<DateTime<Utc>>,
    #[serde(default)]
    grace_period_expires_date: Option<DateTime<Utc>>,
    #[serde(default)]
    refunded_at: Option<DateTime<Utc>>,
    #[serde(default)]
    is_sandbox: bool,
    store: String,
    #[serde(default)]
    store_transaction_id: Option<String>,
}

#[derive(Deserialize)]
struct BoughtOnce {
    id: String,
    purchase_date: DateTime<Utc>,
    #[serde(default)]
    is_sandbox: bool,
    store: String,
    #[serde(default)]
    store_transaction_id: Option<String>,
}

fn parse(body: &[u8]) -> Result<Known, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let at = DateTime::from_timestamp_millis(answer.request_date_ms).ok_or("request_date_ms is no time")?;
    let subscriber = answer.subscriber;
    let subscriptions = subscriber
        .subscriptions
        .into_iter()
        .map(|(product, seen)| Observation {
            store: seen.store.to_uppercase(),
            product,
            transaction: seen.store_transaction_id,
            purchased_at: seen.purchase_date,
            expires_at: seen.expires_date,
            grace_ends_at: seen.grace_period_expires_date,
            refunded_at: seen.refunded_at,
            sandbox: seen.is_sandbox,
        });
    let bought_once = subscriber
        .non_subscriptions
        .into_iter()
        .flat_map(|(product, purchases)| {
            purchases.into_iter().map(move |seen| Observation {
                store: seen.store.to_uppercase(),
                product: product.clone(),
                transaction: seen.store_transaction_id.or(Some(seen.id)),
                purchased_at: seen.purchase_date,
                expires_at: None,
                grace_ends_at: None,
                refunded_at: None,
                sandbox: seen.is_sandbox,
            })
        });
    Ok(Known {
        at,
        observed: subscriptions.chain(bought_once).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_the_words_of_events() {
        let body = br#"{"request_date_ms": 1790000000000, "subscriber": {
            "original_app_user_id": "u", "entitlements": {}, "other": 1,
            "subscriptions": {"premium": {"purchase_date": "2026-11-01T00:00:00Z",
                "expires_date": "2026-12-01T00:00:00Z", "grace_period_expires_date": null, "refunded_at": null,
                "is_sandbox": false, "store": "app_store", "store_transaction_id": "t1", "period_type": "normal"}},
            "non_subscriptions": {"week": [{"id": "x1", "purchase_date": "2026-11-02T00:00:00Z",
                "is_sandbox": false, "store": "play_store"}]}}}"#;
        let known = parse(body).unwrap();
        let seen: Vec<_> = known
            .observed
            .iter()
            .map(|seen| {
                (
                    seen.product.as_str(),
                    seen.store.as_str(),
                    seen.transaction.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("premium", "APP_STORE", Some("t1")),
                ("week", "PLAY_STORE", Some("x1"))
            ]
        );
        assert!(parse(b"{}").is_err());
    }
}
