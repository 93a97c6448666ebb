//! Bulks of the reader's own customers, and what became of their rows.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Audience;
use projections::Projection;
use projections::bulks::{self, BulkResultRow, BulkRow, Bulks};
use projections::page::Page;

use super::page::{connection, cost, request};
use super::scalars::{Int64, id, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

const NOT_FOR_CUSTOMERS: &str = "bulks are for resellers and the platform";

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::bulks::BulkState")]
pub(super) enum BulkState {
    Running,
    /// It was cancelled, and the rows under way are not done yet.
    Cancelling,
    /// Every row was carried out or refused.
    Completed,
    /// A row was refused, and the bulk is all or nothing.
    NothingDone,
    Cancelled,
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::bulks::BulkRowState")]
pub(super) enum BulkRowState {
    Waiting,
    Done,
    Failed,
    /// It was not begun when the bulk was cancelled.
    Left,
}

/// Many rows by one command.
#[derive(SimpleObject)]
pub(super) struct Bulk {
    id: ID,
    reseller_id: ID,
    /// `create`, `extend`, `suspend`, `resume` or `move`.
    kind: String,
    /// `BEST_EFFORT` or `ALL_OR_NOTHING`.
    mode: String,
    state: BulkState,
    rows: i32,
    done: i32,
    failed: i32,
    begun_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl From<BulkRow> for Bulk {
    fn from(row: BulkRow) -> Self {
        Self {
            id: id(row.bulk_id),
            reseller_id: id(row.reseller_id),
            kind: row.kind,
            mode: row.mode,
            state: row.state.into(),
            rows: row.rows,
            done: row.done,
            failed: row.failed,
            begun_at: row.begun_at,
            ended_at: row.ended_at,
        }
    }
}

/// What became of one row.
#[derive(SimpleObject)]
pub(super) struct BulkResult {
    /// From 1; the header of a file is no row.
    row: i32,
    state: BulkRowState,
    /// Of a row that failed: the code and text of its refusal.
    code: Option<String>,
    message: Option<String>,
    customer_id: Option<ID>,
    user_id: Option<ID>,
    debited: Option<Int64>,
    expires_at: Option<DateTime<Utc>>,
}

impl From<BulkResultRow> for BulkResult {
    fn from(row: BulkResultRow) -> Self {
        Self {
            row: row.number,
            state: row.state.into(),
            code: row.code,
            message: row.message,
            customer_id: row.customer_id.map(id),
            user_id: row.user_id.map(id),
            debited: row.debited.map(Int64),
            expires_at: row.expires_at,
        }
    }
}

connection!(BulkConnection, BulkEdge, Bulk);
connection!(BulkResultConnection, BulkResultEdge, BulkResult);

#[derive(Default)]
pub(super) struct BulksQuery;

#[Object]
impl BulksQuery {
    /// Bulks, the newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn bulks(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<BulkConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let request = request(first, after.as_deref())?;
        let mut connection = session.read(&[Bulks::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = bulks::page(read, scope, request).await?;
        Ok(BulkConnection::new(
            page,
            after.is_some(),
            BulkRow::key,
            Into::into,
        ))
    }

    /// How far a bulk is.
    async fn bulk(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<Bulk>> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let Some(bulk_id) = parsed_id(&id) else {
            return Ok(None);
        };
        let mut connection = session.read(&[Bulks::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        Ok(bulks::by_id(read, scope, bulk_id).await?.map(Into::into))
    }

    /// What became of a bulk's rows, in their order.
    #[graphql(complexity = "cost(first, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "a list's arguments, and which bulk's rows"
    )]
    async fn bulk_results(
        &self,
        ctx: &Context<'_>,
        bulk_id: ID,
        state: Option<BulkRowState>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<BulkResultConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let request = request(first, after.as_deref())?;
        let mut connection = session.read(&[Bulks::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = match parsed_id(&bulk_id) {
            Some(bulk_id) => bulks::results(read, scope, bulk_id, state.map(Into::into), request).await?,
            None => Page {
                rows: Vec::new(),
                has_next: false,
            },
        };
        Ok(BulkResultConnection::new(
            page,
            after.is_some(),
            |row: &BulkResultRow| row.number,
            Into::into,
        ))
    }
}
