//! Use cases around acting as somebody else: with a reason, for a time, looking only unless writing was asked for.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::UserId;
use domain::user::{
    AccessCommand, Home, IMPERSONATION_MINUTES_MAX, Impersonation, User, UserCommand, UserError,
};
use platform::{Principal, access};
use serde::{Deserialize, Serialize};
use store::effects::failed;
use store::unit_of_work::{Cause, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::accounts;
use crate::bus::Done;
use crate::error::CommandError;
use crate::identity::sessions::{self, Device, Impersonator, NewSession};
use crate::identity::sign_in;
use crate::people::owner_of;
use crate::standing;

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub reason: String,
    pub write: bool,
    pub minutes: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Begun {
    pub impersonation_id: Uuid,
    pub ends_at: DateTime<Utc>,
}

/// Begins to act as a user that the caller looks after. Answers the session too, whose cookie is handed out once.
///
/// # Errors
/// There is no such user for this caller, or the rules refuse it.
pub async fn begin(
    write: &WriteSide,
    cause: &Cause,
    caller: &Principal,
    user_id: UserId,
    wanted: Wanted,
    device: Device,
) -> Result<(Done<Begun>, NewSession), CommandError> {
    let minutes = wanted.minutes.clamp(0, IMPERSONATION_MINUTES_MAX);
    let ends_at = cause.at + TimeDelta::minutes(minutes);
    let session = NewSession::new(ends_at)?;
    let (id, impersonation_id) = (user_id.to_string(), session.session_id);
    let by = Impersonator {
        user_id: caller.user_id,
        write: wanted.write,
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let (_, home) = accounts::managed(unit, caller, user_id).await?;
        ensure_not_beside(caller, home)?;
        let command = AccessCommand::BeginImpersonation(Impersonation {
            impersonation_id,
            by: caller.user_id,
            user_id,
            reason: wanted.reason.clone(),
            write: wanted.write,
            minutes: wanted.minutes,
            at: cause.at,
        });
        unit.execute::<User>(owner_of(home), &id, UserCommand::Access(command))
            .await?;
        let (session, device, at) = (session.clone(), device.clone(), cause.at);
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                sessions::store(connection, &session, user_id, Some(by), &device, at)
                    .await
                    .map_err(failed)
            })
        }));
        Ok(Begun {
            impersonation_id,
            ends_at,
        })
    };
    Ok((write.bus.run(cause, decide).await?, session))
}

/// Whether somebody who began to act as a person who belongs there still may: rights, customers and resellers change.
///
/// # Errors
/// The database fails.
pub async fn may_go_on(write: &WriteSide, by: UserId, home: Home) -> Result<bool, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let Some(person) = sign_in::person(write, &mut connection, by).await? else {
        return Ok(false);
    };
    let caller = person.principal;
    if !access::acts_as_others(caller.role)
        || standing::ensure_may_sign_in(&mut connection, caller.home)
            .await
            .is_err()
    {
        return Ok(false);
    }
    drop(connection);
    accounts::may_manage_now(write, &caller, home).await
}

/// Whoever acts as a colleague would hide behind him.
fn ensure_not_beside(caller: &Principal, home: Home) -> Result<(), CommandError> {
    if home == caller.home {
        return Err(CommandError::refused(&UserError::NotImpersonable));
    }
    Ok(())
}

/// Stops acting as somebody else.
///
/// # Errors
/// It has ended already.
pub async fn end(
    write: &WriteSide,
    cause: &Cause,
    caller: &Principal,
    session_id: Uuid,
) -> Result<Done<()>, CommandError> {
    let (user_id, id) = (caller.user_id, caller.user_id.to_string());
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = AccessCommand::EndImpersonation {
            impersonation_id: session_id,
            at: cause.at,
        };
        unit.execute::<User>(owner_of(caller.home), &id, UserCommand::Access(command))
            .await?;
        let clock = write.clock.clone();
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                sessions::end_some(connection, user_id, &[session_id], clock.now())
                    .await
                    .map_err(failed)
            })
        }));
        Ok(())
    };
    write.bus.run(cause, decide).await
}
