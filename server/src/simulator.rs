//! A store to try the intake with: plays customers' lives against a server, with what real senders do to their
//! events (repeat them, mix their order), and answers look-ups. It keeps its own account of what must come out.

pub mod business;
pub mod lifecycle;
pub mod lookups;

use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use platform::shutdown::pause;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::business::Business;
use self::lifecycle::{Expected, Plan};

/// Deliveries under way at one time.
const IN_FLIGHT: usize = 8;
/// Of ten events so many come twice.
const REPEATED_OF_TEN: u32 = 3;
/// How long the outcome may take to show.
const PATIENCE: u32 = 240;
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// Where the events go, and with which header.
#[derive(Clone, Debug)]
pub struct Target {
    pub url: String,
    pub hook: String,
    pub authorization: String,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    pub events: usize,
    pub deliveries: usize,
    /// Customers whose state is another one than it must be: who, expected, found.
    pub wrong: Vec<(Expected, String)>,
}

/// The events as they are delivered: some repeated, all mixed.
pub fn deliveries(plan: &Plan, seed: u64) -> Vec<Value> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut deliveries = plan.events.clone();
    for event in &plan.events {
        if random.random_ratio(REPEATED_OF_TEN, 10) {
            deliveries.push(event.clone());
        }
    }
    deliveries.shuffle(&mut random);
    deliveries
}

/// Delivers everything and waits until each customer has what the plan says.
///
/// # Errors
/// The server does not take an event.
pub async fn run(target: &Target, business: &Business, plan: &Plan, seed: u64) -> anyhow::Result<Outcome> {
    let http = business::http()?;
    let deliveries = deliveries(plan, seed);
    let sent: Vec<anyhow::Result<()>> = futures::stream::iter(&deliveries)
        .map(|event| deliver(&http, target, event))
        .buffer_unordered(IN_FLIGHT)
        .collect()
        .await;
    sent.into_iter().collect::<anyhow::Result<()>>()?;
    let stop = CancellationToken::new();
    let mut wrong = Vec::new();
    for _ in 0..PATIENCE {
        wrong = differences(business, plan).await?;
        if wrong.is_empty() {
            break;
        }
        pause(LOOK_AGAIN, &stop).await;
    }
    Ok(Outcome {
        events: plan.events.len(),
        deliveries: deliveries.len(),
        wrong,
    })
}

async fn deliver(http: &Client, target: &Target, event: &Value) -> anyhow::Result<()> {
    let address = format!("{}/api/hooks/revenuecat/{}", target.url, target.hook);
    let request = http
        .post(address)
        .header("Authorization", &target.authorization)
        .json(&json!({"api_version": "1.0", "event": event}));
    let status = request
        .send()
        .await
        .context("the server is not reached")?
        .status();
    anyhow::ensure!(
        status == StatusCode::OK,
        "the hook {} answers {status}: is its secret the one in the settings?",
        target.hook
    );
    Ok(())
}

async fn differences(business: &Business, plan: &Plan) -> anyhow::Result<Vec<(Expected, String)>> {
    let mut wrong = Vec::new();
    for expected in &plan.expected {
        let found = business.entitlement(&expected.user).await?;
        if !agrees(expected, &found)? {
            wrong.push((expected.clone(), found.to_string()));
        }
    }
    Ok(wrong)
}

fn agrees(expected: &Expected, found: &Value) -> anyhow::Result<bool> {
    let tier = found.get("tier").and_then(Value::as_str).unwrap_or_default();
    if tier != expected.tier {
        return Ok(false);
    }
    let Some(until) = expected.until else {
        return Ok(true);
    };
    let ends_at = found.get("expiresAt").and_then(Value::as_str).unwrap_or_default();
    let ends_at: DateTime<Utc> = ends_at.parse().context("expiresAt is no time")?;
    Ok((ends_at - until).abs() <= TOLERANCE)
}
