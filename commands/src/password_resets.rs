//! Use cases around forgotten passwords: a link sets a new one, once.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::UserId;
use domain::user::{AccessCommand, Home, User, UserCommand};
use platform::Principal;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::append;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::accounts::managed_other;
use crate::bus::Done;
use crate::error::CommandError;
use crate::identity::links::{self, LinkKind, NewLink};
use crate::invitations::{Opened, handing_over, open};
use crate::mail::NewMail;
use crate::people::{EMAIL_CLAIM, owner_of};
use crate::standing;

const RESET_HOURS: i64 = 24;

/// Sets a new password by a link, and ends every session.
///
/// # Errors
/// The link opens nothing, or the password may not be set.
pub async fn complete(
    write: &WriteSide,
    secret: &SecretString,
    password: SecretString,
) -> Result<Done<Opened>, CommandError> {
    let payload = ["reset", password.expose_secret()];
    let cause = links::cause(secret, &payload, write.clock.now());
    open(
        write,
        &cause,
        LinkKind::PasswordReset,
        secret,
        &password,
        async |_, _| Ok(UserCommand::Access(AccessCommand::ResetPassword)),
    )
    .await
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issued {
    pub expires_at: DateTime<Utc>,
}

/// Makes a link that sets a new password, for somebody whom the manager looks after.
///
/// # Errors
/// There is no such user for this manager.
pub async fn issue_for(
    write: &WriteSide,
    cause: &Cause,
    manager: &Principal,
    user_id: UserId,
) -> Result<(Done<Issued>, SecretString), CommandError> {
    let link = new_link(cause, user_id)?;
    let decide = async |unit: &mut UnitOfWork<'_>| {
        managed_other(unit, manager, user_id).await?;
        issue_in(write, unit, user_id, &link).await
    };
    Ok((write.bus.run(cause, decide).await?, link.url(write)))
}

fn new_link(cause: &Cause, user_id: UserId) -> Result<NewLink, CommandError> {
    let expires_at = cause.at + TimeDelta::hours(RESET_HOURS);
    NewLink::new(LinkKind::PasswordReset, user_id, expires_at)
}

async fn issue_in(
    write: &WriteSide,
    unit: &mut UnitOfWork<'_>,
    user_id: UserId,
    link: &NewLink,
) -> Result<Issued, CommandError> {
    let expires_at = link.expires_at;
    let id = user_id.to_string();
    let user: User = unit.load(&id).await?;
    let home = standing::home_now(unit, user.home().unwrap_or(Home::Platform)).await?;
    let command = AccessCommand::IssuePasswordReset { expires_at };
    unit.execute::<User>(owner_of(home), &id, UserCommand::Access(command))
        .await?;
    if let Some(identity) = user.identity() {
        let text =
            "Open this link within 24 hours to choose a new password. If you did not ask for it, do nothing:";
        let recipient = identity.email.clone();
        let url = link.url(write);
        let mail = NewMail::prepare(write, user_id, recipient, "A new password", text, &url).await?;
        unit.effect(handing_over(link, mail.as_ref()));
    }
    Ok(Issued { expires_at })
}

/// Mails a link to whoever has the address. It takes its time after the answer, which says the same for every
/// address.
///
/// # Errors
/// The database fails.
pub async fn request(write: &WriteSide, email: &str) -> Result<(), CommandError> {
    let digest = write.vault.digest(EMAIL_CLAIM, &email.trim().to_lowercase());
    let mut connection = write.pool.acquire().await?;
    let holder = append::holder(&mut connection, EMAIL_CLAIM, &digest).await?;
    drop(connection);
    let Some(user_id) = holder.and_then(|id| id.parse().ok()).map(UserId) else {
        return Ok(());
    };
    let command_id = Uuid::now_v7();
    let cause = Cause {
        command_id,
        fingerprint: command_id.as_bytes().to_vec(),
        actor: None,
        owner: Owner::PLATFORM,
        at: write.clock.now(),
        happened_at: None,
        comment: None,
    };
    let link = new_link(&cause, user_id)?;
    let decide = async |unit: &mut UnitOfWork<'_>| issue_in(write, unit, user_id, &link).await;
    match write.bus.run(&cause, decide).await {
        // Disabled, or only invited: there is nothing to reset.
        Ok(_) | Err(CommandError::Problem(_)) => Ok(()),
        Err(error @ CommandError::Internal(_)) => Err(error),
    }
}
