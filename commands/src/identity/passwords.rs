//! Passwords: argon2id, hashed on threads of their own.

use actix_web::http::StatusCode;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use chrono::{DateTime, Utc};
use domain::ids::UserId;
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{CommandError, Problem};

const PASSWORD_CHARS_MIN: usize = 10;
const PASSWORD_BYTES_MAX: usize = 256;
/// No look-alikes: temporary passwords are read aloud and typed.
const TEMPORARY_ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
const TEMPORARY_CHARS: usize = 16;

/// A random password of 16 characters (79 bits) to hand over once.
pub fn temporary() -> SecretString {
    let mut random = rand::rng();
    let text: String = (0..TEMPORARY_CHARS)
        .filter_map(|_| TEMPORARY_ALPHABET.get(random.random_range(0..TEMPORARY_ALPHABET.len())))
        .map(|byte| char::from(*byte))
        .collect();
    text.into()
}

/// Whether a password may be set.
///
/// # Errors
/// It is too short or too long.
pub fn check(password: &SecretString) -> Result<(), CommandError> {
    let text = password.expose_secret();
    if text.chars().count() < PASSWORD_CHARS_MIN || text.len() > PASSWORD_BYTES_MAX {
        let detail = format!(
            "a password has at least {PASSWORD_CHARS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes: \
             choose a longer one, or leave it out to get a temporary one"
        );
        return Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_PASSWORD", detail).into());
    }
    Ok(())
}

/// # Errors
/// Hashing fails.
pub async fn hash(password: SecretString) -> Result<String, CommandError> {
    let hashed = tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password(password.expose_secret().as_bytes())
            .map(|hash| hash.to_string())
    });
    hashed
        .await
        .map_err(CommandError::internal)?
        .map_err(|error| CommandError::internal(error.to_string()))
}

/// Whether `password` is the one that was hashed. Without a hash it takes as long and says no.
///
/// # Errors
/// The stored hash cannot be read.
pub async fn verify(password: SecretString, hash: Option<String>) -> Result<bool, CommandError> {
    let verified = tokio::task::spawn_blocking(move || {
        let password = password.expose_secret().as_bytes();
        let Some(hash) = hash else {
            // Who asks must not learn from the time whether the user exists.
            return Argon2::default().hash_password(password).map(|_| false);
        };
        let hash = PasswordHash::new(&hash).map_err(|_| argon2::password_hash::Error::Internal)?;
        Ok(Argon2::default().verify_password(password, &hash).is_ok())
    });
    verified
        .await
        .map_err(CommandError::internal)?
        .map_err(|error| CommandError::internal(error.to_string()))
}

/// A password as it is kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Stored {
    #[sqlx(rename = "password_hash")]
    pub hash: String,
    /// The command that changed it last; `None` since the registration.
    pub set_by: Option<Uuid>,
}

/// # Errors
/// The database fails.
pub async fn store(
    connection: &mut PgConnection,
    user_id: UserId,
    password_hash: &str,
    set_by: Option<Uuid>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO auth.credentials (user_id, password_hash, set_by, changed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE SET
             password_hash = excluded.password_hash, set_by = excluded.set_by, changed_at = excluded.changed_at",
    )
    .bind(user_id.0)
    .bind(password_hash)
    .bind(set_by)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// # Errors
/// The database fails.
pub async fn stored(connection: &mut PgConnection, user_id: UserId) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as("SELECT password_hash, set_by FROM auth.credentials WHERE user_id = $1")
        .bind(user_id.0)
        .fetch_optional(connection)
        .await
}

/// Takes a user's password away, for good.
///
/// # Errors
/// The database fails.
pub async fn remove(connection: &mut PgConnection, user_id: UserId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM auth.credentials WHERE user_id = $1")
        .bind(user_id.0)
        .execute(connection)
        .await?;
    Ok(())
}
