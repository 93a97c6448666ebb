//! Resellers, for the platform; a reseller finds itself.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Audience;
use projections::Projection;
use projections::credit_transactions::CreditTransactions;
use projections::resellers::{self, ResellerRow, Resellers};
use rust_decimal::Decimal;

use super::page::{connection, cost, request};
use super::scalars::{Int64, id, int, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

const SOURCES: &[&str] = &[Resellers::NAME, CreditTransactions::NAME];

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::resellers::ResellerStatus")]
pub(super) enum ResellerStatus {
    Active,
    Suspended,
}

#[derive(SimpleObject)]
pub(super) struct Reseller {
    id: ID,
    name: String,
    contact_email: Option<String>,
    commission_rate: Decimal,
    status: ResellerStatus,
    time_zone: String,
    balance_days: Int64,
    customers_total: i32,
    created_at: DateTime<Utc>,
}

impl From<ResellerRow> for Reseller {
    fn from(row: ResellerRow) -> Self {
        Self {
            id: id(row.reseller_id),
            name: row.name,
            contact_email: row.contact_email,
            commission_rate: row.commission_rate,
            status: row.status.into(),
            time_zone: row.time_zone,
            balance_days: Int64(row.balance),
            customers_total: int(row.customers_total),
            created_at: row.created_at,
        }
    }
}

connection!(ResellerConnection, ResellerEdge, Reseller);

#[derive(Default)]
pub(super) struct ResellersQuery;

#[Object]
impl ResellersQuery {
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn resellers(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        search: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<ResellerConnection> {
        let session = Session::of(ctx)?;
        session.require(
            &[Audience::Admin],
            "the list of resellers is the platform's: a reseller finds its own figures under `dashboard`",
        )?;
        let request = request(first, after.as_deref())?;
        let mut connection = session.read(SOURCES, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = resellers::page(read, scope, search.as_deref(), request).await?;
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
