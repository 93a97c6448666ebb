//! Takes an event in: one durable write, and nothing else before the answer. A repetition costs one look.

use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use metrics::counter;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::inbox::{self, Delivery};
use super::{parse, user_id};
use crate::WriteSide;
use crate::error::{CommandError, Problem};

/// Largest body. Theirs have a few kilobytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Lets only the sender in whom the hook's secret proves. It takes as long to refuse as to admit, whether or not
/// there is such a hook.
///
/// # Errors
/// The header is another one.
pub fn admit(write: &WriteSide, hook: &str, authorization: &[u8]) -> Result<(), CommandError> {
    let secret = write.config.revenuecat.hooks.get(hook);
    let expected = Sha256::digest(secret.map_or("", |secret| secret.expose_secret()).as_bytes());
    let given = Sha256::digest(authorization);
    if bool::from(given.ct_eq(&expected)) && secret.is_some() {
        return Ok(());
    }
    counter!("stentor_store_deliveries_total", "outcome" => "unauthorized").increment(1);
    let detail = "the header Authorization is not the one that this hook expects: compare it with the setting \
                  revenuecat.hooks";
    Err(Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", detail).into())
}

/// Stores an event, once. Answers whether it is new.
///
/// # Errors
/// The body cannot be read; it is kept for people to look at.
pub async fn receive(write: &WriteSide, hook: &str, body: &[u8]) -> Result<bool, CommandError> {
    let now = write.clock.now();
    let outcome = match parse::head(body) {
        Ok(head) => keep(write, hook, &head, body, now).await?,
        Err(reason) => {
            keep_broken(write, hook, &reason, body, now).await?;
            counter!("stentor_store_deliveries_total", "outcome" => "broken").increment(1);
            let detail =
                format!("the body is no event: {reason}; it was kept, see `stentor store-events list`");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "BROKEN_EVENT", detail).into());
        }
    };
    let told = if outcome { "new" } else { "repeated" };
    counter!("stentor_store_deliveries_total", "outcome" => told).increment(1);
    Ok(outcome)
}

async fn keep(
    write: &WriteSide,
    hook: &str,
    head: &parse::Head,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, CommandError> {
    let mut transaction = write.pool.begin().await?;
    if inbox::knows(&mut transaction, &head.event_id).await? {
        return Ok(false);
    }
    let subject_id = user_id(&write.vault, &head.of, head.sandbox).0;
    let delivery = Delivery {
        event_id: Some(&head.event_id),
        hook,
        event_type: Some(&head.event_type),
        sent_at: head.at,
        received_at: now,
        subject_id,
        body: write.vault.seal_bytes(&mut transaction, subject_id, body).await?,
        body_sha256: &Sha256::digest(body),
        error: None,
    };
    let new = inbox::store(&mut transaction, delivery).await?;
    transaction.commit().await?;
    Ok(new)
}

/// Nobody knows of whom a broken body is: it is sealed under a key of its own, and goes by its age.
async fn keep_broken(
    write: &WriteSide,
    hook: &str,
    reason: &str,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), CommandError> {
    let body_sha256 = Sha256::digest(body);
    let subject_id = user_id(
        &write.vault,
        &format!("broken {}", hex::encode(body_sha256)),
        false,
    )
    .0;
    let mut transaction = write.pool.begin().await?;
    let delivery = Delivery {
        event_id: None,
        hook,
        event_type: None,
        sent_at: now,
        received_at: now,
        subject_id,
        body: write.vault.seal_bytes(&mut transaction, subject_id, body).await?,
        body_sha256: &body_sha256,
        error: Some(reason),
    };
    inbox::store(&mut transaction, delivery).await?;
    transaction.commit().await?;
    Ok(())
}
