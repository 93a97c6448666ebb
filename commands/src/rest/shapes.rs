//! Bodies that several routes share.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Why something is done, for its history.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// 1 to 500 characters.
    pub reason: String,
}

/// A command that needs no more than its address.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// A person to be registered.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    pub name: String,
    pub email: String,
    /// At least 10 characters; left out, a temporary one is made and shown once.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub password: Option<SecretString>,
}

/// A temporary password, unless the command was carried out before: the stored one is another then.
pub fn shown_once(password: Option<SecretString>, replayed: bool) -> Option<String> {
    password
        .filter(|_| !replayed)
        .map(|password| password.expose_secret().to_owned())
}
