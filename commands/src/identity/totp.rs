//! The second factor's secrets and codes. A code is good once; wrong ones lock the factor for a while.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::UserId;
use domain::personal::Sealed;
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, Row};
use store::vault::Vault;
use totp_rs::{Builder, Secret, Totp};

use crate::error::CommandError;
use crate::identity::passwords;

/// As RFC 4226 recommends: 160 bits.
const SECRET_BYTES: usize = 20;
const FAILURES_MAX: i32 = 5;
const LOCKED: TimeDelta = TimeDelta::minutes(5);
pub const RECOVERY_CODES: usize = 10;
const ISSUER: &str = "Stentor";

/// What a code came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Good,
    /// Wrong, or used before.
    Wrong,
    /// Too many wrong ones; even a right one is not taken before that.
    Locked(DateTime<Utc>),
}

/// A secret for a device, and how it gets there.
pub struct Enrolment {
    pub secret: SecretString,
    /// `otpauth://…`
    pub uri: SecretString,
    /// The address as a picture.
    pub qr_svg: SecretString,
}

fn totp(secret: &str, account: &str) -> Result<Totp, CommandError> {
    let secret =
        Secret::try_from_base32(secret).map_err(|error| CommandError::internal(error.to_string()))?;
    Builder::new()
        .with_secret(secret)
        .with_account_name(account.replace(':', " "))
        .with_issuer(Some(ISSUER))
        .build()
        .map_err(|error| CommandError::internal(error.to_string()))
}

/// Makes a secret in place of one that was not confirmed.
///
/// # Errors
/// The database fails.
pub async fn enrol(
    connection: &mut PgConnection,
    vault: &Vault,
    user_id: UserId,
    account: &str,
) -> Result<Enrolment, CommandError> {
    let mut bytes = vec![0_u8; SECRET_BYTES];
    OsRng.try_fill_bytes(&mut bytes).map_err(CommandError::internal)?;
    let secret = Secret::new(bytes.into_boxed_slice()).to_base32();
    let uri = totp(&secret, account)?
        .to_url()
        .map_err(|error| CommandError::internal(error.to_string()))?;
    let picture = qrcode::QrCode::new(uri.as_bytes()).map_err(CommandError::internal)?;
    let qr_svg = picture
        .render::<qrcode::render::svg::Color<'_>>()
        .min_dimensions(200, 200)
        .build();
    let [sealed] = vault.seal(connection, user_id.0, [secret.as_str()]).await?;
    sqlx::query(
        "INSERT INTO auth.totp (user_id, secret) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, last_step = 0, failures = 0,
             locked_until = NULL
         WHERE NOT totp.confirmed",
    )
    .bind(user_id.0)
    .bind(sealed.text)
    .execute(connection)
    .await?;
    Ok(Enrolment {
        secret: secret.into(),
        uri: uri.into(),
        qr_svg: qr_svg.into(),
    })
}

/// Takes a code, once.
///
/// # Errors
/// The database fails.
pub async fn take(
    connection: &mut PgConnection,
    vault: &Vault,
    user_id: UserId,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Checked, CommandError> {
    let row = sqlx::query("SELECT secret, locked_until FROM auth.totp WHERE user_id = $1")
        .bind(user_id.0)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else {
        return Ok(Checked::Wrong);
    };
    let locked_until: Option<DateTime<Utc>> = row.try_get("locked_until")?;
    if let Some(until) = locked_until.filter(|until| *until > now) {
        return Ok(Checked::Locked(until));
    }
    let sealed = Sealed {
        subject: user_id.0,
        text: row.try_get("secret")?,
    };
    let Some(secret) = vault.open(connection, &sealed).await? else {
        return Ok(Checked::Wrong);
    };
    let time = u64::try_from(now.timestamp()).map_err(CommandError::internal)?;
    let step = totp(&secret, "account")?.check(code.trim(), time);
    if let Some(step) = step.and_then(|step| i64::try_from(step).ok()) {
        let first = sqlx::query(
            "UPDATE auth.totp SET last_step = $2, failures = 0, locked_until = NULL
             WHERE user_id = $1 AND last_step < $2",
        )
        .bind(user_id.0)
        .bind(step)
        .execute(&mut *connection)
        .await?;
        if first.rows_affected() == 1 {
            return Ok(Checked::Good);
        }
    }
    failed(connection, user_id, now).await?;
    Ok(Checked::Wrong)
}

/// Counts a wrong code.
///
/// # Errors
/// The database fails.
pub async fn failed(connection: &mut PgConnection, user_id: UserId, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE auth.totp SET
             failures = CASE WHEN failures + 1 >= $2 THEN 0 ELSE failures + 1 END,
             locked_until = CASE WHEN failures + 1 >= $2 THEN $3 END
         WHERE user_id = $1",
    )
    .bind(user_id.0)
    .bind(FAILURES_MAX)
    .bind(now + LOCKED)
    .execute(connection)
    .await?;
    Ok(())
}

/// From now on it is asked for.
///
/// # Errors
/// The database fails.
pub async fn confirm(connection: &mut PgConnection, user_id: UserId) -> sqlx::Result<()> {
    sqlx::query("UPDATE auth.totp SET confirmed = true WHERE user_id = $1")
        .bind(user_id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes secret and recovery codes away.
///
/// # Errors
/// The database fails.
pub async fn remove(connection: &mut PgConnection, user_id: UserId) -> sqlx::Result<()> {
    for delete in [
        "DELETE FROM auth.totp WHERE user_id = $1",
        "DELETE FROM auth.recovery_codes WHERE user_id = $1",
    ] {
        sqlx::query(delete)
            .bind(user_id.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Codes for the day on which the device is lost: each is good once.
pub fn recovery_codes() -> Vec<SecretString> {
    (0..RECOVERY_CODES).map(|_| passwords::temporary()).collect()
}

/// Keyed, so that a stolen table cannot be searched.
pub fn recovery_digest(vault: &Vault, user_id: UserId, code: &str) -> Vec<u8> {
    let code: String = code
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    vault.digest("recovery code", &format!("{user_id} {code}"))
}

/// Stores recovery codes in place of those before.
///
/// # Errors
/// The database fails.
pub async fn store_codes(
    connection: &mut PgConnection,
    user_id: UserId,
    digests: &[Vec<u8>],
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM auth.recovery_codes WHERE user_id = $1")
        .bind(user_id.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO auth.recovery_codes (user_id, code_digest) SELECT $1, unnest($2::bytea[])")
        .bind(user_id.0)
        .bind(digests)
        .execute(connection)
        .await?;
    Ok(())
}

/// How many codes there are besides this one; `None` where it is not there.
///
/// # Errors
/// The database fails.
pub async fn others(
    connection: &mut PgConnection,
    user_id: UserId,
    digest: &[u8],
) -> sqlx::Result<Option<u32>> {
    let row = sqlx::query(
        "SELECT count(*) AS all_codes, coalesce(bool_or(code_digest = $2), false) AS found
         FROM auth.recovery_codes WHERE user_id = $1",
    )
    .bind(user_id.0)
    .bind(digest)
    .fetch_one(connection)
    .await?;
    let (all, found): (i64, bool) = (row.try_get("all_codes")?, row.try_get("found")?);
    Ok(found.then(|| u32::try_from(all - 1).unwrap_or_default()))
}

/// Uses a code up. Answers whether it was there to be used.
///
/// # Errors
/// The database fails.
pub async fn use_up(connection: &mut PgConnection, user_id: UserId, digest: &[u8]) -> sqlx::Result<bool> {
    let gone = sqlx::query("DELETE FROM auth.recovery_codes WHERE user_id = $1 AND code_digest = $2")
        .bind(user_id.0)
        .bind(digest)
        .execute(connection)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// The text of secrets that are shown once.
pub fn shown(secrets: &[SecretString]) -> Vec<String> {
    secrets
        .iter()
        .map(|secret| secret.expose_secret().to_owned())
        .collect()
}
