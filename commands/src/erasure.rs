//! Erasing a person: the keys of what is known of them, their address, password and sessions go in the
//! transaction that appends the fact.

use actix_web::http::StatusCode;
use domain::ids::UserId;
use domain::reseller::Reseller;
use domain::tenant::Tenant;
use domain::user::{Home, Identity, Role, User, UserCommand};
use platform::Clock;
use store::append;
use store::effects::{Effect, failed};
use store::erasure;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::accounts;
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::identity::links::{self, LinkKind};
use crate::identity::{passwords, sessions, totp};
use crate::people::owner_of;
use crate::standing;
use crate::store_events::accounts as store_accounts;

/// Shortest part of a name that may give a person away.
const NAME_PART_CHARS_MIN: usize = 3;

/// Erases a user. Once it has answered, no read of any process shows the name or the address any more.
///
/// # Errors
/// There is no such user, it is the platform's last admin, the reason names the person, or an audit runs.
pub async fn erase(
    write: &WriteSide,
    cause: &Cause,
    user_id: UserId,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let mut connection = write.pool.acquire().await?;
    if erasure::audit_runs(&mut connection).await? {
        return Err(audit_runs().into());
    }
    drop(connection);
    let id = user_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let user: User = unit.load(&id).await?;
        let (subjects, owner) = match user.identity() {
            Some(identity) => {
                let subjects = subjects(write, unit, user_id, identity, reason).await?;
                (subjects, owner_of(standing::home_now(unit, identity.home).await?))
            }
            // Whom nobody invited the rules refuse.
            None => match user.invitation() {
                Some(invitation) => {
                    let home = standing::home_now(unit, invitation.home).await?;
                    (vec![user_id.0], owner_of(home))
                }
                None => (Vec::new(), Owner::PLATFORM),
            },
        };
        let is_admin = user
            .active()
            .is_some_and(|identity| identity.role == Role::PlatformAdmin);
        let mut connection = write.pool.acquire().await?;
        let other_admins = erasure::other_platform_admins(&mut connection, user_id.0).await?;
        let tenant_id = user.identity().and_then(|identity| identity.home.tenant_id());
        let store_subjects = match tenant_id {
            Some(tenant_id) => store_accounts::subjects_of_tenant(write, tenant_id).await?,
            None => Vec::new(),
        };
        let command = UserCommand::Erase {
            reason: reason.to_owned(),
            subjects: subjects.clone(),
            other_admins,
        };
        unit.execute::<User>(owner, &id, command).await?;
        // What stores have said of the customer may be about this person: nobody can tell, so all of it goes. These
        // are no persons' keys: later events of the customer make new ones.
        let keys = [subjects, store_subjects].concat();
        unit.effect(forgetting(user_id, keys, is_admin, write.clock.clone()));
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Erases a user on behalf of whoever runs the installation, from its command line.
///
/// # Errors
/// As [`erase`].
pub async fn erase_by_operator(
    write: &WriteSide,
    user_id: Uuid,
    reason: &str,
) -> Result<Done<()>, CommandError> {
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
    erase(write, &cause, UserId(user_id), reason).await
}

/// Whose keys seal the person's fields: the person's own, and the business contact's where it has the same
/// address.
async fn subjects(
    write: &WriteSide,
    unit: &mut UnitOfWork<'_>,
    user_id: UserId,
    identity: &Identity,
    reason: &str,
) -> Result<Vec<Uuid>, CommandError> {
    let contact = match identity.home {
        Home::Reseller(reseller_id) => {
            let reseller: Reseller = unit.load(&reseller_id.to_string()).await?;
            reseller.contact_email().cloned()
        }
        Home::Tenant { tenant_id, .. } => {
            let tenant: Tenant = unit.load(&tenant_id.to_string()).await?;
            tenant.contact_email().cloned()
        }
        Home::Platform => None,
    };
    let contact = contact.unwrap_or_else(|| identity.email.clone());
    let mut connection = write.pool.acquire().await?;
    let personal = [&identity.name, &identity.email, &contact];
    let [name, email, contact_email] = write.vault.open_all(&mut connection, personal).await?;
    if names(reason, name.as_deref(), email.as_deref()) {
        return Err(reason_names_person().into());
    }
    let mut subjects = vec![user_id.0];
    if contact.subject != user_id.0 && contact_email == email {
        subjects.push(contact.subject);
    }
    Ok(subjects)
}

/// The reason stays in the log for ever.
fn names(reason: &str, name: Option<&str>, email: Option<&str>) -> bool {
    let reason = reason.to_lowercase();
    let words: Vec<&str> = reason.split(|c: char| !c.is_alphanumeric()).collect();
    let name = name.unwrap_or_default().to_lowercase();
    let by_name = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| part.chars().count() >= NAME_PART_CHARS_MIN)
        .any(|part| words.contains(&part));
    by_name || email.is_some_and(|email| reason.contains(email))
}

fn forgetting(user_id: UserId, subjects: Vec<Uuid>, is_admin: bool, clock: Clock) -> Effect {
    Box::new(move |connection| {
        Box::pin(async move {
            erasure::begin(connection).await.map_err(failed)?;
            if is_admin {
                accounts::ensure_other_admin(connection, user_id).await?;
            }
            let forgotten = async {
                erasure::forget(connection, &subjects).await?;
                append::release_claims(connection, "user", &user_id.to_string()).await?;
                passwords::remove(connection, user_id).await?;
                totp::remove(connection, user_id).await?;
                links::remove(connection, LinkKind::Invitation, user_id).await?;
                links::remove(connection, LinkKind::PasswordReset, user_id).await?;
                sessions::end_all(connection, user_id, clock.now()).await
            };
            forgotten.await.map_err(failed)
        })
    })
}

fn reason_names_person() -> Problem {
    let detail = "the reason names the person, and it stays in the log for ever: say why without the name and \
                  the address, for example with the number of a ticket";
    Problem::new(StatusCode::BAD_REQUEST, "REASON_NAMES_PERSON", detail)
}

fn audit_runs() -> Problem {
    let detail = "an audit compares the log with what is shown, and would take the erasure for a fault: send the \
                  request again with the same Idempotency-Key when it has ended";
    Problem {
        retry_after_seconds: Some(10),
        ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "AUDIT_RUNNING", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_gives_the_person_away_is_noticed() {
        let (name, email) = (Some("Anna-Lena de Vries"), Some("al@vries.test"));
        for reason in ["Anna asked", "mrs VRIES left", "was al@vries.test", "(lena)"] {
            assert!(names(reason, name, email), "{reason}");
        }
        for reason in ["asked to be forgotten", "ticket 4711, de", "annals", ""] {
            assert!(!names(reason, name, email), "{reason}");
        }
    }
}
