//! Use cases of a reseller around customers.

use chrono::{DateTime, Utc};
use domain::credit_account::{CreditAccount, CreditAccountCommand, DebitPurpose};
use domain::credits::Credits;
use domain::ids::{GrantId, ResellerId, TenantId};
use domain::reseller::Reseller;
use domain::subscription::{GrantSource, Subscription, SubscriptionCommand, SubscriptionError};
use domain::tenant::{Tenant, TenantCommand, TenantError};
use domain::tier::Tier;
use domain::user::{Home, Role};
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;
use crate::people::{self, NewUser};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Created {
    pub tenant_id: Uuid,
    pub user_id: Uuid,
    pub subscription_id: Uuid,
    pub debited: i64,
    pub balance: i64,
    pub expires_at: DateTime<Utc>,
}

/// Creates a customer with its first user and its access, and debits a credit per day: one append.
///
/// # Errors
/// The credits do not suffice, a field breaks a rule, or the user's address is taken.
pub async fn create(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    name: &str,
    tier: Tier,
    days: u32,
    first_user: &NewUser,
) -> Result<Done<Created>, CommandError> {
    let tenant_id = TenantId(Uuid::now_v7());
    let grant_id = GrantId(Uuid::now_v7());
    let id = tenant_id.to_string();
    let owner = Owner::tenant(reseller_id, tenant_id);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_reseller_active(unit, reseller_id).await?;
        unit.begin::<Tenant>(&id);
        unit.begin::<Subscription>(&id);
        let contact_email = first_user.email.clone();
        let command = TenantCommand::Create {
            reseller_id,
            name: name.to_owned(),
            contact_email,
        };
        unit.execute::<Tenant>(owner, &id, command).await?;
        let grant = SubscriptionCommand::Grant {
            grant_id,
            tier,
            days,
            source: GrantSource::Credits,
            at: cause.happened(),
        };
        let subscription = unit.execute::<Subscription>(owner, &id, grant).await?;
        let balance = debit(unit, reseller_id, tenant_id, days, DebitPurpose::NewCustomer).await?;
        people::register(
            unit,
            first_user,
            Role::CustomerAdmin,
            Home::Tenant {
                reseller_id,
                tenant_id,
            },
        )
        .await?;
        Ok(Created {
            tenant_id: tenant_id.0,
            user_id: first_user.user_id.0,
            subscription_id: tenant_id.0,
            debited: days.into(),
            balance: balance.0,
            expires_at: ends_at(&subscription)?,
        })
    };
    write.bus.run(cause, decide).await
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Extended {
    pub debited: i64,
    pub balance: i64,
    pub expires_at: DateTime<Utc>,
}

/// Extends a customer's access and debits a credit per day: one append.
///
/// # Errors
/// The credits do not suffice, or the customer is not this reseller's.
pub async fn extend(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    days: u32,
) -> Result<Done<Extended>, CommandError> {
    let grant_id = GrantId(Uuid::now_v7());
    let owner = Owner::tenant(reseller_id, tenant_id);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_reseller_active(unit, reseller_id).await?;
        ensure_own(unit, reseller_id, tenant_id).await?;
        let command = SubscriptionCommand::Extend {
            grant_id,
            days,
            source: GrantSource::Credits,
            at: cause.happened(),
        };
        let subscription = unit
            .execute::<Subscription>(owner, &tenant_id.to_string(), command)
            .await?;
        let balance = debit(unit, reseller_id, tenant_id, days, DebitPurpose::Extension).await?;
        Ok(Extended {
            debited: days.into(),
            balance: balance.0,
            expires_at: ends_at(&subscription)?,
        })
    };
    write.bus.run(cause, decide).await
}

/// Suspends or resumes a customer.
///
/// # Errors
/// The customer is not this reseller's, or is in that state already.
pub async fn change(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    command: TenantCommand,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        ensure_reseller_active(unit, reseller_id).await?;
        ensure_own(unit, reseller_id, tenant_id).await?;
        let owner = Owner::tenant(reseller_id, tenant_id);
        unit.execute::<Tenant>(owner, &tenant_id.to_string(), command.clone())
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

async fn ensure_reseller_active(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
) -> Result<(), CommandError> {
    let reseller = unit.load::<Reseller>(&reseller_id.to_string()).await?;
    reseller
        .ensure_active()
        .map_err(|refusal| CommandError::refused(&refusal))
}

/// A foreign customer is an unknown one.
async fn ensure_own(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
) -> Result<(), CommandError> {
    let tenant = unit.load::<Tenant>(&tenant_id.to_string()).await?;
    if tenant.reseller_id() == Some(reseller_id) {
        Ok(())
    } else {
        Err(CommandError::refused(&TenantError::CustomerNotFound))
    }
}

async fn debit(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    days: u32,
    purpose: DebitPurpose,
) -> Result<Credits, CommandError> {
    let command = CreditAccountCommand::Debit {
        credits: Credits(days.into()),
        tenant_id,
        purpose,
    };
    let owner = Owner::reseller(reseller_id);
    let account = unit
        .execute::<CreditAccount>(owner, &reseller_id.to_string(), command)
        .await?;
    Ok(account.balance())
}

fn ends_at(subscription: &Subscription) -> Result<DateTime<Utc>, CommandError> {
    subscription
        .ends_at()
        .ok_or_else(|| CommandError::refused(&SubscriptionError::SubscriptionNotFound))
}
