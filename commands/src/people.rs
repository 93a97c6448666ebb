//! Use cases around users: registering one, changing a password.

use actix_web::http::StatusCode;
use domain::ids::UserId;
use domain::personal::Sealed;
use domain::text::{self, NAME_CHARS_MAX};
use domain::user::{AccessCommand, Home, Identity, Role, User, UserCommand};
use secrecy::SecretString;
use store::append::Claim;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use store::vault::NewKey;
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::identity::{passwords, sessions};

/// Kind of the claim that makes e-mail addresses unique.
pub const EMAIL_CLAIM: &str = "email";
/// Code of the refusal of an address that somebody has.
pub const EMAIL_TAKEN: &str = "EMAIL_TAKEN";
const EMAIL_BYTES_MAX: usize = 254;

/// A user to be: personal fields sealed, password hashed and stored. Nothing refers to it until its events
/// are appended.
pub struct NewUser {
    pub user_id: UserId,
    pub name: Sealed,
    pub email: Sealed,
    email_digest: Vec<u8>,
    /// To be shown once, where the caller gave none.
    pub temporary_password: Option<SecretString>,
}

impl NewUser {
    /// By which the address is told from others.
    pub fn email_digest(&self) -> &[u8] {
        &self.email_digest
    }
}

/// An address in the form in which it is stored and compared.
///
/// # Errors
/// It is none.
pub fn checked_email(email: &str) -> Result<String, CommandError> {
    let email = email.trim().to_lowercase();
    let fits = email.len() <= EMAIL_BYTES_MAX
        && !email.chars().any(|c| c.is_control() || c.is_whitespace())
        && email.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && !host.contains('@')
                && host.split('.').count() > 1
                && !host.split('.').any(str::is_empty)
        });
    if fits {
        Ok(email)
    } else {
        let detail = "this is no e-mail address: expected one such as name@example.com";
        Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_EMAIL", detail).into())
    }
}

/// Prepares a user before the append that registers it.
///
/// # Errors
/// A field breaks a rule, or the database fails.
pub async fn prepare(
    write: &WriteSide,
    name: &str,
    email: &str,
    password: Option<SecretString>,
) -> Result<NewUser, CommandError> {
    let user_id = UserId(Uuid::now_v7());
    let email = checked_email(email)?;
    let name = checked_name(name)?;
    let (password, temporary_password) = if let Some(password) = password {
        passwords::check(&password)?;
        (password, None)
    } else {
        let temporary = passwords::temporary();
        (temporary.clone(), Some(temporary))
    };
    let hash = passwords::hash(password).await?;
    let mut connection = write.pool.acquire().await?;
    let personal = [name.as_str(), email.as_str()];
    let [sealed_name, sealed_email] = write.vault.seal(&mut connection, user_id.0, personal).await?;
    let user = NewUser {
        user_id,
        name: sealed_name,
        email: sealed_email,
        email_digest: write.vault.digest(EMAIL_CLAIM, &email),
        temporary_password,
    };
    passwords::store(&mut connection, user_id, &hash, None, write.clock.now()).await?;
    Ok(user)
}

/// Prepares a user who has no password yet and gets one by a link, with a key that is to be stored before the append.
///
/// # Errors
/// A field breaks a rule.
pub fn with_key(write: &WriteSide, name: &str, email: &str) -> Result<(NewUser, NewKey), CommandError> {
    let user_id = UserId(Uuid::now_v7());
    let (name, email) = (checked_name(name)?, checked_email(email)?);
    let key = write.vault.new_key(user_id.0)?;
    let user = NewUser {
        user_id,
        name: key.seal(&name)?,
        email: key.seal(&email)?,
        email_digest: write.vault.digest(EMAIL_CLAIM, &email),
        temporary_password: None,
    };
    Ok((user, key))
}

fn checked_name(name: &str) -> Result<String, CommandError> {
    text::checked(name, NAME_CHARS_MAX).ok_or_else(|| {
        Problem::invalid(format!("a person's name has 1 to {NAME_CHARS_MAX} characters")).into()
    })
}

/// Whom the facts about people of a home belong to.
pub fn owner_of(home: Home) -> Owner {
    Owner {
        reseller_id: home.reseller_id(),
        tenant_id: home.tenant_id(),
    }
}

/// Registers a prepared user within a unit of work.
///
/// # Errors
/// The role does not belong to the home.
pub async fn register(
    unit: &mut UnitOfWork<'_>,
    user: &NewUser,
    role: Role,
    home: Home,
) -> Result<(), CommandError> {
    let id = user.user_id.to_string();
    let owner = owner_of(home);
    let identity = Identity {
        name: user.name.clone(),
        email: user.email.clone(),
        role,
        home,
    };
    unit.begin::<User>(&id);
    unit.execute::<User>(owner, &id, UserCommand::Register(identity))
        .await?;
    unit.claim(Claim {
        kind: EMAIL_CLAIM,
        digest: user.email_digest.clone(),
        aggregate_type: "user",
        aggregate_id: id,
    });
    Ok(())
}

/// Registers one user at `home`.
///
/// # Errors
/// The role does not belong there, or the address is taken.
pub async fn add(
    write: &WriteSide,
    cause: &Cause,
    user: &NewUser,
    role: Role,
    home: Home,
) -> Result<Done<UserId>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        register(unit, user, role, home).await?;
        Ok(user.user_id)
    };
    write.bus.run(cause, decide).await
}

/// Sets a new password for a user who knows the present one, and ends the user's sessions.
///
/// # Errors
/// The present password is wrong, or the new one may not be set.
pub async fn change_password(
    write: &WriteSide,
    cause: &Cause,
    user_id: UserId,
    owner: Owner,
    current: SecretString,
    new: SecretString,
) -> Result<Done<()>, CommandError> {
    passwords::check(&new)?;
    // What follows has effects outside the unit: a repeated request must not have them twice.
    if let Some(done) = write.bus.carried(cause).await? {
        return Ok(done);
    }
    // Hash and sessions change before the event is appended: when the process dies between the two, the same
    // request finds the new password set already and goes on from there.
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let mut connection = write.pool.acquire().await?;
        let stored = passwords::stored(&mut connection, user_id).await?;
        let repeated = stored
            .as_ref()
            .is_some_and(|stored| stored.set_by == Some(cause.command_id));
        let wanted = if repeated { new.clone() } else { current.clone() };
        if !passwords::verify(wanted, stored.map(|stored| stored.hash)).await? {
            let detail = "the current password is wrong: type it again";
            return Err(Problem::new(StatusCode::FORBIDDEN, "WRONG_PASSWORD", detail).into());
        }
        let hash = passwords::hash(new.clone()).await?;
        passwords::store(&mut connection, user_id, &hash, Some(cause.command_id), cause.at).await?;
        sessions::end_every(&mut connection, user_id, write.clock.now()).await?;
        unit.execute::<User>(
            owner,
            &user_id.to_string(),
            UserCommand::Access(AccessCommand::ChangePassword),
        )
        .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}
