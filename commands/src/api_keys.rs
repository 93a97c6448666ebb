//! Use cases around API keys. A key belongs to the home of whoever issues it and outlives him there.

use chrono::{DateTime, TimeDelta, Utc};
use domain::api_key::{ApiKey, ApiKeyCommand, ApiKeyError, KeyScope, KeyTerms};
use domain::ids::ApiKeyId;
use ipnet::IpNet;
use platform::Principal;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::api_keys::{self, PREFIX, Stored};
use store::effects::failed;
use store::revocations;
use store::unit_of_work::{Cause, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;
use crate::identity::secrets;
use crate::people::owner_of;
use crate::standing;

/// Characters of a secret that are shown, so that people can tell keys apart: 24 bits of 256.
const SHOWN_CHARS: usize = PREFIX.len() + 4;
/// How long a former secret may hold beside the new one.
const OVERLAP_MAX: TimeDelta = TimeDelta::days(7);

/// What somebody wants a key to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub name: String,
    pub scopes: Vec<KeyScope>,
    pub networks: Vec<IpNet>,
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issued {
    pub key_id: Uuid,
    pub prefix: String,
}

fn secret() -> Result<(SecretString, String), CommandError> {
    let secret = format!("{PREFIX}{}", secrets::random()?);
    let prefix = secret.chars().take(SHOWN_CHARS).collect();
    Ok((secret.into(), prefix))
}

/// Issues a key. Its secret is answered once and stored nowhere.
///
/// # Errors
/// The issuer cannot give such rights.
pub async fn issue(
    write: &WriteSide,
    cause: &Cause,
    giver: &Principal,
    wanted: Wanted,
) -> Result<(Done<Issued>, SecretString), CommandError> {
    let key_id = ApiKeyId(Uuid::now_v7());
    let (secret, prefix) = secret()?;
    let (id, home) = (key_id.to_string(), giver.home);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        unit.begin::<ApiKey>(&id);
        let terms = KeyTerms {
            name: wanted.name.clone(),
            prefix: prefix.clone(),
            scopes: wanted.scopes.clone(),
            networks: wanted.networks.clone(),
            home,
            expires_at: wanted.expires_at,
        };
        let command = ApiKeyCommand::Issue {
            terms,
            giver: giver.role,
            at: cause.at,
        };
        unit.execute::<ApiKey>(owner_of(home), &id, command).await?;
        let stored = Stored {
            key_id,
            home,
            scopes: wanted.scopes.clone(),
            networks: wanted.networks.clone(),
            expires_at: wanted.expires_at,
        };
        let secret = secret.clone();
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                api_keys::store(connection, secret.expose_secret(), &stored)
                    .await
                    .map_err(failed)
            })
        }));
        Ok(Issued {
            key_id: key_id.0,
            prefix: prefix.clone(),
        })
    };
    Ok((write.bus.run(cause, decide).await?, secret))
}

/// A key that belongs to where the caller does. Another one is unknown.
async fn ensure_own(
    unit: &mut UnitOfWork<'_>,
    caller: &Principal,
    key_id: ApiKeyId,
) -> Result<(), CommandError> {
    let key: ApiKey = unit.load(&key_id.to_string()).await?;
    let not_found = || CommandError::refused(&ApiKeyError::ApiKeyNotFound);
    let home = key.home().ok_or_else(not_found)?;
    if standing::home_now(unit, home).await? == caller.home {
        Ok(())
    } else {
        Err(not_found())
    }
}

/// Gives a key a new secret; the former one holds for `overlap` more.
///
/// # Errors
/// There is no such key, or it has ended.
pub async fn rotate(
    write: &WriteSide,
    cause: &Cause,
    caller: &Principal,
    key_id: ApiKeyId,
    overlap: TimeDelta,
) -> Result<(Done<Issued>, SecretString), CommandError> {
    let (secret, prefix) = secret()?;
    let id = key_id.to_string();
    let former_until = cause.at + overlap.min(OVERLAP_MAX);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_own(unit, caller, key_id).await?;
        let command = ApiKeyCommand::Rotate {
            prefix: prefix.clone(),
            former_until,
            at: cause.at,
        };
        unit.execute::<ApiKey>(owner_of(caller.home), &id, command)
            .await?;
        let secret = secret.clone();
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                let rotated = async {
                    let stored = Stored::of(connection, key_id).await?;
                    api_keys::shorten(connection, key_id, former_until).await?;
                    match stored {
                        Some(stored) => api_keys::store(connection, secret.expose_secret(), &stored).await,
                        None => Err(sqlx::Error::RowNotFound),
                    }
                };
                rotated.await.map_err(failed)
            })
        }));
        Ok(Issued {
            key_id: key_id.0,
            prefix: prefix.clone(),
        })
    };
    Ok((write.bus.run(cause, decide).await?, secret))
}

/// Ends a key at once, in every process and on every open socket.
///
/// # Errors
/// There is no such key, or it was revoked before.
pub async fn revoke(
    write: &WriteSide,
    cause: &Cause,
    caller: &Principal,
    key_id: ApiKeyId,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let id = key_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_own(unit, caller, key_id).await?;
        let command = ApiKeyCommand::Revoke {
            reason: reason.to_owned(),
        };
        unit.execute::<ApiKey>(owner_of(caller.home), &id, command)
            .await?;
        let clock = write.clock.clone();
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                let gone = async {
                    api_keys::remove(connection, key_id).await?;
                    revocations::revoke(connection, &[key_id.0], clock.now()).await
                };
                gone.await.map_err(failed)
            })
        }));
        Ok(())
    };
    write.bus.run(cause, decide).await
}
