//! A customer's subscription: its grants, its pause, its renewals.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use projections::Projection;
use projections::grants::Grants;
use projections::subscriptions::{self, HeldGrant, RenewalFailure, SubscriptionRow};

use super::scalars::{id, int, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::subscription::GrantSource")]
pub(super) enum GrantSource {
    Credits,
    Store,
    Trial,
    Manual,
    Grace,
}

/// A dated right to a tier, as it stands now.
#[derive(SimpleObject)]
pub(super) struct Grant {
    id: ID,
    /// Code of the tier.
    tier: String,
    source: GrantSource,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// What a day of it was paid with; 0 where it was given.
    credits_per_day: i32,
    reason: Option<String>,
}

/// Why the last renewal failed.
#[derive(SimpleObject)]
pub(super) struct FailedRenewal {
    attempts: i32,
    code: String,
    message: String,
    failed_at: DateTime<Utc>,
    /// Null where it is not tried again.
    retry_at: Option<DateTime<Utc>>,
}

#[derive(SimpleObject)]
pub(super) struct CustomerSubscription {
    /// Since when its time stands still.
    paused_at: Option<DateTime<Utc>>,
    /// When it was cancelled, at once or for its end.
    cancelled_at: Option<DateTime<Utc>>,
    /// Length of each renewal; null where it does not renew itself.
    renewal_days: Option<i32>,
    failed_renewal: Option<FailedRenewal>,
    /// The one that ends last at the top, at most a hundred.
    grants: Vec<Grant>,
}

impl From<RenewalFailure> for FailedRenewal {
    fn from(failure: RenewalFailure) -> Self {
        Self {
            attempts: int(failure.attempts),
            code: failure.code,
            message: failure.message,
            failed_at: failure.failed_at,
            retry_at: failure.retry_at,
        }
    }
}

impl From<HeldGrant> for Grant {
    fn from(grant: HeldGrant) -> Self {
        Self {
            id: id(grant.grant_id),
            tier: grant.tier.to_string(),
            source: grant.source.into(),
            starts_at: grant.starts_at,
            ends_at: grant.ends_at,
            credits_per_day: int(grant.credits_per_day),
            reason: grant.reason,
        }
    }
}

impl From<SubscriptionRow> for CustomerSubscription {
    fn from(row: SubscriptionRow) -> Self {
        Self {
            paused_at: row.paused_at,
            cancelled_at: row.cancelled_at,
            renewal_days: row.renewal_days.map(int),
            failed_renewal: row.failure.map(Into::into),
            grants: row.grants.into_iter().map(Into::into).collect(),
        }
    }
}

#[derive(Default)]
pub(super) struct SubscriptionsQuery;

#[Object]
impl SubscriptionsQuery {
    /// A customer's subscription. A customer asks for itself; null for a customer that is not the asker's, and for
    /// one that never had access.
    async fn subscription(
        &self,
        ctx: &Context<'_>,
        customer_id: Option<ID>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<CustomerSubscription>> {
        let session = Session::of(ctx)?;
        let mut connection = session.read(&[Grants::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let wanted = match customer_id {
            Some(customer_id) => parsed_id(&customer_id),
            None => scope.tenant_id().map(|tenant| tenant.0),
        };
        let Some(tenant_id) = wanted else {
            return Ok(None);
        };
        let row = subscriptions::by_tenant(read, scope, tenant_id).await?;
        Ok(row.map(Into::into))
    }
}
