//! Use cases around subscriptions: other plans, pauses, cancelling, what the platform gives.

pub mod plan;
pub mod renewal;

use chrono::{DateTime, Utc};
use domain::ids::{GrantId, ResellerId, TenantId};
use domain::subscription::{CancelWhen, GrantSource, NewGrant, PaidBack, Subscription, SubscriptionCommand};
use domain::tenant::{Tenant, TenantError};
use domain::tier::Tier;
use domain::tier_list::{TIER_LIST_ID, TierList};
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::credits::returning;
use crate::customers::{ends_at, ensure_own};
use crate::error::CommandError;
use crate::standing;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changed {
    pub expires_at: DateTime<Utc>,
}

/// Pauses a customer's subscription: its time stands still.
///
/// # Errors
/// The customer is not this reseller's, or nothing of it runs.
pub async fn pause(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    reason: &str,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = SubscriptionCommand::Pause {
            reason: reason.to_owned(),
            at: cause.at,
        };
        let subscription = execute(unit, reseller_id, tenant_id, command).await?;
        renewal::schedule(write, unit, tenant_id, &subscription, cause.at);
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Resumes a paused subscription: what was left goes on.
///
/// # Errors
/// The customer is not this reseller's, or its subscription is not paused.
pub async fn resume(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    reason: &str,
) -> Result<Done<Changed>, CommandError> {
    let grant_id = GrantId(Uuid::now_v7());
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = SubscriptionCommand::Resume {
            grant_id,
            reason: reason.to_owned(),
            at: cause.at,
        };
        let subscription = execute(unit, reseller_id, tenant_id, command).await?;
        renewal::schedule(write, unit, tenant_id, &subscription, cause.at);
        Ok(Changed {
            expires_at: ends_at(&subscription)?,
        })
    };
    write.bus.run(cause, decide).await
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cancelled {
    /// Credits that went back to the reseller.
    pub returned: i64,
    /// Of the reseller that cancels; `None` where none did, or all went to others.
    pub balance: Option<i64>,
}

/// Cancels a customer's subscription. At once, the whole days that were paid go back to the accounts and lots that
/// paid, in the same append.
///
/// # Errors
/// The customer is not this reseller's, or nothing of its subscription is left.
pub async fn cancel(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    when: CancelWhen,
    reason: &str,
) -> Result<Done<Cancelled>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        // A foreign customer is unknown, before anything of it is read.
        ensure_own(unit, reseller_id, tenant_id).await?;
        let present = unit.load::<Subscription>(&tenant_id.to_string()).await?;
        let back = match when {
            CancelWhen::Now => present.paid_back(cause.at),
            CancelWhen::AtEnd => PaidBack::default(),
        };
        let returning = returning(write, unit, back).await?;
        let returned = returning.credits();
        let command = SubscriptionCommand::Cancel {
            when,
            reason: reason.to_owned(),
            returned,
            at: cause.at,
        };
        let subscription = execute(unit, reseller_id, tenant_id, command).await?;
        renewal::schedule(write, unit, tenant_id, &subscription, cause.at);
        let note = format!("days left of the cancelled subscription of customer {tenant_id}");
        let balance = returning.give_back(unit, reseller_id, &note).await?;
        Ok(Cancelled {
            returned: returned.0,
            balance,
        })
    };
    write.bus.run(cause, decide).await
}

/// Has a subscription renew itself by `days`, or no longer.
///
/// # Errors
/// The customer is not this reseller's, or it never had a subscription.
pub async fn set_auto_renewal(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    days: Option<u32>,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = SubscriptionCommand::SetAutoRenewal { days };
        let subscription = execute(unit, reseller_id, tenant_id, command).await?;
        renewal::schedule(write, unit, tenant_id, &subscription, cause.at);
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Gives a customer days of a tier, on the platform's account.
///
/// # Errors
/// There is no such customer or tier, or the reason or the number of days breaks a rule.
pub async fn give(
    write: &WriteSide,
    cause: &Cause,
    tenant_id: TenantId,
    tier: Tier,
    days: u32,
    reason: &str,
) -> Result<Done<Changed>, CommandError> {
    let grant_id = GrantId(Uuid::now_v7());
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let tenant = unit.load::<Tenant>(&tenant_id.to_string()).await?;
        let reseller_id = tenant
            .reseller_id()
            .ok_or_else(|| CommandError::refused(&TenantError::CustomerNotFound))?;
        let tiers = unit.load::<TierList>(TIER_LIST_ID).await?;
        tiers
            .offered(tier, cause.at)
            .map_err(|refusal| CommandError::refused(&refusal))?;
        let grant = SubscriptionCommand::Grant(NewGrant {
            grant_id,
            tier,
            credits_per_day: 0,
            days,
            source: GrantSource::Manual,
            reason: Some(reason.to_owned()),
            payment: None,
            at: cause.at,
        });
        let owner = Owner::tenant(reseller_id, tenant_id);
        let subscription = unit
            .execute::<Subscription>(owner, &tenant_id.to_string(), grant)
            .await?;
        Ok(Changed {
            expires_at: ends_at(&subscription)?,
        })
    };
    write.bus.run(cause, decide).await
}

/// A command of a reseller to the subscription of one of its customers.
async fn execute(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    command: SubscriptionCommand,
) -> Result<Subscription, CommandError> {
    standing::ensure_active(unit, reseller_id).await?;
    ensure_own(unit, reseller_id, tenant_id).await?;
    let owner = Owner::tenant(reseller_id, tenant_id);
    Ok(unit
        .execute::<Subscription>(owner, &tenant_id.to_string(), command)
        .await?)
}
