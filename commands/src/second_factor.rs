//! Use cases around the second factor.

use actix_web::http::StatusCode;
use domain::ids::UserId;
use domain::user::{AccessCommand, Home, User, UserCommand, UserError};
use platform::Principal;
use secrecy::SecretString;
use store::append::AppendError;
use store::effects::failed;
use store::load;
use store::unit_of_work::{Cause, UnitOfWork, Who};
use uuid::Uuid;

use crate::WriteSide;
use crate::accounts::managed_other;
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::identity::passwords;
use crate::identity::totp::{self, Checked, Enrolment};
use crate::people::owner_of;

/// Checks the code of somebody whose password was right: of the device, or a recovery code, which is used up.
///
/// # Errors
/// It is wrong, was used before, or too many were wrong.
pub async fn check(write: &WriteSide, user_id: UserId, home: Home, code: &str) -> Result<(), CommandError> {
    let now = write.clock.now();
    let mut connection = write.pool.acquire().await?;
    let of_device = code.trim().len() == 6 && code.trim().bytes().all(|letter| letter.is_ascii_digit());
    if of_device {
        return match totp::take(&mut connection, &write.vault, user_id, code, now).await? {
            Checked::Good => Ok(()),
            Checked::Wrong => Err(wrong().into()),
            Checked::Locked(until) => Err(locked((until - now).num_seconds()).into()),
        };
    }
    drop(connection);
    let used = use_recovery_code(write, user_id, home, code).await?;
    if used {
        return Ok(());
    }
    let mut connection = write.pool.acquire().await?;
    totp::failed(&mut connection, user_id, now).await?;
    Err(wrong().into())
}

async fn use_recovery_code(
    write: &WriteSide,
    user_id: UserId,
    home: Home,
    code: &str,
) -> Result<bool, CommandError> {
    let digest = totp::recovery_digest(&write.vault, user_id, code);
    let command_id = Uuid::now_v7();
    let cause = Cause {
        command_id,
        fingerprint: command_id.as_bytes().to_vec(),
        actor: Some(Who::User(user_id.0).into()),
        owner: owner_of(home),
        at: write.clock.now(),
        happened_at: None,
        comment: None,
    };
    let id = user_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let mut connection = write.pool.acquire().await?;
        let Some(left) = totp::others(&mut connection, user_id, &digest).await? else {
            return Ok(false);
        };
        drop(connection);
        let command = UserCommand::Access(AccessCommand::UseRecoveryCode { left });
        unit.execute::<User>(owner_of(home), &id, command).await?;
        let digest = digest.clone();
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                if totp::use_up(connection, user_id, &digest).await.map_err(failed)? {
                    Ok(())
                } else {
                    Err(AppendError::Conflict)
                }
            })
        }));
        Ok(true)
    };
    Ok(write.bus.run(&cause, decide).await?.value)
}

/// Makes a secret for the caller's device. Nothing is asked for before it is confirmed.
///
/// # Errors
/// The second factor is on already.
pub async fn enrol(write: &WriteSide, caller: &Principal) -> Result<Enrolment, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let user = load::load::<User>(&mut connection, &caller.user_id.to_string())
        .await?
        .state;
    if user.has_totp() {
        return Err(CommandError::refused(&UserError::TotpAlreadyOn));
    }
    let identity = user
        .identity()
        .ok_or_else(|| CommandError::refused(&UserError::UserNotFound))?;
    let email = write.vault.open(&mut connection, &identity.email).await?;
    let account = email.unwrap_or_else(|| caller.user_id.to_string());
    totp::enrol(&mut connection, &write.vault, caller.user_id, &account).await
}

/// Turns the second factor on, for a device that shows a right code. Answers recovery codes, which are shown once.
///
/// # Errors
/// The code is wrong, or the factor is on already.
pub async fn confirm(
    write: &WriteSide,
    cause: &Cause,
    caller: &Principal,
    code: &str,
) -> Result<(Done<()>, Vec<SecretString>), CommandError> {
    // A code is taken once: a repeated request must not take another.
    if let Some(done) = write.bus.carried(cause).await? {
        return Ok((done, Vec::new()));
    }
    let user_id = caller.user_id;
    let mut connection = write.pool.acquire().await?;
    let user = load::load::<User>(&mut connection, &user_id.to_string())
        .await?
        .state;
    if user.has_totp() {
        return Err(CommandError::refused(&UserError::TotpAlreadyOn));
    }
    drop(connection);
    check(write, user_id, caller.home, code).await?;
    let codes = totp::recovery_codes();
    let digests: Vec<_> = totp::shown(&codes)
        .iter()
        .map(|code| totp::recovery_digest(&write.vault, user_id, code))
        .collect();
    let done = change(
        write,
        cause,
        (user_id, caller.home),
        AccessCommand::EnableTotp,
        Some(digests),
    )
    .await?;
    Ok((done, codes))
}

/// Replaces the recovery codes of somebody who knows the password.
///
/// # Errors
/// The password is wrong, or the factor is not on.
pub async fn renew_codes(
    write: &WriteSide,
    cause: &Cause,
    caller: &Principal,
    password: SecretString,
) -> Result<(Done<()>, Vec<SecretString>), CommandError> {
    let user_id = caller.user_id;
    ensure_password(write, user_id, password).await?;
    let codes = totp::recovery_codes();
    let digests: Vec<_> = totp::shown(&codes)
        .iter()
        .map(|code| totp::recovery_digest(&write.vault, user_id, code))
        .collect();
    let command = AccessCommand::RenewRecoveryCodes;
    let done = change(write, cause, (user_id, caller.home), command, Some(digests)).await?;
    Ok((done, codes))
}

/// Turns the second factor off, for somebody who has both.
///
/// # Errors
/// Password or code are wrong, or the factor is not on.
pub async fn disable(
    write: &WriteSide,
    cause: &Cause,
    caller: &Principal,
    password: SecretString,
    code: &str,
) -> Result<Done<()>, CommandError> {
    if let Some(done) = write.bus.carried(cause).await? {
        return Ok(done);
    }
    ensure_password(write, caller.user_id, password).await?;
    check(write, caller.user_id, caller.home, code).await?;
    let of = (caller.user_id, caller.home);
    change(write, cause, of, AccessCommand::DisableTotp, None).await
}

/// Takes the second factor of a person who has lost device and codes.
///
/// # Errors
/// There is no such user for this manager, or the factor is not on.
pub async fn reset(
    write: &WriteSide,
    cause: &Cause,
    manager: &Principal,
    user_id: UserId,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let mut unit = UnitOfWork::new(&write.pool, cause);
    let (_, home) = managed_other(&mut unit, manager, user_id).await?;
    let command = AccessCommand::ResetTotp {
        reason: reason.to_owned(),
    };
    change(write, cause, (user_id, home), command, None).await
}

/// Appends the fact with new recovery codes, or with the end of the secret.
async fn change(
    write: &WriteSide,
    cause: &Cause,
    (user_id, home): (UserId, Home),
    command: AccessCommand,
    codes: Option<Vec<Vec<u8>>>,
) -> Result<Done<()>, CommandError> {
    let id = user_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = UserCommand::Access(command.clone());
        unit.execute::<User>(owner_of(home), &id, command).await?;
        let codes = codes.clone();
        unit.effect(Box::new(move |connection| {
            Box::pin(async move {
                let changed = async {
                    let Some(codes) = codes else {
                        return totp::remove(connection, user_id).await;
                    };
                    totp::confirm(connection, user_id).await?;
                    totp::store_codes(connection, user_id, &codes).await
                };
                changed.await.map_err(failed)
            })
        }));
        Ok(())
    };
    write.bus.run(cause, decide).await
}

async fn ensure_password(
    write: &WriteSide,
    user_id: UserId,
    password: SecretString,
) -> Result<(), CommandError> {
    let mut connection = write.pool.acquire().await?;
    let stored = passwords::stored(&mut connection, user_id).await?;
    drop(connection);
    if passwords::verify(password, stored.map(|stored| stored.hash)).await? {
        return Ok(());
    }
    let detail = "the password is wrong: type it again";
    Err(Problem::new(StatusCode::FORBIDDEN, "WRONG_PASSWORD", detail).into())
}

/// The password was right, and a code is needed too.
pub fn required() -> Problem {
    let detail = "this account has a second factor: send the request again with the code of your device, or with a \
                  recovery code";
    Problem::new(StatusCode::UNAUTHORIZED, "SECOND_FACTOR_REQUIRED", detail)
}

fn wrong() -> Problem {
    let detail = "the code is wrong or was used before: wait for the next one, or take a recovery code";
    Problem::new(StatusCode::UNAUTHORIZED, "SECOND_FACTOR_WRONG", detail)
}

fn locked(seconds: i64) -> Problem {
    let seconds = u64::try_from(seconds).unwrap_or_default() + 1;
    let detail = format!("too many wrong codes: try again in {seconds} s");
    Problem {
        retry_after_seconds: Some(seconds),
        ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", detail)
    }
}
