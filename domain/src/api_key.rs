//! An API key: how a program comes in, with rights of its own.
//!
//! The secret is never here; its digest lies beside the passwords.

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::{self, NAME_CHARS_MAX, NOTE_CHARS_MAX};
use crate::user::{Home, Role};

/// Networks that one key may name.
pub const NETWORKS_MAX: usize = 20;

/// What a key opens. The list is short on purpose: it is what people choose from.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumIter,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum KeyScope {
    /// GraphQL and downloads, within the key's home.
    Read,
    /// The platform's commands about resellers and their credits.
    Resellers,
    /// A reseller's commands about its customers.
    Customers,
    /// A customer's recordings, jobs and workflows.
    Transcription,
    /// The platform's books.
    Finance,
}

impl KeyScope {
    /// Whether such a key may be given by somebody: nobody gives what he does not have.
    pub fn may_be_given_by(self, role: Role) -> bool {
        match role {
            Role::PlatformAdmin => matches!(self, Self::Read | Self::Resellers | Self::Finance),
            Role::ResellerOwner => matches!(self, Self::Read | Self::Customers),
            Role::CustomerAdmin => matches!(self, Self::Read | Self::Transcription),
            Role::PlatformFinance
            | Role::PlatformSupport
            | Role::ResellerStaff
            | Role::CustomerUser
            | Role::Service => false,
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Resellers => 2,
            Self::Customers => 4,
            Self::Transcription => 8,
            Self::Finance => 16,
        }
    }
}

/// Several scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyScopes(u8);

impl KeyScopes {
    pub fn contains(self, scope: KeyScope) -> bool {
        self.0 & scope.bit() != 0
    }
}

impl FromIterator<KeyScope> for KeyScopes {
    fn from_iter<I: IntoIterator<Item = KeyScope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ApiKey {
    home: Option<Home>,
    expires_at: Option<DateTime<Utc>>,
    revoked: bool,
}

/// What a key is asked to be.
#[derive(Clone, Debug)]
pub struct KeyTerms {
    pub name: String,
    /// How the secret begins, so that people can tell keys apart.
    pub prefix: String,
    pub scopes: Vec<KeyScope>,
    /// Where it may be used from; everywhere when empty.
    pub networks: Vec<IpNet>,
    pub home: Home,
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub enum ApiKeyCommand {
    Issue {
        terms: KeyTerms,
        /// Of whoever issues it.
        giver: Role,
        at: DateTime<Utc>,
    },
    /// A new secret; the former one holds until `former_until`.
    Rotate {
        prefix: String,
        former_until: DateTime<Utc>,
        at: DateTime<Utc>,
    },
    Revoke {
        reason: String,
    },
}

/// Facts about a key. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum ApiKeyEvent {
    ApiKeyIssued {
        name: String,
        prefix: String,
        scopes: Vec<KeyScope>,
        networks: Vec<IpNet>,
        home: Home,
        expires_at: Option<DateTime<Utc>>,
    },
    ApiKeyRotated {
        prefix: String,
        former_until: DateTime<Utc>,
    },
    ApiKeyRevoked {
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ApiKeyError {
    #[error("there is no such API key")]
    ApiKeyNotFound,
    #[error("this API key was issued already")]
    ApiKeyAlreadyIssued,
    #[error("the API key has been revoked: issue another one")]
    ApiKeyRevoked,
    #[error("the API key has expired: issue another one")]
    ApiKeyExpired,
    #[error("a key's name has 1 to {NAME_CHARS_MAX} characters: say what uses it")]
    InvalidName,
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why")]
    InvalidReason,
    #[error("a key needs at least one scope: {}", text::choice(.0))]
    ScopeMissing(Vec<String>),
    #[error("you cannot give the scope {}: {}", scope.as_ref(), text::choice(allowed))]
    ScopeNotAllowed { scope: KeyScope, allowed: Vec<String> },
    #[error("a key names at most {NETWORKS_MAX} networks: name larger ones")]
    TooManyNetworks,
    #[error("the key would have expired already: choose a time that is to come")]
    ExpiryInThePast,
}

impl Refusal for ApiKeyError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::ApiKeyNotFound => RefusalKind::NotFound,
            Self::ApiKeyAlreadyIssued | Self::ApiKeyRevoked | Self::ApiKeyExpired => RefusalKind::Conflict,
            Self::ScopeNotAllowed { .. } => RefusalKind::Forbidden,
            Self::InvalidName
            | Self::InvalidReason
            | Self::ScopeMissing(_)
            | Self::TooManyNetworks
            | Self::ExpiryInThePast => RefusalKind::Invalid,
        }
    }

    fn facts(&self) -> Facts {
        let allowed = match self {
            Self::ScopeMissing(allowed) | Self::ScopeNotAllowed { allowed, .. } => allowed.clone(),
            Self::ApiKeyNotFound
            | Self::ApiKeyAlreadyIssued
            | Self::ApiKeyRevoked
            | Self::ApiKeyExpired
            | Self::InvalidName
            | Self::InvalidReason
            | Self::TooManyNetworks
            | Self::ExpiryInThePast => Vec::new(),
        };
        Facts {
            allowed,
            ..Facts::default()
        }
    }
}

aggregate!(ApiKey, "api_key", ApiKeyCommand, ApiKeyEvent, ApiKeyError);

impl ApiKeyEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::ApiKeyIssued { .. } | Self::ApiKeyRotated { .. } | Self::ApiKeyRevoked { .. } => "1",
        }
    }
}

impl ApiKey {
    /// Whom the key acts for; `None` for a key that was never issued.
    pub fn home(&self) -> Option<Home> {
        self.home
    }

    fn decide(&self, command: ApiKeyCommand) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
        match command {
            ApiKeyCommand::Issue { .. } if self.home.is_some() => Err(ApiKeyError::ApiKeyAlreadyIssued),
            ApiKeyCommand::Issue { terms, giver, at } => issue(terms, giver, at),
            ApiKeyCommand::Rotate {
                prefix,
                former_until,
                at,
            } => {
                self.ensure_issued()?;
                if self.expires_at.is_some_and(|expires_at| at >= expires_at) {
                    return Err(ApiKeyError::ApiKeyExpired);
                }
                Ok(vec![ApiKeyEvent::ApiKeyRotated { prefix, former_until }])
            }
            ApiKeyCommand::Revoke { reason } => {
                self.ensure_issued()?;
                let reason = text::checked(&reason, NOTE_CHARS_MAX).ok_or(ApiKeyError::InvalidReason)?;
                Ok(vec![ApiKeyEvent::ApiKeyRevoked { reason }])
            }
        }
    }

    fn ensure_issued(&self) -> Result<(), ApiKeyError> {
        if self.home.is_none() {
            Err(ApiKeyError::ApiKeyNotFound)
        } else if self.revoked {
            Err(ApiKeyError::ApiKeyRevoked)
        } else {
            Ok(())
        }
    }

    fn evolve(&mut self, event: ApiKeyEvent) {
        match event {
            ApiKeyEvent::ApiKeyIssued { home, expires_at, .. } => {
                self.home = Some(home);
                self.expires_at = expires_at;
            }
            ApiKeyEvent::ApiKeyRotated { .. } => {}
            ApiKeyEvent::ApiKeyRevoked { .. } => self.revoked = true,
        }
    }
}

fn issue(terms: KeyTerms, giver: Role, at: DateTime<Utc>) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
    let allowed = || -> Vec<String> {
        <KeyScope as strum::IntoEnumIterator>::iter()
            .filter(|scope| scope.may_be_given_by(giver))
            .map(|scope| scope.as_ref().to_owned())
            .collect()
    };
    let KeyTerms {
        name,
        prefix,
        scopes,
        networks,
        home,
        expires_at,
    } = terms;
    let name = text::checked(&name, NAME_CHARS_MAX).ok_or(ApiKeyError::InvalidName)?;
    if scopes.is_empty() {
        return Err(ApiKeyError::ScopeMissing(allowed()));
    }
    if let Some(scope) = scopes.iter().find(|scope| !scope.may_be_given_by(giver)) {
        return Err(ApiKeyError::ScopeNotAllowed {
            scope: *scope,
            allowed: allowed(),
        });
    }
    if networks.len() > NETWORKS_MAX {
        return Err(ApiKeyError::TooManyNetworks);
    }
    if expires_at.is_some_and(|expires_at| expires_at <= at) {
        return Err(ApiKeyError::ExpiryInThePast);
    }
    Ok(vec![ApiKeyEvent::ApiKeyIssued {
        name,
        prefix,
        scopes,
        networks,
        home,
        expires_at,
    }])
}

#[cfg(test)]
mod tests;
