//! From the secret of an API key to who comes in with it. Both sides open with keys.

use std::net::IpAddr;

use aws_lc_rs::digest;
use chrono::{DateTime, TimeDelta, Utc};
use domain::api_key::{KeyScope, KeyScopes};
use domain::ids::{ApiKeyId, ResellerId, TenantId, UserId};
use domain::user::{Home, Role};
use ipnet::IpNet;
use platform::tokens::Verified;
use platform::{Access, Principal};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

/// How every secret begins, so that it is told from a token, and found where it was published.
pub const PREFIX: &str = "stk_";
/// For how long a connection that came in with a key may stay without coming in again.
const HELD: TimeDelta = TimeDelta::hours(12);

/// A stored secret with what it opens.
#[derive(Clone, Debug)]
pub struct Stored {
    pub key_id: ApiKeyId,
    pub home: Home,
    pub scopes: Vec<KeyScope>,
    pub networks: Vec<IpNet>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// What is stored of a secret.
pub fn digest_of(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes())
        .as_ref()
        .to_vec()
}

/// Stores a secret, in the transaction that issues it.
///
/// # Errors
/// The database fails.
pub async fn store(connection: &mut PgConnection, secret: &str, key: &Stored) -> sqlx::Result<()> {
    let scopes: Vec<&str> = key.scopes.iter().map(AsRef::as_ref).collect();
    let networks: Vec<String> = key.networks.iter().map(ToString::to_string).collect();
    sqlx::query(
        "INSERT INTO auth.api_keys (secret_digest, key_id, reseller_id, tenant_id, scopes, networks, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(digest_of(secret))
    .bind(key.key_id.0)
    .bind(key.home.reseller_id().map(|id| id.0))
    .bind(key.home.tenant_id().map(|id| id.0))
    .bind(scopes)
    .bind(networks)
    .bind(key.expires_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Who comes in with a secret from an address; `None` for a secret that opens nothing there. Looked up by digest,
/// so that no time tells how much of a guess was right.
///
/// # Errors
/// The database fails.
pub async fn open(
    connection: &mut PgConnection,
    secret: &str,
    address: Option<IpAddr>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Verified>> {
    let row = sqlx::query(
        "SELECT key_id, reseller_id, tenant_id, scopes, networks, expires_at FROM auth.api_keys
         WHERE secret_digest = $1 AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(digest_of(secret))
    .bind(now)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(key) = row.as_ref().map(Stored::read).transpose()? else {
        return Ok(None);
    };
    let inside = |address: IpAddr| {
        key.networks
            .iter()
            .any(|network| network.contains(&address.to_canonical()))
    };
    if !key.networks.is_empty() && !address.is_some_and(inside) {
        return Ok(None);
    }
    let noted = sqlx::query("SELECT auth.note_key_use($1, $2)")
        .bind(key.key_id.0)
        .bind(now)
        .execute(connection)
        .await;
    if let Err(error) = noted {
        // A replica takes no notes.
        tracing::debug!(%error, "the use of an API key was not noted");
    }
    Ok(Some(Verified {
        principal: Principal {
            user_id: UserId(key.key_id.0),
            role: Role::Service,
            home: key.home,
            access: Access::Key {
                key_id: key.key_id,
                scopes: key.scopes.into_iter().collect::<KeyScopes>(),
            },
        },
        made_at: now,
        expires_at: key.expires_at.unwrap_or(now + HELD).min(now + HELD),
    }))
}

impl Stored {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let reseller_id = row.try_get::<Option<Uuid>, _>("reseller_id")?.map(ResellerId);
        let tenant_id = row.try_get::<Option<Uuid>, _>("tenant_id")?.map(TenantId);
        let home = match (reseller_id, tenant_id) {
            (Some(reseller_id), Some(tenant_id)) => Home::Tenant {
                reseller_id,
                tenant_id,
            },
            (Some(reseller_id), None) => Home::Reseller(reseller_id),
            (None, _) => Home::Platform,
        };
        Ok(Self {
            key_id: ApiKeyId(row.try_get("key_id")?),
            home,
            scopes: parsed(row, "scopes")?,
            networks: parsed(row, "networks")?,
            expires_at: row.try_get("expires_at")?,
        })
    }

    /// The secrets of a key, the newest of which is to be replaced.
    ///
    /// # Errors
    /// The database fails.
    pub async fn of(connection: &mut PgConnection, key_id: ApiKeyId) -> sqlx::Result<Option<Self>> {
        let row = sqlx::query(
            "SELECT key_id, reseller_id, tenant_id, scopes, networks, expires_at FROM auth.api_keys
             WHERE key_id = $1 ORDER BY expires_at DESC NULLS FIRST LIMIT 1",
        )
        .bind(key_id.0)
        .fetch_optional(connection)
        .await?;
        row.as_ref().map(Self::read).transpose()
    }
}

/// Lets the secrets of a key hold no longer than until then.
///
/// # Errors
/// The database fails.
pub async fn shorten(
    connection: &mut PgConnection,
    key_id: ApiKeyId,
    until: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE auth.api_keys SET expires_at = least(expires_at, $2) WHERE key_id = $1")
        .bind(key_id.0)
        .bind(until)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes the secrets of a key away.
///
/// # Errors
/// The database fails.
pub async fn remove(connection: &mut PgConnection, key_id: ApiKeyId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM auth.api_keys WHERE key_id = $1")
        .bind(key_id.0)
        .execute(connection)
        .await?;
    Ok(())
}

fn parsed<T: std::str::FromStr>(row: &PgRow, column: &str) -> sqlx::Result<Vec<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let texts: Vec<String> = row.try_get(column)?;
    texts
        .iter()
        .map(|text| text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error))))
        .collect()
}
