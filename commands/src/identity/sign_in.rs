//! From an e-mail address and a password to a principal.

use actix_web::http::StatusCode;
use domain::ids::UserId;
use domain::user::User;
use platform::{Audience, Principal};
use secrecy::SecretString;
use sqlx::PgConnection;
use store::{append, load};

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::passwords;
use crate::people::EMAIL_CLAIM;

/// A user who may act, with the fields that a panel greets by.
#[derive(Clone, Debug)]
pub struct Person {
    pub principal: Principal,
    pub name: String,
    pub email: String,
}

/// # Errors
/// Wrong, unknown, or of another audience: all the same answer. Or tried too often.
pub async fn sign_in(
    write: &WriteSide,
    email: &str,
    password: SecretString,
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
    person
        .filter(|person| audience.is_none_or(|audience| audience == person.principal.audience()))
        .ok_or_else(|| failed().into())
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
    let Some(identity) = user.identity() else {
        return Ok(None);
    };
    let principal = Principal {
        user_id,
        role: identity.role,
        home: identity.home,
    };
    let personal = [&identity.name, &identity.email];
    let [name, email] = write.vault.open_all(connection, personal).await?;
    // An erased person cannot act.
    Ok(name.zip(email).map(|(name, email)| Person {
        principal,
        name,
        email,
    }))
}
