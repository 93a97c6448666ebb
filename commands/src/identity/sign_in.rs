//! From an e-mail address and a password to a principal.

use actix_web::http::StatusCode;
use domain::ids::UserId;
use domain::user::User;
use platform::{Access, Audience, Principal};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use store::{append, load};

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::passwords;
use crate::people::EMAIL_CLAIM;
use crate::second_factor;
use crate::standing;

/// A user who may act, with the fields that a panel greets by.
#[derive(Clone, Debug)]
pub struct Person {
    pub principal: Principal,
    pub name: String,
    pub email: String,
    /// Whether signing in needs a second factor.
    pub has_totp: bool,
}

impl Person {
    /// Whether the settings want a second factor that the person does not have yet.
    pub fn must_enrol(&self, write: &WriteSide) -> bool {
        let required = &write.config.identity.totp_required_roles;
        !self.has_totp && required.contains(&self.principal.role)
    }
}

/// Somebody who knows the password and may use it.
///
/// # Errors
/// As [`proven`]; or the reseller, or one above it, is not active.
pub async fn sign_in(
    write: &WriteSide,
    email: &str,
    password: SecretString,
    code: Option<&SecretString>,
    audience: Option<Audience>,
    client: &str,
) -> Result<Person, CommandError> {
    let person = proven(write, email, password, code, audience, client).await?;
    // Only who knows the password learns why it opens nothing.
    let mut connection = write.pool.acquire().await?;
    standing::ensure_may_sign_in(&mut connection, person.principal.home).await?;
    Ok(person)
}

/// Somebody who knows the password.
///
/// # Errors
/// Wrong, unknown, or of another audience: all the same answer. Or tried too often.
pub async fn proven(
    write: &WriteSide,
    email: &str,
    password: SecretString,
    code: Option<&SecretString>,
    audience: Option<Audience>,
    client: &str,
) -> Result<Person, CommandError> {
    let email = email.trim().to_lowercase();
    write
        .sign_in_limits
        .check([format!("email {email}"), format!("client {client}")])?;
    let mut connection = write.pool.acquire().await?;
    let digest = write.vault.digest(EMAIL_CLAIM, &email);
    let holder = append::holder(&mut connection, EMAIL_CLAIM, &digest).await?;
    let user_id = holder.and_then(|id| id.parse().ok()).map(UserId);
    let hash = match user_id {
        Some(user_id) => passwords::stored(&mut connection, user_id)
            .await?
            .map(|stored| stored.hash),
        None => None,
    };
    let right = passwords::verify(password, hash).await?;
    let person = match user_id {
        Some(user_id) if right => person(write, &mut connection, user_id).await?,
        Some(_) | None => None,
    };
    drop(connection);
    let person =
        person.filter(|person| audience.is_none_or(|audience| audience == person.principal.audience()));
    let person = person.ok_or_else(failed)?;
    if person.has_totp {
        let code = code.ok_or_else(second_factor::required)?;
        let principal = person.principal;
        second_factor::check(write, principal.user_id, principal.home, code.expose_secret()).await?;
    }
    Ok(person)
}

fn failed() -> Problem {
    let detail = "the e-mail address or the password is wrong, or they belong to another sign-in page";
    Problem::new(StatusCode::UNAUTHORIZED, "SIGN_IN_FAILED", detail)
}

/// The person behind a user id, as the log has it now; `None` for an unknown id.
///
/// # Errors
/// The database fails.
pub async fn person(
    write: &WriteSide,
    connection: &mut PgConnection,
    user_id: UserId,
) -> Result<Option<Person>, CommandError> {
    let user = load::load::<User>(connection, &user_id.to_string()).await?.state;
    let Some(identity) = user.active() else {
        return Ok(None);
    };
    let principal = Principal {
        user_id,
        role: identity.role,
        home: standing::present_home(&mut *connection, identity.home).await?,
        access: Access::PASSWORD,
    };
    let has_totp = user.has_totp();
    let personal = [&identity.name, &identity.email];
    let [name, email] = write.vault.open_all(connection, personal).await?;
    // An erased person cannot act.
    Ok(name.zip(email).map(|(name, email)| Person {
        principal,
        name,
        email,
        has_totp,
    }))
}
