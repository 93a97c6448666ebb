//! Links that open one thing once: the secret in them is stored as a digest, expires, and is used up.

use chrono::{DateTime, Utc};
use domain::ids::{PLATFORM, UserId};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row};
use store::unit_of_work::{Cause, Owner};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::secrets;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    Invitation,
    PasswordReset,
}

impl LinkKind {
    fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }

    /// The panel's page.
    fn page(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password-reset",
        }
    }
}

/// A link that has just been made; the only time that its secret is known.
#[derive(Clone, Debug)]
pub struct NewLink {
    kind: LinkKind,
    user_id: UserId,
    secret: SecretString,
    pub expires_at: DateTime<Utc>,
}

impl NewLink {
    /// # Errors
    /// The system has no randomness.
    pub fn new(kind: LinkKind, user_id: UserId, expires_at: DateTime<Utc>) -> Result<Self, CommandError> {
        Ok(Self {
            kind,
            user_id,
            secret: secrets::random()?.into(),
            expires_at,
        })
    }

    /// The address to hand over. The secret stands behind the #, which browsers send to nobody.
    pub fn url(&self, write: &WriteSide) -> SecretString {
        let page = self.kind.page();
        format!(
            "{}/{page}#{}",
            write.config.public_url(),
            self.secret.expose_secret()
        )
        .into()
    }

    /// Stores the link in place of the one before it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn store(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        remove(&mut *connection, self.kind, self.user_id).await?;
        sqlx::query(
            "INSERT INTO auth.links (link_digest, kind, user_id, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(digest(&self.secret))
        .bind(self.kind.name())
        .bind(self.user_id.0)
        .bind(self.expires_at)
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Whose link it is, while it is good.
///
/// # Errors
/// It is none, was used, has expired or was replaced: all the same answer.
pub async fn find(
    connection: &mut PgConnection,
    kind: LinkKind,
    secret: &SecretString,
    now: DateTime<Utc>,
) -> Result<UserId, CommandError> {
    let row = sqlx::query(
        "SELECT user_id FROM auth.links WHERE link_digest = $1 AND kind = $2 AND expires_at > $3",
    )
    .bind(digest(secret))
    .bind(kind.name())
    .bind(now)
    .fetch_optional(connection)
    .await?
    .ok_or_else(not_valid)?;
    Ok(UserId(row.try_get("user_id")?))
}

/// Uses a link up. Answers whether it was there to be used.
///
/// # Errors
/// The database fails.
pub async fn consume(connection: &mut PgConnection, secret: &SecretString) -> sqlx::Result<bool> {
    let gone = sqlx::query("DELETE FROM auth.links WHERE link_digest = $1")
        .bind(digest(secret))
        .execute(connection)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// Takes a user's link away.
///
/// # Errors
/// The database fails.
pub async fn remove(connection: &mut PgConnection, kind: LinkKind, user_id: UserId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM auth.links WHERE user_id = $1 AND kind = $2")
        .bind(user_id.0)
        .bind(kind.name())
        .execute(connection)
        .await?;
    Ok(())
}

/// The cause of what a link does: it happens once, whoever sends the link again.
pub fn cause(secret: &SecretString, payload: &[&str], at: DateTime<Utc>) -> Cause {
    let link = digest(secret);
    let mut fingerprint = Sha256::new().chain_update(&link);
    for part in payload {
        fingerprint = fingerprint.chain_update([0]).chain_update(part);
    }
    Cause {
        command_id: Uuid::new_v5(&PLATFORM, &link),
        // The link's secret makes it one that nobody can find by guessing.
        fingerprint: fingerprint.finalize().to_vec(),
        actor: None,
        owner: Owner::PLATFORM,
        at,
        happened_at: None,
        comment: None,
    }
}

fn digest(secret: &SecretString) -> Vec<u8> {
    Sha256::digest(secret.expose_secret().as_bytes()).to_vec()
}

fn not_valid() -> Problem {
    let detail =
        "this link opens nothing: it was used, has expired, or a newer one was sent; ask for another";
    Problem::new(actix_web::http::StatusCode::NOT_FOUND, "LINK_NOT_VALID", detail)
}
