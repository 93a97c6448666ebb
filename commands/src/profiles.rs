//! Use cases around what is known of a business: editing a reseller's profile and a customer's.
//!
//! A field that is left out stays as it is. One that says what is known already is no change: it keeps the text that
//! is sealed, so that a conflict of editors names only what they changed.

use actix_web::http::StatusCode;
use domain::ids::{ResellerId, TenantId};
use domain::personal::Sealed;
use domain::reseller::{Profile, Reseller, ResellerCommand};
use domain::tenant::{Tenant, TenantCommand};
use domain::text::{self, NAME_CHARS_MAX};
use platform::Scope;
use store::unit_of_work::{Cause, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::{customers, people, standing};

const PHONE_CHARS_MAX: usize = 40;

/// What an editor changes. An empty text takes a field away that need not be there.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    pub name: Option<String>,
    pub company: Option<String>,
    pub contact_person: Option<String>,
    pub contact_email: Option<String>,
    pub phone: Option<String>,
    pub time_zone: Option<String>,
    /// What the editor has seen.
    pub expected_version: Option<u64>,
}

impl ProfileChange {
    /// The same with every personal field in its stored form.
    ///
    /// # Errors
    /// A field breaks a rule.
    pub fn checked(self) -> Result<Self, CommandError> {
        let contact_email = self.contact_email.as_deref().map(people::checked_email);
        Ok(Self {
            contact_email: contact_email.transpose()?,
            contact_person: self.contact_person.as_deref().map(checked_person).transpose()?,
            phone: self.phone.as_deref().map(checked_phone).transpose()?,
            ..self
        })
    }
}

/// Edits a reseller's profile: its own people, those above it, and the platform.
///
/// # Errors
/// It is not within the scope, a field breaks a rule, or somebody else has edited it meanwhile.
pub async fn edit_reseller(
    write: &WriteSide,
    cause: &Cause,
    scope: Scope,
    reseller_id: ResellerId,
    change: ProfileChange,
) -> Result<Done<()>, CommandError> {
    let change = change.checked()?;
    let decide = async |unit: &mut UnitOfWork<'_>| {
        standing::ensure_within(unit, scope, reseller_id).await?;
        if let Scope::Reseller(own) = scope {
            standing::ensure_active(unit, own).await?;
        }
        let id = reseller_id.to_string();
        let present = unit.load::<Reseller>(&id).await?;
        let profile = merged(write, reseller_id, present.profile(), &change).await?;
        let command = ResellerCommand::EditProfile {
            profile,
            expected_version: change.expected_version,
        };
        let owner = store::unit_of_work::Owner::reseller(reseller_id);
        unit.execute::<Reseller>(owner, &id, command).await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Edits a customer of the reseller.
///
/// # Errors
/// The customer is not this reseller's, a field breaks a rule, or somebody else has edited it meanwhile.
pub async fn edit_customer(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    change: ProfileChange,
) -> Result<Done<()>, CommandError> {
    let change = change.checked()?;
    let decide = async |unit: &mut UnitOfWork<'_>| {
        standing::ensure_active(unit, reseller_id).await?;
        customers::ensure_own(unit, reseller_id, tenant_id).await?;
        let id = tenant_id.to_string();
        let present = unit.load::<Tenant>(&id).await?;
        let wanted = change.contact_email.as_deref();
        let contact_email = resealed(write, tenant_id.0, present.contact_email(), wanted).await?;
        let command = TenantCommand::EditProfile {
            name: change.name.clone(),
            contact_email,
            expected_version: change.expected_version,
        };
        let owner = store::unit_of_work::Owner::tenant(reseller_id, tenant_id);
        unit.execute::<Tenant>(owner, &id, command).await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// The profile with the changes in it.
pub(crate) async fn merged(
    write: &WriteSide,
    reseller_id: ResellerId,
    present: &Profile,
    change: &ProfileChange,
) -> Result<Profile, CommandError> {
    let mut sealed = Vec::with_capacity(3);
    for (known, wanted) in [
        (&present.contact_person, &change.contact_person),
        (&present.contact_email, &change.contact_email),
        (&present.phone, &change.phone),
    ] {
        sealed.push(resealed(write, reseller_id.0, known.as_ref(), wanted.as_deref()).await?);
    }
    let mut sealed = sealed.into_iter();
    let company = change.company.clone().or_else(|| present.company.clone());
    Ok(Profile {
        name: change.name.clone().unwrap_or_else(|| present.name.clone()),
        company: company.filter(|company| !company.is_empty()),
        contact_person: sealed.next().flatten(),
        contact_email: sealed.next().flatten(),
        phone: sealed.next().flatten(),
        time_zone: change
            .time_zone
            .clone()
            .unwrap_or_else(|| present.time_zone.clone()),
    })
}

/// A personal field as it is stored from now on: what is known where nothing else is wanted.
async fn resealed(
    write: &WriteSide,
    subject: Uuid,
    known: Option<&Sealed>,
    wanted: Option<&str>,
) -> Result<Option<Sealed>, CommandError> {
    let Some(wanted) = wanted else {
        return Ok(known.cloned());
    };
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut connection = write.pool.acquire().await?;
    if let Some(known) = known
        && write.vault.open(&mut connection, known).await?.as_deref() == Some(wanted)
    {
        return Ok(Some(known.clone()));
    }
    let [sealed] = write.vault.seal(&mut connection, subject, [wanted]).await?;
    Ok(Some(sealed))
}

fn checked_person(name: &str) -> Result<String, CommandError> {
    if name.is_empty() {
        return Ok(String::new());
    }
    let checked = text::checked(name, NAME_CHARS_MAX);
    checked.ok_or_else(|| {
        Problem::invalid(format!("a person's name has 1 to {NAME_CHARS_MAX} characters")).into()
    })
}

fn checked_phone(phone: &str) -> Result<String, CommandError> {
    let phone = phone.trim();
    let fits = phone.chars().count() <= PHONE_CHARS_MAX
        && phone.chars().all(|c| c.is_ascii_digit() || " +-()/.".contains(c));
    if fits {
        Ok(phone.to_owned())
    } else {
        let detail = format!(
            "a phone number has at most {PHONE_CHARS_MAX} digits, spaces and signs, for example +49 30 1234567"
        );
        Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_PHONE", detail).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_made_of_digits_and_signs() {
        for phone in ["+49 (30) 123-45/67", "110", ""] {
            assert!(checked_phone(phone).is_ok(), "{phone}");
        }
        for phone in ["call me", "1\n2", &"1".repeat(41)] {
            assert!(checked_phone(phone).is_err(), "{phone}");
        }
    }
}
