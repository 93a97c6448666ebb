//! A year of history that the log already holds: resellers, accounts, customers, users, recordings and jobs, the
//! same for the same seed.

use anyhow::Context;
use serde_json::json;
use sqlx::PgPool;
use store::vault::Vault;
use uuid::Uuid;

/// Events of one reseller with all that is its own.
const PER_RESELLER: u64 = 991;
/// Resellers of one transaction: their events come in turn.
const WAVE: u64 = 10;
const YEAR_SECONDS: u64 = 365 * 24 * 60 * 60;
/// Whose key seals every personal field of the history.
const PERSON: Uuid = Uuid::from_u128(0x7e57_0000_0000_7000_8000_0000_0000_0001);

/// Appends about `events` events, and returns how many.
///
/// # Errors
/// The database fails.
pub async fn append(pool: &PgPool, vault: &Vault, seed: &str, events: u64) -> anyhow::Result<u64> {
    let [field] = vault
        .seal(&mut *pool.acquire().await?, PERSON, ["Somebody"])
        .await?;
    let field = json!(field).to_string();
    let resellers = events.div_ceil(PER_RESELLER);
    let apart = f64::from(u32::try_from(YEAR_SECONDS)?) / f64::from(u32::try_from(resellers.max(1))?);
    let mut first = 0;
    while first < resellers {
        let wave = WAVE.min(resellers - first);
        sqlx::query(include_str!("history.sql"))
            .bind(seed)
            .bind(i32::try_from(first)?)
            .bind(i32::try_from(wave)?)
            .bind(apart)
            .bind(&field)
            .execute(pool)
            .await
            .context("appending the history")?;
        first += wave;
    }
    Ok(resellers * PER_RESELLER)
}
