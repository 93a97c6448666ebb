//! Resellers: all for the platform, and for a reseller its own row and those below it.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Audience;
use projections::Projection;
use projections::credit_transactions::CreditTransactions;
use projections::permissions;
use projections::resellers::{self, Named, ResellerFilter, ResellerRow, Resellers};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::page::{connection, cost, request};
use super::permissions::ResellerPermission;
use super::scalars::{Int64, id, int, parsed_id};
use crate::error::ApiResult;
use crate::session::{Fresh, Session};

const SOURCES: &[&str] = &[Resellers::NAME, CreditTransactions::NAME];

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::resellers::ResellerStatus")]
pub(super) enum ResellerStatus {
    /// Applied, and waits for an answer.
    Pending,
    Declined,
    Active,
    Suspended,
    Closed,
}

/// A reseller by its name.
#[derive(SimpleObject)]
pub(super) struct ResellerName {
    id: ID,
    name: String,
}

impl From<Named> for ResellerName {
    fn from(named: Named) -> Self {
        Self {
            id: id(named.reseller_id),
            name: named.name,
        }
    }
}

/// What a reseller may do, with what is above it.
#[derive(SimpleObject)]
pub(super) struct EffectiveState {
    status: ResellerStatus,
    /// Which reseller decides: this one or one above it. Null while all are active, and where the reader may not
    /// see it.
    origin: Option<ResellerName>,
}

/// How much the parent allows; null is without a limit.
#[derive(SimpleObject)]
pub(super) struct ResellerLimits {
    customers_max: Option<Int64>,
    sub_resellers_max: Option<Int64>,
}

#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Reseller {
    id: ID,
    name: String,
    /// As it stands in its register, where that differs from the name.
    company: Option<String>,
    /// Null once the person has been erased.
    contact_person: Option<String>,
    contact_email: Option<String>,
    /// Null once the person has been erased.
    phone: Option<String>,
    commission_rate: Decimal,
    /// Its own, whatever is above it.
    status: ResellerStatus,
    /// Why it has its status.
    status_reason: Option<String>,
    effective_state: EffectiveState,
    time_zone: String,
    /// Right above; null below the platform, and where the reader may not see it.
    parent: Option<ResellerName>,
    limits: ResellerLimits,
    balance_days: Int64,
    /// Those that are not closed.
    customers_total: i32,
    /// Right below, those that are not closed.
    sub_resellers_total: i32,
    /// Pass it as `expectedVersion` with an edit.
    version: Int64,
    created_at: DateTime<Utc>,
    #[graphql(skip)]
    key: Uuid,
}

#[ComplexObject]
impl Reseller {
    /// The resellers above, the nearest first, as far up as the reader may see.
    #[graphql(complexity = "10 + child_complexity")]
    async fn above(&self, ctx: &Context<'_>) -> ApiResult<Vec<ResellerName>> {
        let session = Session::of(ctx)?;
        let mut connection = session.read(&[], Fresh::default()).await?;
        let (read, scope) = connection.parts();
        let above = resellers::above(read, scope, self.key).await?;
        Ok(above.into_iter().map(Into::into).collect())
    }

    /// What it is permitted, and what each value comes from.
    #[graphql(complexity = "12 * child_complexity + 1")]
    async fn permissions(&self, ctx: &Context<'_>) -> ApiResult<Vec<ResellerPermission>> {
        let session = Session::of(ctx)?;
        let mut connection = session.read(&[], Fresh::default()).await?;
        let (read, scope) = connection.parts();
        let rows = permissions::of_reseller(read, scope, self.key).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

impl From<ResellerRow> for Reseller {
    fn from(row: ResellerRow) -> Self {
        Self {
            id: id(row.reseller_id),
            name: row.name,
            company: row.company,
            contact_person: row.contact_person,
            contact_email: row.contact_email,
            phone: row.phone,
            commission_rate: row.commission_rate,
            status: row.status.into(),
            status_reason: row.reason,
            effective_state: EffectiveState {
                status: row.effective_status.into(),
                origin: row.origin.map(Into::into),
            },
            time_zone: row.time_zone,
            parent: row.parent.map(Into::into),
            limits: ResellerLimits {
                customers_max: row.customers_max.map(Int64),
                sub_resellers_max: row.sub_resellers_max.map(Int64),
            },
            balance_days: Int64(row.balance),
            customers_total: int(row.customers_total),
            sub_resellers_total: int(row.sub_resellers_total),
            version: Int64(row.version),
            created_at: row.created_at,
            key: row.reseller_id,
        }
    }
}

connection!(ResellerConnection, ResellerEdge, Reseller);

#[derive(Default)]
pub(super) struct ResellersQuery;

#[Object]
impl ResellersQuery {
    /// All resellers for the platform; for a reseller its own row and those of all below it. With `parentId`, those
    /// right below that one.
    #[graphql(complexity = "cost(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn resellers(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        search: Option<String>,
        status: Option<ResellerStatus>,
        parent_id: Option<ID>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<ResellerConnection> {
        let session = Session::of(ctx)?;
        session.require(
            &[Audience::Admin, Audience::Reseller],
            "the list of resellers is for the platform and for resellers: a customer has one, which it knows",
        )?;
        let request = request(first, after.as_deref())?;
        let filter = ResellerFilter {
            search: search.as_deref(),
            status: status.map(Into::into),
            // What is no id is nobody's.
            parent_id: parent_id.map(|id| parsed_id(&id).unwrap_or(Uuid::nil())),
        };
        let mut connection = session.read(SOURCES, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = resellers::page(read, scope, filter, request).await?;
        Ok(ResellerConnection::new(
            page,
            after.is_some(),
            ResellerRow::key,
            Into::into,
        ))
    }

    async fn reseller(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<Reseller>> {
        let session = Session::of(ctx)?;
        let mut connection = session.read(SOURCES, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let Some(id) = parsed_id(&id) else {
            return Ok(None);
        };
        Ok(resellers::by_id(read, scope, id).await?.map(Into::into))
    }
}
