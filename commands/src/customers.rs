//! Use cases of a reseller around customers.

use chrono::{DateTime, Utc};
use domain::credit_account::{CreditAccount, CreditAccountCommand, DebitPurpose};
use domain::credits::Credits;
use domain::ids::{GrantId, ResellerId, TenantId};
use domain::subscription::{
    GrantSource, NewGrant, Payment, Subscription, SubscriptionCommand, SubscriptionError,
};
use domain::tenant::{Tenant, TenantCommand, TenantError};
use domain::tier::{Tier, TierPolicy};
use domain::tier_list::{TIER_LIST_ID, TierList};
use domain::user::{Home, Role};
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::customer_life::admit;
use crate::error::CommandError;
use crate::people::{self, NewUser};
use crate::standing;
use crate::subscriptions::renewal;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Created {
    pub tenant_id: Uuid,
    pub user_id: Uuid,
    pub subscription_id: Uuid,
    pub debited: i64,
    pub balance: i64,
    pub expires_at: DateTime<Utc>,
}

/// What a new customer begins with.
#[derive(Clone, Copy, Debug)]
pub enum FirstAccess {
    /// Days that the reseller's credits pay for.
    Paid { days: u32 },
    /// What the tier's trial gives.
    Trial,
}

/// A customer to be.
pub struct NewCustomer<'a> {
    pub tenant_id: TenantId,
    pub name: &'a str,
    pub tier: Tier,
    pub access: FirstAccess,
    pub first_user: &'a NewUser,
}

/// Creates a customer with its first user and its access, and debits what its days cost: one append. A trial costs
/// nothing.
///
/// # Errors
/// The credits do not suffice, a field breaks a rule, or the user's address is taken.
pub async fn create(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    name: &str,
    tier: Tier,
    access: FirstAccess,
    first_user: &NewUser,
) -> Result<Done<Created>, CommandError> {
    let customer = NewCustomer {
        tenant_id: TenantId(Uuid::now_v7()),
        name,
        tier,
        access,
        first_user,
    };
    let decide = async |unit: &mut UnitOfWork<'_>| create_in(unit, cause, reseller_id, &customer).await;
    write.bus.run(cause, decide).await
}

/// As [`create`], within a unit.
///
/// # Errors
/// As [`create`].
pub async fn create_in(
    unit: &mut UnitOfWork<'_>,
    cause: &Cause,
    reseller_id: ResellerId,
    customer: &NewCustomer<'_>,
) -> Result<Created, CommandError> {
    let NewCustomer {
        tenant_id,
        name,
        tier,
        access,
        first_user,
    } = *customer;
    let id = tenant_id.to_string();
    let owner = Owner::tenant(reseller_id, tenant_id);
    standing::ensure_active(unit, reseller_id).await?;
    admit(unit, reseller_id, tenant_id).await?;
    unit.begin::<Tenant>(&id);
    unit.begin::<Subscription>(&id);
    let command = TenantCommand::Create {
        reseller_id,
        name: name.to_owned(),
        contact_email: first_user.email.clone(),
    };
    unit.execute::<Tenant>(owner, &id, command).await?;
    let (grant, cost) = first_grant(unit, cause, reseller_id, tier, access).await?;
    let grant = SubscriptionCommand::Grant(grant);
    let subscription = unit.execute::<Subscription>(owner, &id, grant).await?;
    let balance = match access {
        FirstAccess::Paid { .. } => {
            debit(unit, reseller_id, tenant_id, cost, DebitPurpose::NewCustomer).await?
        }
        FirstAccess::Trial => unit
            .load::<CreditAccount>(&reseller_id.to_string())
            .await?
            .balance(),
    };
    let home = Home::Tenant {
        reseller_id,
        tenant_id,
    };
    people::register(unit, first_user, Role::CustomerAdmin, home).await?;
    Ok(Created {
        tenant_id: tenant_id.0,
        user_id: first_user.user_id.0,
        subscription_id: tenant_id.0,
        debited: cost.0,
        balance: balance.0,
        expires_at: ends_at(&subscription)?,
    })
}

/// The access that a customer begins with, and what it costs.
async fn first_grant(
    unit: &mut UnitOfWork<'_>,
    cause: &Cause,
    reseller_id: ResellerId,
    tier: Tier,
    access: FirstAccess,
) -> Result<(NewGrant, Credits), CommandError> {
    let tiers = unit.load::<TierList>(TIER_LIST_ID).await?;
    let policy = tiers
        .offered(tier, cause.happened())
        .map_err(|refusal| CommandError::refused(&refusal))?;
    let grant_id = GrantId(Uuid::now_v7());
    match access {
        FirstAccess::Paid { days } => {
            let cost = price(policy, days);
            let payment = payment(unit, reseller_id, cost).await?;
            Ok((bought(grant_id, policy, days, payment, cause), cost))
        }
        FirstAccess::Trial => {
            let trial = tiers
                .trial(tier, cause.happened())
                .map_err(|refusal| CommandError::refused(&refusal))?;
            let grant = NewGrant {
                grant_id,
                tier,
                credits_per_day: 0,
                days: trial.days,
                source: GrantSource::Trial,
                reason: None,
                payment: None,
                at: cause.happened(),
            };
            Ok((grant, Credits(0)))
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Extended {
    pub debited: i64,
    pub balance: i64,
    pub expires_at: DateTime<Utc>,
}

/// Extends a customer's access and debits what its days cost: one append.
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
    let decide =
        async |unit: &mut UnitOfWork<'_>| extend_in(write, unit, cause, reseller_id, tenant_id, days).await;
    write.bus.run(cause, decide).await
}

/// As [`extend`], within a unit.
///
/// # Errors
/// As [`extend`].
pub async fn extend_in(
    write: &WriteSide,
    unit: &mut UnitOfWork<'_>,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    days: u32,
) -> Result<Extended, CommandError> {
    let owner = Owner::tenant(reseller_id, tenant_id);
    standing::ensure_active(unit, reseller_id).await?;
    ensure_own(unit, reseller_id, tenant_id).await?;
    let tenant = unit.load::<Tenant>(&tenant_id.to_string()).await?;
    tenant
        .ensure_open()
        .map_err(|refusal| CommandError::refused(&refusal))?;
    let present = unit.load::<Subscription>(&tenant_id.to_string()).await?;
    let tiers = unit.load::<TierList>(TIER_LIST_ID).await?;
    let last = present
        .last(&tiers, cause.happened())
        .map_err(|refusal| CommandError::refused(&refusal))?;
    let policy = tiers
        .known(last.tier, cause.happened())
        .map_err(|refusal| CommandError::refused(&refusal))?;
    let cost = price(policy, days);
    let payment = payment(unit, reseller_id, cost).await?;
    let grant_id = GrantId(Uuid::now_v7());
    let command = SubscriptionCommand::Extend(bought(grant_id, policy, days, payment, cause));
    let subscription = unit
        .execute::<Subscription>(owner, &tenant_id.to_string(), command)
        .await?;
    if subscription.auto_renewal().is_some() {
        renewal::schedule(write, unit, tenant_id, &subscription, cause.at);
    }
    let balance = debit(unit, reseller_id, tenant_id, cost, DebitPurpose::Extension).await?;
    Ok(Extended {
        debited: cost.0,
        balance: balance.0,
        expires_at: ends_at(&subscription)?,
    })
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
    let decide =
        async |unit: &mut UnitOfWork<'_>| change_in(unit, reseller_id, tenant_id, command.clone()).await;
    write.bus.run(cause, decide).await
}

/// As [`change`], within a unit.
///
/// # Errors
/// As [`change`].
pub async fn change_in(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    command: TenantCommand,
) -> Result<(), CommandError> {
    standing::ensure_active(unit, reseller_id).await?;
    ensure_own(unit, reseller_id, tenant_id).await?;
    let owner = Owner::tenant(reseller_id, tenant_id);
    unit.execute::<Tenant>(owner, &tenant_id.to_string(), command)
        .await?;
    Ok(())
}

/// A foreign customer is an unknown one.
///
/// # Errors
/// There is no such customer of this reseller.
pub async fn ensure_own(
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

/// Days that a reseller pays for, at the price of the version in force.
pub(crate) fn bought(
    grant_id: GrantId,
    policy: &TierPolicy,
    days: u32,
    payment: Payment,
    cause: &Cause,
) -> NewGrant {
    NewGrant {
        grant_id,
        tier: policy.tier,
        credits_per_day: policy.credits_per_day,
        days,
        source: GrantSource::Credits,
        reason: None,
        payment: Some(payment),
        at: cause.happened(),
    }
}

/// Names the debit that the unit takes next from the reseller's account.
pub(crate) async fn payment(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    credits: Credits,
) -> Result<Payment, CommandError> {
    let account = unit.load::<CreditAccount>(&reseller_id.to_string()).await?;
    Ok(Payment {
        reseller_id,
        debit: account.next_movement(unit.at()),
        credits,
    })
}

pub(crate) fn price(policy: &TierPolicy, days: u32) -> Credits {
    Credits(i64::from(policy.credits_per_day) * i64::from(days))
}

pub(crate) async fn debit(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    credits: Credits,
    purpose: DebitPurpose,
) -> Result<Credits, CommandError> {
    let command = CreditAccountCommand::Debit {
        credits,
        tenant_id,
        purpose,
        at: unit.at(),
    };
    let owner = Owner::reseller(reseller_id);
    let account = unit
        .execute::<CreditAccount>(owner, &reseller_id.to_string(), command)
        .await?;
    Ok(account.balance())
}

pub(crate) fn ends_at(subscription: &Subscription) -> Result<DateTime<Utc>, CommandError> {
    subscription
        .ends_at()
        .ok_or_else(|| CommandError::refused(&SubscriptionError::SubscriptionNotFound))
}
