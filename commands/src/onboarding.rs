//! Use cases around applications: somebody asks to become a reseller, and the platform answers.

use actix_web::http::StatusCode;
use domain::credit_account::{CreditAccount, CreditAccountCommand};
use domain::ids::ResellerId;
use domain::reseller::{Profile, Reseller, ResellerCommand, ResellerError};
use domain::user::{Home, Role};
use platform::Audience;
use rust_decimal::Decimal;
use secrecy::SecretString;
use store::load;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::identity::sign_in;
use crate::people::{self, NewUser};
use crate::profiles::{self, ProfileChange};

/// Where an application stands, for the one who applied.
#[derive(Clone, Debug)]
pub struct ApplicationState {
    pub reseller_id: Uuid,
    pub status: String,
    /// Why it was approved or declined.
    pub reason: Option<String>,
}

/// Takes an application: the business, and the person who will own it. Whoever has the address already is not told
/// so: who asks may be anybody.
///
/// # Errors
/// Applications are not taken, or a field breaks a rule.
pub async fn apply(
    write: &WriteSide,
    cause: &Cause,
    business: ProfileChange,
    owner: &NewUser,
) -> Result<(), CommandError> {
    let reseller_id = ResellerId(Uuid::now_v7());
    let business = business.checked()?;
    let profile = profiles::merged(write, reseller_id, &Profile::default(), &business).await?;
    let id = reseller_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        unit.begin::<Reseller>(&id);
        let command = ResellerCommand::Apply(profile.clone());
        unit.execute::<Reseller>(Owner::reseller(reseller_id), &id, command)
            .await?;
        people::register(unit, owner, Role::ResellerOwner, Home::Reseller(reseller_id)).await?;
        Ok(())
    };
    match write.bus.run(cause, decide).await {
        Ok(_) => Ok(()),
        Err(CommandError::Problem(problem)) if problem.code == people::EMAIL_TAKEN => Ok(()),
        Err(error) => Err(error),
    }
}

/// # Errors
/// Applications are not taken here.
pub fn ensure_open(write: &WriteSide) -> Result<(), CommandError> {
    if write.config.onboarding.open {
        return Ok(());
    }
    let detail = "applications are not taken here: write to the platform";
    Err(Problem::new(StatusCode::FORBIDDEN, "ONBOARDING_CLOSED", detail).into())
}

/// Approves an application: the reseller gets its credit account, and its owner may sign in.
///
/// # Errors
/// There is no such application, or it has been approved.
pub async fn approve(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    commission_rate: Decimal,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let (id, owner) = (reseller_id.to_string(), Owner::reseller(reseller_id));
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = ResellerCommand::Approve {
            commission_rate,
            reason: reason.to_owned(),
        };
        unit.execute::<Reseller>(owner, &id, command).await?;
        unit.execute::<CreditAccount>(owner, &id, CreditAccountCommand::Open)
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Declines an application.
///
/// # Errors
/// There is no such application, or it has been answered.
pub async fn decline(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = ResellerCommand::Decline {
            reason: reason.to_owned(),
        };
        unit.execute::<Reseller>(Owner::reseller(reseller_id), &reseller_id.to_string(), command)
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Where the application of somebody stands who knows its password.
///
/// # Errors
/// The address or the password is wrong, or it was tried too often.
pub async fn state(
    write: &WriteSide,
    email: &str,
    password: SecretString,
    code: Option<&SecretString>,
    client: &str,
) -> Result<ApplicationState, CommandError> {
    let person = sign_in::proven(write, email, password, code, Some(Audience::Reseller), client).await?;
    let not_found = || CommandError::refused(&ResellerError::ResellerNotFound);
    let reseller_id = person.principal.home.reseller_id().ok_or_else(not_found)?;
    let mut connection = write.pool.acquire().await?;
    let reseller = load::load::<Reseller>(&mut connection, &reseller_id.to_string())
        .await?
        .state;
    Ok(ApplicationState {
        reseller_id: reseller_id.0,
        status: reseller.status().to_owned(),
        reason: reseller.answer().map(str::to_owned),
    })
}
