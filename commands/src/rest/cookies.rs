//! The cookies that open sessions.

use actix_web::cookie::time::OffsetDateTime;
use actix_web::cookie::{Cookie, SameSite};
use chrono::{DateTime, Utc};

use crate::WriteSide;
use crate::error::CommandError;

/// The own session of somebody who acts as somebody else.
pub const RETURN_COOKIE: &str = "stentor_return";

/// A cookie that no script reads and no other site sends.
///
/// # Errors
/// The session ends at no time that a cookie can say.
pub fn session(
    write: &WriteSide,
    name: &'static str,
    secret: String,
    expires_at: DateTime<Utc>,
) -> Result<Cookie<'static>, CommandError> {
    let expires =
        OffsetDateTime::from_unix_timestamp(expires_at.timestamp()).map_err(CommandError::internal)?;
    Ok(Cookie::build(name, secret)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(write.config.is_production())
        .expires(expires)
        .finish())
}

/// Takes a cookie away.
pub fn gone(name: &'static str) -> Cookie<'static> {
    let mut gone = Cookie::build(name, "").path("/").http_only(true).finish();
    gone.make_removal();
    gone
}
