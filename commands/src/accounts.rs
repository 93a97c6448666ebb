//! Use cases around the accounts of people: their names, roles, being disabled, their sessions.

use domain::hierarchy::{HIERARCHY_ID, Hierarchy};
use domain::ids::UserId;
use domain::text::{self, NAME_CHARS_MAX};
use domain::user::{AccessCommand, Home, Role, User, UserCommand, UserError};
use platform::Principal;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use store::append::AppendError;
use store::effects::{Effect, failed};
use store::erasure;
use store::unit_of_work::{Cause, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::identity::sessions;
use crate::people::owner_of;
use crate::standing;

/// Whether somebody looks after people who belong there: a reseller's owner after its own people, those of everyone
/// below it, and those of all their customers.
///
/// # Errors
/// The hierarchy cannot be read.
pub async fn may_manage(
    unit: &mut UnitOfWork<'_>,
    manager: &Principal,
    home: Home,
) -> Result<bool, CommandError> {
    Ok(match manager.role {
        Role::PlatformAdmin => true,
        // Whoever could reset an admin's password would be one.
        Role::PlatformSupport => home != Home::Platform,
        Role::ResellerOwner => match (manager.home.reseller_id(), home.reseller_id()) {
            (Some(own), Some(theirs)) => {
                let hierarchy = unit.load::<Hierarchy>(HIERARCHY_ID).await?;
                hierarchy.is_within(theirs, own)
            }
            (_, None) | (None, _) => false,
        },
        Role::CustomerAdmin => home.tenant_id().is_some() && home.tenant_id() == manager.home.tenant_id(),
        Role::PlatformFinance | Role::ResellerStaff | Role::CustomerUser | Role::Service => false,
    })
}

/// A user whom the manager looks after, with where the user belongs now. Somebody else's is answered like an unknown
/// one.
///
/// # Errors
/// There is no such user for this manager.
pub async fn managed(
    unit: &mut UnitOfWork<'_>,
    manager: &Principal,
    user_id: UserId,
) -> Result<(User, Home), CommandError> {
    let not_found = || CommandError::refused(&UserError::UserNotFound);
    let user: User = unit.load(&user_id.to_string()).await?;
    let home = user.home().ok_or_else(not_found)?;
    let home = standing::home_now(unit, home).await?;
    if may_manage(unit, manager, home).await? {
        Ok((user, home))
    } else {
        Err(not_found())
    }
}

/// As [`managed`], where nothing is changed.
///
/// # Errors
/// There is no such user for this manager.
pub async fn ensure_managed(
    write: &WriteSide,
    manager: &Principal,
    user_id: UserId,
) -> Result<(), CommandError> {
    let cause = looking(write, manager);
    let mut unit = UnitOfWork::new(&write.pool, &cause);
    managed(&mut unit, manager, user_id).await.map(|_| ())
}

/// As [`may_manage`], where nothing is changed.
///
/// # Errors
/// The hierarchy cannot be read.
pub async fn may_manage_now(
    write: &WriteSide,
    manager: &Principal,
    home: Home,
) -> Result<bool, CommandError> {
    let cause = looking(write, manager);
    may_manage(&mut UnitOfWork::new(&write.pool, &cause), manager, home).await
}

/// Of a unit of work that appends nothing.
fn looking(write: &WriteSide, manager: &Principal) -> Cause {
    let command_id = Uuid::now_v7();
    Cause {
        command_id,
        fingerprint: command_id.as_bytes().to_vec(),
        actor: None,
        owner: owner_of(manager.home),
        at: write.clock.now(),
        happened_at: None,
        comment: None,
    }
}

/// As [`managed`], and it is somebody else: who has stolen a session must not get hold of the account by it.
///
/// # Errors
/// There is no such user for this manager, or it is the manager.
pub async fn managed_other(
    unit: &mut UnitOfWork<'_>,
    manager: &Principal,
    user_id: UserId,
) -> Result<(User, Home), CommandError> {
    if user_id == manager.user_id {
        return Err(CommandError::refused(&UserError::OwnAccount));
    }
    managed(unit, manager, user_id).await
}

/// What is done to the account of another person.
#[derive(Clone, Debug)]
pub enum Change {
    Rename { name: String },
    Role { role: Role },
    Disable { reason: String },
    Enable { reason: String },
}

/// Changes the account of somebody whom the manager looks after.
///
/// # Errors
/// There is no such user for this manager, or the rules refuse it.
pub async fn change(
    write: &WriteSide,
    cause: &Cause,
    manager: &Principal,
    user_id: UserId,
    change: &Change,
) -> Result<Done<()>, CommandError> {
    let id = user_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let (user, home) = managed(unit, manager, user_id).await?;
        let mut connection = write.pool.acquire().await?;
        let other_admins = erasure::other_platform_admins(&mut connection, user_id.0).await?;
        let by = manager.user_id;
        let command = match change.clone() {
            Change::Rename { name } => UserCommand::Rename {
                name: sealed_name(write, &mut connection, user_id, &name).await?,
            },
            Change::Role { role } => UserCommand::ChangeRole {
                role,
                by,
                other_admins,
                user_id,
            },
            Change::Disable { reason } => UserCommand::Disable {
                reason,
                by,
                other_admins,
                user_id,
            },
            Change::Enable { reason } => UserCommand::Enable { reason },
        };
        drop(connection);
        unit.execute::<User>(owner_of(home), &id, command).await?;
        let was_admin = user.active().is_some_and(|user| user.role == Role::PlatformAdmin);
        if let Some(effect) = effect_of(write, change, user_id, was_admin) {
            unit.effect(effect);
        }
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// What has to hold the moment that the change does.
fn effect_of(write: &WriteSide, change: &Change, user_id: UserId, was_admin: bool) -> Option<Effect> {
    let (clock, change) = (write.clock.clone(), change.clone());
    let needed = matches!(change, Change::Role { .. } | Change::Disable { .. });
    needed.then(|| -> Effect {
        Box::new(move |connection| {
            Box::pin(async move {
                if was_admin {
                    ensure_other_admin(connection, user_id).await?;
                }
                let now = clock.now();
                let ended = match change {
                    Change::Disable { .. } => sessions::end_all(connection, user_id, now).await,
                    // The sessions go on with the new role; tokens name the old one.
                    Change::Role { .. } | Change::Rename { .. } | Change::Enable { .. } => {
                        store::revocations::revoke(connection, &[user_id.0], now).await
                    }
                };
                ended.map_err(failed)
            })
        })
    })
}

/// Two admins who take each other's rights at once: the second one decides again, and is refused.
///
/// # Errors
/// There is no other admin, or the database fails.
pub async fn ensure_other_admin(connection: &mut PgConnection, user_id: UserId) -> Result<(), AppendError> {
    erasure::lock_admins(connection).await.map_err(failed)?;
    let others = erasure::other_platform_admins(connection, user_id.0).await;
    if others.map_err(failed)? == 0 {
        return Err(AppendError::Conflict);
    }
    Ok(())
}

/// Changes the own name.
///
/// # Errors
/// It is none.
pub async fn rename_self(
    write: &WriteSide,
    cause: &Cause,
    principal: &Principal,
    name: &str,
) -> Result<Done<()>, CommandError> {
    let (id, owner) = (principal.user_id.to_string(), owner_of(principal.home));
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let mut connection = write.pool.acquire().await?;
        let name = sealed_name(write, &mut connection, principal.user_id, name).await?;
        unit.execute::<User>(owner, &id, UserCommand::Rename { name })
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// A person's name, under the person's key.
pub(crate) async fn sealed_name(
    write: &WriteSide,
    connection: &mut PgConnection,
    user_id: UserId,
    name: &str,
) -> Result<domain::personal::Sealed, CommandError> {
    let name = text::checked(name, NAME_CHARS_MAX)
        .ok_or_else(|| Problem::invalid(format!("a person's name has 1 to {NAME_CHARS_MAX} characters")))?;
    let [sealed] = write.vault.seal(connection, user_id.0, [name.as_str()]).await?;
    Ok(sealed)
}

/// Which sessions of a user are to end.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    One(Uuid),
    /// All but this one, where there is one to keep.
    AllBut(Option<Uuid>),
}

/// How many sessions were ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    pub ended: usize,
}

/// Ends sessions of a user: on every device at once, open sockets included.
///
/// # Errors
/// There is no such session.
pub async fn end_sessions(
    write: &WriteSide,
    cause: &Cause,
    (user_id, home): (UserId, Home),
    which: Which,
    reason: Option<&str>,
) -> Result<Done<Ended>, CommandError> {
    let id = user_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let mut connection = write.pool.acquire().await?;
        let listed = sessions::list(&mut connection, user_id, cause.at).await?;
        drop(connection);
        let session_ids: Vec<Uuid> = listed
            .into_iter()
            .map(|listed| listed.session_id)
            .filter(|session_id| match which {
                Which::One(wanted) => *session_id == wanted,
                Which::AllBut(kept) => Some(*session_id) != kept,
            })
            .collect();
        if session_ids.is_empty() && matches!(which, Which::One(_)) {
            return Err(no_such_session().into());
        }
        let command = AccessCommand::EndSessions {
            session_ids: session_ids.clone(),
            reason: reason.map(str::to_owned),
        };
        unit.execute::<User>(owner_of(home), &id, UserCommand::Access(command))
            .await?;
        let (clock, ended) = (write.clock.clone(), session_ids.len());
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                let now = clock.now();
                let over = match which {
                    // With the tokens that belong to no session.
                    Which::AllBut(None) => sessions::end_all(connection, user_id, now).await,
                    Which::AllBut(Some(_)) | Which::One(_) => {
                        sessions::end_some(connection, user_id, &session_ids, now).await
                    }
                };
                over.map_err(failed)
            })
        }));
        Ok(Ended { ended })
    };
    write.bus.run(cause, decide).await
}

fn no_such_session() -> Problem {
    let detail = "there is no such session: it may have ended already; list the sessions again";
    Problem::new(
        actix_web::http::StatusCode::NOT_FOUND,
        "SESSION_NOT_FOUND",
        detail,
    )
}
