//! Customers: of the platform, of a reseller, or the one that asks.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use projections::Projection;
use projections::customers::{self, CustomerFilter, CustomerRow, Customers};
use projections::resellers::Resellers;

use super::page::{connection, cost, request};
use super::reach::{Reach, whose};
use super::scalars::{Int64, id, int, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::customers::CustomerStatus")]
pub(super) enum CustomerStatus {
    Active,
    Expired,
    /// Its time stands still until its subscription is resumed.
    Paused,
    Suspended,
    Closed,
}

#[derive(SimpleObject)]
pub(super) struct Customer {
    id: ID,
    name: String,
    contact_email: Option<String>,
    /// Code of the tier.
    tier: String,
    status: CustomerStatus,
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    reseller_id: ID,
    /// Null where the reader may not see it.
    reseller_name: Option<String>,
    users_total: i32,
    /// Since when its subscription is paused.
    paused_at: Option<DateTime<Utc>>,
    /// Since when it is closed.
    closed_at: Option<DateTime<Utc>>,
    /// Pass it as `expectedVersion` with an edit.
    version: Int64,
}

impl Customer {
    fn new(row: CustomerRow, now: DateTime<Utc>) -> Self {
        Self {
            id: id(row.tenant_id),
            tier: row.tier.to_string(),
            status: row.status(now).into(),
            expires_at: row.expires_at,
            created_at: row.created_at,
            reseller_id: id(row.reseller_id),
            reseller_name: row.reseller_name,
            paused_at: row.paused_at,
            closed_at: row.closed_at,
            version: Int64(row.version),
            users_total: int(row.users_total),
            name: row.name,
            contact_email: row.contact_email,
        }
    }
}

connection!(CustomerConnection, CustomerEdge, Customer);

#[derive(Default)]
pub(super) struct CustomersQuery;

#[Object]
impl CustomersQuery {
    #[graphql(complexity = "cost(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        search: Option<String>,
        status: Option<CustomerStatus>,
        #[graphql(default_with = "Some(Reach::Own)")] reach: Option<Reach>,
        reseller_id: Option<ID>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<CustomerConnection> {
        let session = Session::of(ctx)?;
        let request = request(first, after.as_deref())?;
        let now = session.reader.now();
        let filter = CustomerFilter {
            search: search.as_deref(),
            status: status.map(|status| (status.into(), now)),
            whose: whose(reach, reseller_id.as_ref()),
        };
        let sources = [Customers::NAME, Resellers::NAME];
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = customers::page(read, scope, filter, request).await?;
        Ok(CustomerConnection::new(
            page,
            after.is_some(),
            CustomerRow::key,
            |row| Customer::new(row, now),
        ))
    }

    async fn customer(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<Customer>> {
        let session = Session::of(ctx)?;
        let mut connection = session
            .read(&[Customers::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let Some(id) = parsed_id(&id) else {
            return Ok(None);
        };
        let row = customers::by_id(read, scope, id).await?;
        Ok(row.map(|row| Customer::new(row, session.reader.now())))
    }
}
