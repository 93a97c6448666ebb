//! Browser sessions: an opaque cookie, its digest in the database, a CSRF token beside it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::UserId;
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::error::CommandError;

pub const COOKIE: &str = "stentor_session";
pub const CSRF_HEADER: &str = "X-CSRF-Token";

/// A session that has just been made; the only time that its secret is known.
pub struct NewSession {
    pub cookie: String,
    pub csrf_token: String,
    pub expires_at: DateTime<Utc>,
}

/// A session that a cookie opened.
pub struct Session {
    pub user_id: UserId,
    csrf_token: String,
}

impl Session {
    pub fn csrf_token(&self) -> &str {
        &self.csrf_token
    }

    pub fn csrf_matches(&self, token: &str) -> bool {
        self.csrf_token.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// # Errors
/// The database fails.
pub async fn create(
    connection: &mut PgConnection,
    user_id: UserId,
    now: DateTime<Utc>,
    ttl: TimeDelta,
) -> Result<NewSession, CommandError> {
    let session = NewSession {
        cookie: secret()?,
        csrf_token: secret()?,
        expires_at: now + ttl,
    };
    sqlx::query("DELETE FROM auth.sessions WHERE expires_at < $1")
        .bind(now)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO auth.sessions (session_digest, user_id, csrf_token, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(digest(&session.cookie))
    .bind(user_id.0)
    .bind(&session.csrf_token)
    .bind(now)
    .bind(session.expires_at)
    .execute(connection)
    .await?;
    Ok(session)
}

/// # Errors
/// The database fails.
pub async fn find(
    connection: &mut PgConnection,
    cookie: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Session>> {
    let row = sqlx::query(
        "SELECT user_id, csrf_token FROM auth.sessions WHERE session_digest = $1 AND expires_at > $2",
    )
    .bind(digest(cookie))
    .bind(now)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let user_id: Uuid = row.try_get("user_id")?;
        Ok(Session {
            user_id: UserId(user_id),
            csrf_token: row.try_get("csrf_token")?,
        })
    })
    .transpose()
}

/// # Errors
/// The database fails.
pub async fn end(connection: &mut PgConnection, cookie: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM auth.sessions WHERE session_digest = $1")
        .bind(digest(cookie))
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends all sessions of a user, for example after a new password.
///
/// # Errors
/// The database fails.
pub async fn end_all(connection: &mut PgConnection, user_id: UserId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM auth.sessions WHERE user_id = $1")
        .bind(user_id.0)
        .execute(connection)
        .await?;
    Ok(())
}

fn digest(cookie: &str) -> Vec<u8> {
    Sha256::digest(cookie.as_bytes()).to_vec()
}

fn secret() -> Result<String, CommandError> {
    let mut bytes = [0_u8; 32];
    OsRng.try_fill_bytes(&mut bytes).map_err(CommandError::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
