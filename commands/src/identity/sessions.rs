//! Browser sessions: an opaque cookie, its digest in the database, a CSRF token beside it.
//!
//! Sessions are no facts of the log: the write side alone knows them, and who ends one says so in every process.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::UserId;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use store::revocations;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::error::CommandError;
use crate::identity::secrets;

pub const COOKIE: &str = "stentor_session";
pub const CSRF_HEADER: &str = "X-CSRF-Token";
/// Between two notes of when a session was last seen.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);
pub const USER_AGENT_CHARS_MAX: usize = 200;

/// A session that has just been made; the only time that its secret is known.
#[derive(Clone)]
pub struct NewSession {
    pub session_id: Uuid,
    pub cookie: String,
    pub csrf_token: String,
    pub expires_at: DateTime<Utc>,
}

impl NewSession {
    /// # Errors
    /// There is no randomness.
    pub fn new(expires_at: DateTime<Utc>) -> Result<Self, CommandError> {
        Ok(Self {
            session_id: Uuid::new_v4(),
            cookie: secrets::random()?,
            csrf_token: secrets::random()?,
            expires_at,
        })
    }
}

/// Who acts as the session's user, and whether looking is all that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Impersonator {
    pub user_id: UserId,
    pub write: bool,
}

/// Where a session is used.
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub address: String,
    pub user_agent: Option<String>,
}

/// A session that a cookie opened.
pub struct Session {
    pub session_id: Uuid,
    pub user_id: UserId,
    pub impersonator: Option<Impersonator>,
    pub expires_at: DateTime<Utc>,
    csrf_token: String,
}

impl Session {
    pub fn csrf_token(&self) -> &str {
        &self.csrf_token
    }

    pub fn csrf_matches(&self, token: &str) -> bool {
        self.csrf_token.as_bytes().ct_eq(token.as_bytes()).into()
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let by: Option<Uuid> = row.try_get("impersonator")?;
        let write = row.try_get("may_write")?;
        Ok(Self {
            session_id: row.try_get("session_id")?,
            user_id: UserId(row.try_get("user_id")?),
            impersonator: by.map(|by| Impersonator {
                user_id: UserId(by),
                write,
            }),
            expires_at: row.try_get("expires_at")?,
            csrf_token: row.try_get("csrf_token")?,
        })
    }
}

/// A session as its owner sees it in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub session_id: Uuid,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    /// Whether somebody else acts as the owner by it.
    pub impersonated: bool,
}

/// # Errors
/// The database fails.
pub async fn create(
    connection: &mut PgConnection,
    user_id: UserId,
    device: &Device,
    now: DateTime<Utc>,
    ttl: TimeDelta,
) -> Result<NewSession, CommandError> {
    let session = NewSession::new(now + ttl)?;
    sqlx::query("DELETE FROM auth.sessions WHERE expires_at < $1")
        .bind(now)
        .execute(&mut *connection)
        .await?;
    store(connection, &session, user_id, None, device, now).await?;
    Ok(session)
}

/// Stores a session of a user, or of somebody who acts as the user.
///
/// # Errors
/// The database fails.
pub async fn store(
    connection: &mut PgConnection,
    session: &NewSession,
    user_id: UserId,
    impersonator: Option<Impersonator>,
    device: &Device,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let user_agent = device.user_agent.as_deref();
    sqlx::query(
        "INSERT INTO auth.sessions
             (session_digest, session_id, user_id, csrf_token, created_at, last_seen_at, expires_at, address, user_agent,
              impersonator, may_write)
         VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10)",
    )
    .bind(digest(&session.cookie))
    .bind(session.session_id)
    .bind(user_id.0)
    .bind(&session.csrf_token)
    .bind(now)
    .bind(session.expires_at)
    .bind(&device.address)
    .bind(user_agent.map(|agent| agent.chars().take(USER_AGENT_CHARS_MAX).collect::<String>()))
    .bind(impersonator.map(|by| by.user_id.0))
    .bind(impersonator.is_some_and(|by| by.write))
    .execute(connection)
    .await?;
    Ok(())
}

/// Until when a session lasts; `None` where it has ended.
///
/// # Errors
/// The database fails.
pub async fn ends_at(
    connection: &mut PgConnection,
    session_id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar("SELECT expires_at FROM auth.sessions WHERE session_id = $1 AND expires_at > $2")
        .bind(session_id)
        .bind(now)
        .fetch_optional(connection)
        .await
}

/// The session that a cookie opens; notes now and then that it is in use.
///
/// # Errors
/// The database fails.
pub async fn find(
    connection: &mut PgConnection,
    cookie: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Session>> {
    let row = sqlx::query(
        "SELECT session_id, user_id, csrf_token, impersonator, may_write, expires_at,
                coalesce(last_seen_at, created_at) AS seen_at
         FROM auth.sessions WHERE session_digest = $1 AND expires_at > $2",
    )
    .bind(digest(cookie))
    .bind(now)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let session = Session::read(&row)?;
    let seen_at: DateTime<Utc> = row.try_get("seen_at")?;
    if now - seen_at >= SEEN_EVERY {
        sqlx::query("UPDATE auth.sessions SET last_seen_at = $2 WHERE session_id = $1")
            .bind(session.session_id)
            .bind(now)
            .execute(connection)
            .await?;
    }
    Ok(Some(session))
}

/// The sessions of a user, the last used first.
///
/// # Errors
/// The database fails.
pub async fn list(
    connection: &mut PgConnection,
    user_id: UserId,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Listed>> {
    let rows = sqlx::query(
        "SELECT session_id, created_at, coalesce(last_seen_at, created_at) AS last_seen_at, expires_at, address,
                user_agent, impersonator IS NOT NULL AS impersonated
         FROM auth.sessions WHERE user_id = $1 AND expires_at > $2
         ORDER BY 3 DESC, session_id LIMIT 100",
    )
    .bind(user_id.0)
    .bind(now)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                session_id: row.try_get("session_id")?,
                created_at: row.try_get("created_at")?,
                last_seen_at: row.try_get("last_seen_at")?,
                expires_at: row.try_get("expires_at")?,
                address: row.try_get("address")?,
                user_agent: row.try_get("user_agent")?,
                impersonated: row.try_get("impersonated")?,
            })
        })
        .collect()
}

/// # Errors
/// The database fails.
pub async fn end(connection: &mut PgConnection, cookie: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    let ended: Vec<Uuid> =
        sqlx::query_scalar("DELETE FROM auth.sessions WHERE session_digest = $1 RETURNING session_id")
            .bind(digest(cookie))
            .fetch_all(&mut *connection)
            .await?;
    revocations::revoke(connection, &ended, now).await
}

/// Ends these sessions of a user.
///
/// # Errors
/// The database fails.
pub async fn end_some(
    connection: &mut PgConnection,
    user_id: UserId,
    session_ids: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let ended: Vec<Uuid> = sqlx::query_scalar(
        "DELETE FROM auth.sessions WHERE user_id = $1 AND session_id = ANY($2) RETURNING session_id",
    )
    .bind(user_id.0)
    .bind(session_ids)
    .fetch_all(&mut *connection)
    .await?;
    revocations::revoke(connection, &ended, now).await
}

/// Ends all sessions of a user, for example after a new password. A token without a session stays until it runs
/// out: who changed the password by one may send the request again.
///
/// # Errors
/// The database fails.
pub async fn end_every(
    connection: &mut PgConnection,
    user_id: UserId,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let ended: Vec<Uuid> =
        sqlx::query_scalar("DELETE FROM auth.sessions WHERE user_id = $1 RETURNING session_id")
            .bind(user_id.0)
            .fetch_all(&mut *connection)
            .await?;
    revocations::revoke(connection, &ended, now).await
}

/// Ends all sessions of a user, and every token that the user holds.
///
/// # Errors
/// The database fails.
pub async fn end_all(connection: &mut PgConnection, user_id: UserId, now: DateTime<Utc>) -> sqlx::Result<()> {
    end_every(&mut *connection, user_id, now).await?;
    revocations::revoke(connection, &[user_id.0], now).await
}

fn digest(cookie: &str) -> Vec<u8> {
    Sha256::digest(cookie.as_bytes()).to_vec()
}
