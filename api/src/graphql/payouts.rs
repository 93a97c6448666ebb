//! Payout runs, for the platform, and statements, for who is paid.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Audience;
use projections::Projection;
use projections::page::Page;
use projections::payouts::PayoutRuns;
use projections::payouts::runs::{self, RunRow};
use projections::payouts::statements::{self, StatementFilter, StatementRow};
use uuid::Uuid;

use super::commissions::NOT_FOR_CUSTOMERS;
use super::page::{connection, cost, request};
use super::scalars::{Int64, id, int, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

const PLATFORM_ONLY: &str = "payout runs are the platform's: use `statements` for your own";

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::payouts::runs::RunStatus")]
pub(super) enum PayoutRunStatus {
    Draft,
    Approved,
    Paid,
    Cancelled,
}

/// What is paid out to resellers in one currency. Amounts are minor units.
#[derive(SimpleObject)]
pub(super) struct PayoutRun {
    id: ID,
    currency: String,
    /// Counted per currency, from 1.
    number: i32,
    status: PayoutRunStatus,
    /// Nothing later is in it.
    cutoff: DateTime<Utc>,
    /// How long a sale had to stand.
    holding_days: i32,
    minimum_minor: Int64,
    statements: i32,
    payout_minor: Int64,
    drafted_by: Option<ID>,
    drafted_at: DateTime<Utc>,
    approved_by: Option<ID>,
    approved_at: Option<DateTime<Utc>>,
    reference: Option<String>,
    paid_at: Option<DateTime<Utc>>,
    cancelled_reason: Option<String>,
}

impl From<RunRow> for PayoutRun {
    fn from(row: RunRow) -> Self {
        Self {
            id: id(row.run_id),
            currency: row.currency,
            number: int(row.number),
            status: row.status.into(),
            cutoff: row.cutoff,
            holding_days: int(row.holding_days),
            minimum_minor: Int64(row.minimum_minor),
            statements: int(row.statements),
            payout_minor: Int64(row.payout_minor),
            drafted_by: row.drafted_by.map(id),
            drafted_at: row.drafted_at,
            approved_by: row.approved_by.map(id),
            approved_at: row.approved_at,
            reference: row.reference,
            paid_at: row.paid_at,
            cancelled_reason: row.cancelled_reason,
        }
    }
}

/// One reseller's part in a payout run, frozen. Amounts are minor units.
#[derive(SimpleObject)]
pub(super) struct Statement {
    id: ID,
    run_id: ID,
    run_number: i32,
    /// That of the run.
    status: PayoutRunStatus,
    reseller_id: ID,
    reseller_name: String,
    currency: String,
    cutoff: DateTime<Utc>,
    holding_days: i32,
    /// What earlier runs left; negative is a debt.
    opening_minor: Int64,
    earned_minor: Int64,
    /// Not positive.
    clawed_back_minor: Int64,
    minimum_minor: Int64,
    payout_minor: Int64,
    /// What is left to the next run; negative is a debt.
    carried_minor: Int64,
    lines: i32,
    /// SHA-256 of the canonical JSON.
    digest: String,
    /// SHA-256 of the page.
    html_digest: String,
    drafted_at: DateTime<Utc>,
    /// Where it is downloaded: with `.json`, `.html` or `.csv`.
    download_path: String,
}

impl From<StatementRow> for Statement {
    fn from(row: StatementRow) -> Self {
        Self {
            id: id(row.statement_id),
            run_id: id(row.run_id),
            run_number: int(row.run_number),
            status: row.status.into(),
            reseller_id: id(row.reseller_id),
            reseller_name: row.reseller_name,
            currency: row.currency,
            cutoff: row.cutoff,
            holding_days: int(row.holding_days),
            opening_minor: Int64(row.opening_minor),
            earned_minor: Int64(row.earned_minor),
            clawed_back_minor: Int64(row.clawed_back_minor),
            minimum_minor: Int64(row.minimum_minor),
            payout_minor: Int64(row.payout_minor),
            carried_minor: Int64(row.carried_minor),
            lines: int(row.lines),
            digest: row.digest,
            html_digest: row.html_digest,
            drafted_at: row.drafted_at,
            download_path: format!("/downloads/statements/{}/statement", row.statement_id),
        }
    }
}

connection!(PayoutRunConnection, PayoutRunEdge, PayoutRun);
connection!(StatementConnection, StatementEdge, Statement);

#[derive(Default)]
pub(super) struct PayoutsQuery;

#[Object]
impl PayoutsQuery {
    /// Payout runs, the newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn payout_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        currency: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<PayoutRunConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin], PLATFORM_ONLY)?;
        let request = request(first, after.as_deref())?;
        let mut connection = session
            .read(&[PayoutRuns::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let page = runs::page(read, scope, currency.as_deref(), request).await?;
        Ok(PayoutRunConnection::new(
            page,
            after.is_some(),
            RunRow::key,
            Into::into,
        ))
    }

    /// Statements, the newest first. A reseller finds those of runs that are approved or paid.
    #[graphql(complexity = "cost(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn statements(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        reseller_id: Option<ID>,
        run_id: Option<ID>,
        currency: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<StatementConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let request = request(first, after.as_deref())?;
        let known = |id: Option<&ID>| -> Option<Option<Uuid>> {
            match id {
                None => Some(None),
                Some(id) => parsed_id(id).map(Some),
            }
        };
        let ids = known(reseller_id.as_ref()).zip(known(run_id.as_ref()));
        let mut connection = session
            .read(&[PayoutRuns::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let page = match ids {
            Some((reseller_id, run_id)) => {
                let filter = StatementFilter {
                    reseller_id,
                    run_id,
                    currency,
                };
                statements::page(read, scope, &filter, request).await?
            }
            None => Page {
                rows: Vec::new(),
                has_next: false,
            },
        };
        Ok(StatementConnection::new(
            page,
            after.is_some(),
            StatementRow::key,
            Into::into,
        ))
    }
}
