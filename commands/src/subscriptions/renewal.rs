//! Renewals: a timer before the paid days end debits and extends in one append. One that fails is a fact with its
//! reason, is tried again, and is bridged by days of grace.

use chrono::{DateTime, TimeDelta, Utc};
use domain::credit_account::DebitPurpose;
use domain::ids::{GrantId, ResellerId, TenantId};
use domain::subscription::{GrantSource, NewGrant, Subscription, SubscriptionCommand, SubscriptionError};
use domain::tenant::Tenant;
use domain::tier_list::{TIER_LIST_ID, TierList};
use platform::config::Subscriptions;
use serde_json::json;
use store::timers::{self, Timer, Waiting};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::customers::{bought, debit, payment, price};
use crate::error::{CommandError, Problem};
use crate::standing;
use crate::timers::Kind;

pub const RENEWAL: Kind = Kind {
    name: "subscription_renewal",
    handle: |write, timer| Box::pin(renew(write, timer)),
};

/// Sets the timer of the next renewal with the unit's append, or takes it back.
pub fn schedule(
    write: &WriteSide,
    unit: &mut UnitOfWork<'_>,
    tenant_id: TenantId,
    subscription: &Subscription,
    now: DateTime<Utc>,
) {
    match due_at(&write.config.subscriptions, subscription) {
        Some(due_at) => set(unit, tenant_id, due_at.max(now)),
        None => timers::cancel(unit, key(tenant_id)),
    }
}

/// When a subscription is to be renewed; `None` where it is not.
fn due_at(settings: &Subscriptions, subscription: &Subscription) -> Option<DateTime<Utc>> {
    subscription.auto_renewal()?;
    if subscription.paused_at().is_some() {
        return None;
    }
    Some(subscription.last_paid()?.ends_at - TimeDelta::hours(settings.renew_hours_before.into()))
}

fn key(tenant_id: TenantId) -> String {
    format!("renewal/{tenant_id}")
}

fn set(unit: &mut UnitOfWork<'_>, tenant_id: TenantId, due_at: DateTime<Utc>) {
    let timer = Timer {
        key: key(tenant_id),
        kind: RENEWAL.name,
        due_at,
        payload: json!(tenant_id),
    };
    timers::set(unit, timer);
}

async fn renew(write: &WriteSide, timer: &Waiting) -> Result<(), CommandError> {
    let tenant_id: TenantId = serde_json::from_value(timer.payload.clone())?;
    let cause = crate::timers::cause(write, timer, "renew");
    let settings = &write.config.subscriptions;
    let grant_id = GrantId(Uuid::new_v5(&cause.command_id, b"grant"));
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let id = tenant_id.to_string();
        let tenant = unit.load::<Tenant>(&id).await?;
        let subscription = unit.load::<Subscription>(&id).await?;
        let (Some(reseller_id), Some(days)) = (tenant.reseller_id(), subscription.auto_renewal()) else {
            return Ok(());
        };
        match due_at(settings, &subscription) {
            Some(due_at) if due_at <= cause.at => {}
            // It has been extended, paused or switched off since the timer was taken.
            Some(_) | None => return Ok(()),
        }
        let owner = Owner::tenant(reseller_id, tenant_id);
        match extend(unit, &cause, reseller_id, tenant_id, days, grant_id).await {
            Ok(renewed) => schedule(write, unit, tenant_id, &renewed, cause.at),
            Err(CommandError::Problem(problem)) => {
                let command = failure(settings, &subscription, *problem, grant_id, &cause);
                if let SubscriptionCommand::FailRenewal {
                    retry_at: Some(retry_at),
                    ..
                } = &command
                {
                    set(unit, tenant_id, *retry_at);
                }
                unit.execute::<Subscription>(owner, &id, command).await?;
            }
            Err(error @ CommandError::Internal(_)) => return Err(error),
        }
        Ok(())
    };
    write.bus.run(&cause, decide).await?;
    Ok(())
}

async fn extend(
    unit: &mut UnitOfWork<'_>,
    cause: &Cause,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    days: u32,
    grant_id: GrantId,
) -> Result<Subscription, CommandError> {
    let id = tenant_id.to_string();
    standing::ensure_active(unit, reseller_id).await?;
    let tenant = unit.load::<Tenant>(&id).await?;
    tenant
        .ensure_active()
        .map_err(|refusal| CommandError::refused(&refusal))?;
    let tiers = unit.load::<TierList>(TIER_LIST_ID).await?;
    let subscription = unit.load::<Subscription>(&id).await?;
    let paid = subscription
        .last_paid()
        .ok_or_else(|| CommandError::refused(&SubscriptionError::SubscriptionNotFound))?;
    let policy = tiers
        .known(paid.tier, cause.at)
        .map_err(|refusal| CommandError::refused(&refusal))?;
    // The debit first: what it refuses must have changed nothing.
    let cost = price(policy, days);
    let payment = payment(unit, reseller_id, cost).await?;
    debit(unit, reseller_id, tenant_id, cost, DebitPurpose::Renewal).await?;
    let grant = bought(grant_id, policy, days, payment, cause);
    let owner = Owner::tenant(reseller_id, tenant_id);
    Ok(unit
        .execute::<Subscription>(owner, &id, SubscriptionCommand::Extend(grant))
        .await?)
}

/// What a renewal that was refused becomes: a fact, another attempt, and grace with the first one.
fn failure(
    settings: &Subscriptions,
    subscription: &Subscription,
    problem: Problem,
    grant_id: GrantId,
    cause: &Cause,
) -> SubscriptionCommand {
    let failed = subscription.renewals_failed();
    let again = failed + 1 < settings.renewal_attempts_max;
    let bridges = failed == 0 && settings.grace_days > 0;
    SubscriptionCommand::FailRenewal {
        code: problem.code,
        message: problem.detail,
        retry_at: again.then(|| cause.at + TimeDelta::hours(settings.renewal_retry_hours.into())),
        grace: subscription.last_paid().filter(|_| bridges).map(|paid| NewGrant {
            grant_id,
            tier: paid.tier,
            credits_per_day: 0,
            days: settings.grace_days,
            source: GrantSource::Grace,
            reason: None,
            payment: None,
            at: cause.at,
        }),
    }
}
