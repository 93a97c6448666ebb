//! Signed tokens (EdDSA JWT): access tokens for people, links for workers.
//!
//! Only the write side holds the private key. The read side gets a [`Verifier`], which knows the public one.

use std::path::Path;
use std::str::FromStr;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{JobId, UserId};
use domain::user::{Home, Role};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Access, Audience, Principal};

const PRIVATE_KEY_FILE: &str = "signing.key.der";
const PUBLIC_KEY_FILE: &str = "signing.pub";
const LINK_AUDIENCE: &str = "worker-link";

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token has expired: get a new one from /api/auth/token")]
    Expired,
    #[error("the API key opens nothing, or nothing from this address: issue another one")]
    KeyRefused,
    #[error("the session has ended: sign in again")]
    Revoked,
    #[error("the token is not valid here: sign in and get one from /api/auth/token")]
    Invalid,
    #[error("a token cannot be signed: {0}")]
    Sign(#[source] jsonwebtoken::errors::Error),
    #[error("the signing key {path} cannot be used: {reason}; `stentor keys generate` makes one")]
    Key { path: String, reason: String },
}

#[derive(Serialize, Deserialize)]
struct AccessClaims {
    sub: UserId,
    aud: String,
    role: Role,
    home: Home,
    access: Access,
    iat: i64,
    /// When it was made, in microseconds: what was revoked in the same second is told apart.
    made: i64,
    exp: i64,
}

/// A token that was found good.
#[derive(Clone, Copy, Debug)]
pub struct Verified {
    pub principal: Principal,
    pub made_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// What a worker's link opens: one job's recording or result, for one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkGrant {
    pub job_id: JobId,
    pub attempt: u32,
    pub kind: LinkKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    Audio,
    Result,
}

#[derive(Serialize, Deserialize)]
struct LinkClaims {
    aud: String,
    exp: i64,
    #[serde(flatten)]
    grant: LinkGrant,
}

/// Signs. Clones share the key.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    access_ttl: TimeDelta,
}

/// Checks what a [`Signer`] signed. Clones share the key.
#[derive(Clone)]
pub struct Verifier {
    key: DecodingKey,
}

/// Makes a key pair in `folder` unless there is one.
///
/// # Errors
/// The folder cannot be written.
pub fn generate(folder: &Path) -> Result<(), TokenError> {
    let private_path = folder.join(PRIVATE_KEY_FILE);
    if private_path.exists() {
        return Ok(());
    }
    let failed = |reason: String| TokenError::Key {
        path: private_path.display().to_string(),
        reason,
    };
    let pair = Ed25519KeyPair::generate().map_err(|error| failed(error.to_string()))?;
    let private = pair.to_pkcs8().map_err(|error| failed(error.to_string()))?;
    std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    let public_path = folder.join(PUBLIC_KEY_FILE);
    std::fs::write(&public_path, pair.public_key().as_ref()).map_err(|error| failed(error.to_string()))?;
    crate::config::write_secret(&private_path, private.as_ref()).map_err(|error| failed(error.to_string()))
}

impl Signer {
    /// # Errors
    /// There is no key in `folder`.
    pub fn open(folder: &Path, access_ttl: TimeDelta) -> Result<Self, TokenError> {
        let path = folder.join(PRIVATE_KEY_FILE);
        let der = std::fs::read(&path).map_err(|error| TokenError::Key {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            key: EncodingKey::from_ed_der(&der),
            access_ttl,
        })
    }

    /// An access token and when it ends.
    ///
    /// # Errors
    /// The key is unusable.
    pub fn access(
        &self,
        principal: &Principal,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), TokenError> {
        self.access_until(principal, now, None)
    }

    /// As [`Signer::access`], with a token that ends no later than what it was made from.
    ///
    /// # Errors
    /// The key is unusable.
    pub fn access_until(
        &self,
        principal: &Principal,
        now: DateTime<Utc>,
        end: Option<DateTime<Utc>>,
    ) -> Result<(String, DateTime<Utc>), TokenError> {
        let expires_at = now + self.access_ttl;
        let expires_at = end.map_or(expires_at, |end| end.min(expires_at));
        let claims = AccessClaims {
            sub: principal.user_id,
            aud: principal.audience().as_ref().to_owned(),
            role: principal.role,
            home: principal.home,
            access: principal.access,
            iat: now.timestamp(),
            made: now.timestamp_micros(),
            exp: expires_at.timestamp(),
        };
        Ok((self.sign(&claims)?, expires_at))
    }

    /// A token that opens what `grant` says until `expires_at`.
    ///
    /// # Errors
    /// The key is unusable.
    pub fn link(&self, grant: LinkGrant, expires_at: DateTime<Utc>) -> Result<String, TokenError> {
        self.sign(&LinkClaims {
            aud: LINK_AUDIENCE.to_owned(),
            exp: expires_at.timestamp(),
            grant,
        })
    }

    fn sign<C: Serialize>(&self, claims: &C) -> Result<String, TokenError> {
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &self.key).map_err(TokenError::Sign)
    }
}

impl Verifier {
    /// # Errors
    /// There is no public key in `folder`.
    pub fn open(folder: &Path) -> Result<Self, TokenError> {
        let path = folder.join(PUBLIC_KEY_FILE);
        let raw = std::fs::read(&path).map_err(|error| TokenError::Key {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            key: DecodingKey::from_ed_der(&raw),
        })
    }

    /// Who holds an access token, since when and until when. Whether it was revoked since is another question.
    ///
    /// # Errors
    /// It is forged, malformed, expired, or was not made for a person.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, TokenError> {
        let claims: AccessClaims = self.decode(token)?;
        let principal = Principal {
            user_id: claims.sub,
            role: claims.role,
            home: claims.home,
            access: claims.access,
        };
        let audience = Audience::from_str(&claims.aud).map_err(|_| TokenError::Invalid)?;
        if audience != principal.audience() {
            return Err(TokenError::Invalid);
        }
        Ok(Verified {
            principal,
            made_at: DateTime::from_timestamp_micros(claims.made).ok_or(TokenError::Invalid)?,
            expires_at: unexpired(claims.exp, now)?,
        })
    }

    /// What a worker's link opens.
    ///
    /// # Errors
    /// It is forged, malformed, expired, or is no link.
    pub fn verify_link(&self, token: &str, now: DateTime<Utc>) -> Result<LinkGrant, TokenError> {
        let claims: LinkClaims = self.decode(token)?;
        if claims.aud != LINK_AUDIENCE {
            return Err(TokenError::Invalid);
        }
        unexpired(claims.exp, now)?;
        Ok(claims.grant)
    }

    /// The signature alone: audience and end are checked against our own clock by the callers.
    fn decode<C: DeserializeOwned>(&self, token: &str) -> Result<C, TokenError> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "aud"]);
        let decoded = jsonwebtoken::decode::<C>(token, &self.key, &validation);
        decoded.map(|token| token.claims).map_err(|_| TokenError::Invalid)
    }
}

fn unexpired(exp: i64, now: DateTime<Utc>) -> Result<DateTime<Utc>, TokenError> {
    let expires_at = DateTime::from_timestamp(exp, 0).ok_or(TokenError::Invalid)?;
    if now < expires_at {
        Ok(expires_at)
    } else {
        Err(TokenError::Expired)
    }
}

#[cfg(test)]
mod tests;
