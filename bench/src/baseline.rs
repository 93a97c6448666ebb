//! The plain insert: one row of some 320 bytes per transaction, synchronous commit on, 32 connections.

use serde_json::{Value, json};
use sqlx::Acquire;

use crate::env::{Env, PLAIN_CONNECTIONS};

fn row() -> Value {
    json!({
        "CreditsDebited": {
            "credits": 1,
            "tenant_id": "01940000-0000-7000-8000-000000000001",
            "purpose": "extension",
            "balance_after": 99_999,
        },
        "metadata": {
            "tenant_id": "01940000-0000-7000-8000-000000000002",
            "actor": "01940000-0000-7000-8000-000000000003",
            "command_id": "01940000-0000-7000-8000-000000000004",
            "at": "2026-11-21T12:00:00Z",
        },
    })
}

/// Rows per second.
///
/// # Errors
/// The database fails.
pub async fn rate(env: &Env) -> anyhow::Result<f64> {
    let row = row();
    let connections = usize::try_from(PLAIN_CONNECTIONS)?;
    env.rate(connections, async |_, _| {
        let mut connection = env.owner.acquire().await?;
        sqlx::query("INSERT INTO bench.plain (payload) VALUES ($1)")
            .bind(&row)
            .execute(connection.acquire().await?)
            .await?;
        Ok(())
    })
    .await
}
