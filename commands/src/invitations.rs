//! Use cases around invitations: each is answered by a link that opens once.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{ResellerId, TenantId, UserId};
use domain::reseller::{Reseller, ResellerError};
use domain::tenant::{Tenant, TenantError};
use domain::user::{Home, Invitation, Role, User, UserCommand, UserError};
use platform::{Audience, Principal};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::append::{self, AppendError, Claim};
use store::effects::{Effect, failed};
use store::unit_of_work::{Cause, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::accounts::{managed, may_manage, sealed_name};
use crate::bus::Done;
use crate::error::CommandError;
use crate::identity::links::{self, LinkKind, NewLink};
use crate::identity::{passwords, sessions};
use crate::mail::NewMail;
use crate::people::{EMAIL_CLAIM, checked_email, owner_of};
use crate::standing;

const INVITATION_DAYS: i64 = 7;

/// Whom somebody asks to join, and as what.
#[derive(Clone, Debug)]
pub struct Invitee {
    pub email: String,
    pub role: Role,
    /// Where it is not the asker's own.
    pub reseller_id: Option<ResellerId>,
    pub tenant_id: Option<TenantId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invited {
    pub user_id: Uuid,
    pub expires_at: DateTime<Utc>,
}

/// Where the invited one will belong: what the asker does not look after is unknown to him.
async fn home_of(
    unit: &mut UnitOfWork<'_>,
    manager: &Principal,
    invitee: &Invitee,
) -> Result<Home, CommandError> {
    let own = manager.home;
    let home = if invitee.role.fits(Home::Platform) {
        Home::Platform
    } else if let Some(tenant_id) = invitee.tenant_id.or(own.tenant_id()) {
        let tenant: Tenant = unit.load(&tenant_id.to_string()).await?;
        let reseller_id = tenant.reseller_id();
        let reseller_id = reseller_id.ok_or_else(|| CommandError::refused(&TenantError::CustomerNotFound))?;
        Home::Tenant {
            reseller_id,
            tenant_id,
        }
    } else {
        let reseller_id = invitee.reseller_id.or(own.reseller_id());
        let unknown = || CommandError::refused(&ResellerError::ResellerNotFound);
        Home::Reseller(reseller_id.ok_or_else(unknown)?)
    };
    let mut known = may_manage(unit, manager, home).await?;
    if let Home::Reseller(reseller_id) = home {
        let reseller: Reseller = unit.load(&reseller_id.to_string()).await?;
        known = known && reseller.ensure_registered().is_ok();
    }
    if known {
        return Ok(home);
    }
    Err(match home {
        Home::Platform => CommandError::refused(&UserError::RoleNotAllowed(invitee.role)),
        Home::Reseller(_) => CommandError::refused(&ResellerError::ResellerNotFound),
        Home::Tenant { .. } => CommandError::refused(&TenantError::CustomerNotFound),
    })
}

/// Asks somebody to join. Answers the link too, which is handed over once.
///
/// # Errors
/// The role does not belong there, or the address is taken.
pub async fn invite(
    write: &WriteSide,
    cause: &Cause,
    manager: &Principal,
    invitee: Invitee,
) -> Result<(Done<Invited>, SecretString), CommandError> {
    let email = checked_email(&invitee.email)?;
    let user_id = UserId(Uuid::now_v7());
    let expires_at = cause.at + TimeDelta::days(INVITATION_DAYS);
    let link = NewLink::new(LinkKind::Invitation, user_id, expires_at)?;
    let mut connection = write.pool.acquire().await?;
    let [sealed] = write
        .vault
        .seal(&mut connection, user_id.0, [email.as_str()])
        .await?;
    drop(connection);
    let (id, url) = (user_id.to_string(), link.url(write));
    let mail = invitation_mail(write, user_id, sealed.clone(), &url).await?;
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let home = home_of(unit, manager, &invitee).await?;
        unit.begin::<User>(&id);
        let invitation = Invitation {
            email: sealed.clone(),
            role: invitee.role,
            home,
            expires_at,
        };
        unit.execute::<User>(owner_of(home), &id, UserCommand::Invite(invitation))
            .await?;
        unit.claim(Claim {
            kind: EMAIL_CLAIM,
            digest: write.vault.digest(EMAIL_CLAIM, &email),
            aggregate_type: "user",
            aggregate_id: id.clone(),
        });
        unit.effect(handing_over(&link, mail.as_ref()));
        Ok(Invited {
            user_id: user_id.0,
            expires_at,
        })
    };
    Ok((write.bus.run(cause, decide).await?, url))
}

async fn invitation_mail(
    write: &WriteSide,
    user_id: UserId,
    recipient: domain::personal::Sealed,
    url: &SecretString,
) -> Result<Option<NewMail>, CommandError> {
    let text = "You have been asked to join. Open this link within 7 days to choose a name and a password:";
    NewMail::prepare(write, user_id, recipient, "Your invitation", text, url).await
}

/// Stores the link, and queues the mail that brings it.
pub(crate) fn handing_over(link: &NewLink, mail: Option<&NewMail>) -> Effect {
    let (link, mail) = (link.clone(), mail.cloned());
    Box::new(move |connection| {
        Box::pin(async move {
            link.store(connection).await.map_err(failed)?;
            match mail {
                Some(mail) => mail.queue(connection).await,
                None => Ok(()),
            }
        })
    })
}

/// Makes a new link for somebody who has not answered yet; the one before it is worth nothing.
///
/// # Errors
/// There is no open invitation of such a person for this manager.
pub async fn resend(
    write: &WriteSide,
    cause: &Cause,
    manager: &Principal,
    user_id: UserId,
) -> Result<(Done<Invited>, SecretString), CommandError> {
    let expires_at = cause.at + TimeDelta::days(INVITATION_DAYS);
    let link = NewLink::new(LinkKind::Invitation, user_id, expires_at)?;
    let (id, url) = (user_id.to_string(), link.url(write));
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let (user, home) = managed(unit, manager, user_id).await?;
        let renew = UserCommand::RenewInvitation { expires_at };
        unit.execute::<User>(owner_of(home), &id, renew).await?;
        if let Some(invitation) = user.invitation() {
            let mail = invitation_mail(write, user_id, invitation.email.clone(), &url).await?;
            unit.effect(handing_over(&link, mail.as_ref()));
        }
        Ok(Invited {
            user_id: user_id.0,
            expires_at,
        })
    };
    Ok((write.bus.run(cause, decide).await?, url))
}

/// Takes an invitation back: its link opens nothing, its address is free.
///
/// # Errors
/// There is no open invitation of such a person for this manager.
pub async fn revoke(
    write: &WriteSide,
    cause: &Cause,
    manager: &Principal,
    user_id: UserId,
) -> Result<Done<()>, CommandError> {
    let id = user_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let (_, home) = managed(unit, manager, user_id).await?;
        unit.execute::<User>(owner_of(home), &id, UserCommand::RevokeInvitation)
            .await?;
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                let gone = async {
                    links::remove(connection, LinkKind::Invitation, user_id).await?;
                    append::release_claims(connection, "user", &user_id.to_string()).await
                };
                gone.await.map_err(failed)
            })
        }));
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// What a link of an invitation says before it is accepted.
#[derive(Clone, Debug)]
pub struct Offer {
    pub email: Option<String>,
    pub role: Role,
}

/// # Errors
/// The link opens nothing.
pub async fn offer(write: &WriteSide, secret: &SecretString) -> Result<Offer, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let user_id = links::find(&mut connection, LinkKind::Invitation, secret, write.clock.now()).await?;
    let user = store::load::load::<User>(&mut connection, &user_id.to_string())
        .await?
        .state;
    let invitation = user
        .invitation()
        .ok_or_else(|| CommandError::refused(&UserError::InvitationNotOpen))?;
    Ok(Offer {
        email: write.vault.open(&mut connection, &invitation.email).await?,
        role: invitation.role,
    })
}

/// Where to sign in now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opened {
    pub audience: Audience,
}

/// Accepts an invitation: the person has a name and a password from then on.
///
/// # Errors
/// The link opens nothing, or the password may not be set.
pub async fn accept(
    write: &WriteSide,
    secret: &SecretString,
    name: &str,
    password: SecretString,
) -> Result<Done<Opened>, CommandError> {
    let payload = ["accept", name, password.expose_secret()];
    let cause = links::cause(secret, &payload, write.clock.now());
    open(
        write,
        &cause,
        LinkKind::Invitation,
        secret,
        &password,
        async |user_id, home| {
            let mut connection = write.pool.acquire().await?;
            Ok(UserCommand::AcceptInvitation {
                name: sealed_name(write, &mut connection, user_id, name).await?,
                home,
                at: cause.at,
            })
        },
    )
    .await
}

/// Uses a link up: the password, the sessions' end and the fact are one transaction.
pub(crate) async fn open(
    write: &WriteSide,
    cause: &Cause,
    kind: LinkKind,
    secret: &SecretString,
    password: &SecretString,
    command: impl AsyncFn(UserId, Home) -> Result<UserCommand, CommandError>,
) -> Result<Done<Opened>, CommandError> {
    passwords::check(password)?;
    let hash = passwords::hash(password.clone()).await?;
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let mut connection = write.pool.acquire().await?;
        let user_id = links::find(&mut connection, kind, secret, cause.at).await?;
        drop(connection);
        let id = user_id.to_string();
        let user: User = unit.load(&id).await?;
        let home = standing::home_now(unit, user.home().unwrap_or(Home::Platform)).await?;
        let owner = owner_of(home);
        unit.execute::<User>(owner, &id, command(user_id, home).await?)
            .await?;
        let (secret, hash, clock, command_id) = (
            secret.clone(),
            hash.clone(),
            write.clock.clone(),
            cause.command_id,
        );
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                // Somebody else was first: decided again, the link is not found.
                if !links::consume(connection, &secret).await.map_err(failed)? {
                    return Err(AppendError::Conflict);
                }
                let now = clock.now();
                let changed = async {
                    passwords::store(connection, user_id, &hash, Some(command_id), now).await?;
                    sessions::end_all(connection, user_id, now).await
                };
                changed.await.map_err(failed)
            })
        }));
        Ok(Opened {
            audience: Audience::of(home),
        })
    };
    write.bus.run(cause, decide).await
}
