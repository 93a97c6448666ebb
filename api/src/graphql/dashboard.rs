//! A reseller's first page.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::ids::ResellerId;
use domain::permission::Permission;
use platform::Audience;
use projections::activity::{self, ActivityRow};
use projections::calendar::Span;
use projections::credit_transactions::{self, TransactionFilter};
use projections::dashboard::{Moment, SOURCES};
use projections::ledger::trial_balance::{self, Cutoff};
use projections::page::PageRequest;
use projections::{Whose, dashboard, permissions, resellers, wait};

use super::credits::CreditTransaction;
use super::scalars::{Int64, id, int, parsed_id};
use crate::error::{ApiError, ApiResult};
use crate::session::Session;

/// How many transactions and activities the page shows.
const LATEST_ROWS: u32 = 10;

#[derive(SimpleObject)]
pub(super) struct Dashboard {
    reseller_id: ID,
    reseller_name: String,
    /// Balance in days: one credit is one day.
    balance_days: Int64,
    customers_total: i32,
    customers_active: i32,
    customers_expired: i32,
    /// Without access because their subscription is paused.
    customers_paused: i32,
    customers_suspended: i32,
    used_this_month: Int64,
    new_this_month: i32,
    period_start: DateTime<Utc>,
    period_end: DateTime<Utc>,
    last_transactions: Vec<CreditTransaction>,
    /// Empty where the asker's reseller may not see logs.
    recent_activity: Vec<Activity>,
    /// Log position that the figures include.
    position: String,
}

#[derive(SimpleObject)]
pub(super) struct Activity {
    position: String,
    kind: String,
    text: String,
    actor_name: Option<String>,
    at: DateTime<Utc>,
}

impl From<ActivityRow> for Activity {
    fn from(row: ActivityRow) -> Self {
        Self {
            position: row.position.to_string(),
            kind: row.kind,
            text: row.text,
            actor_name: row.actor_name,
            at: row.at,
        }
    }
}

fn not_there(own: bool) -> ApiError {
    if own {
        let detail = "the reseller is not in the read tables yet: ask again shortly";
        ApiError::StalePosition(detail.to_owned())
    } else {
        ApiError::NotFound("there is no such reseller below you")
    }
}

#[derive(Default)]
pub(super) struct DashboardQuery;

#[Object]
impl DashboardQuery {
    /// The reseller's figures, last transactions and last activity: now, or at `asOf`, as far as it was recorded by
    /// `knownAt`. Activity counts from when somebody did it, whatever earlier day it concerns. With `resellerId`,
    /// those of a reseller below the asker.
    async fn dashboard(
        &self,
        ctx: &Context<'_>,
        reseller_id: Option<ID>,
        as_of: Option<DateTime<Utc>>,
        known_at: Option<DateTime<Utc>>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Dashboard> {
        let session = Session::of(ctx)?;
        let instead = "the dashboard is a reseller's: an admin finds all resellers under `resellers`";
        session.require(&[Audience::Reseller], instead)?;
        let mut connection = session.read(SOURCES, (&min_position, &wait_for)).await?;
        let (_, scope) = connection.parts();
        let own = scope.reseller_id().ok_or(ApiError::Forbidden(instead))?;
        let reads_logs = permissions::missing(&mut connection, own, &[Permission::ViewLogs])
            .await?
            .is_none();
        let (read, scope) = connection.parts();
        let wanted = reseller_id.as_ref().map(|id| parsed_id(id).unwrap_or_default());
        let reseller_id = wanted.map_or(own, ResellerId);
        let reseller = resellers::by_id(read, scope, reseller_id.0)
            .await?
            .ok_or_else(|| not_there(reseller_id == own))?;
        let now = as_of.unwrap_or_else(|| session.reader.now());
        let month = Span::month_of(now, &reseller.time_zone);
        let earlier = as_of.is_some() || known_at.is_some();
        let moment = earlier.then_some(Moment { as_of: now, known_at });
        let (figures, balance) = if let Some(moment) = moment {
            let figures = dashboard::figures_at(read, reseller_id, moment, month).await?;
            let cutoff = Cutoff {
                as_of: Some(now),
                known_at,
                ..Cutoff::default()
            };
            let balance = trial_balance::available(read, scope, reseller_id.0, cutoff).await?;
            (figures, balance)
        } else {
            let figures = dashboard::figures(read, reseller_id, now, month).await?;
            (figures, reseller.balance)
        };
        let latest = PageRequest {
            first: LATEST_ROWS,
            after: None,
        };
        let of_reseller = TransactionFilter {
            reseller_id: Some(reseller_id.0),
            moment,
            ..TransactionFilter::default()
        };
        let transactions = credit_transactions::page(read, scope, &of_reseller, latest).await?;
        let latest_rows = if reads_logs { LATEST_ROWS } else { 0 };
        let activity = activity::latest(read, scope, Whose::One(reseller_id.0), moment, latest_rows).await?;
        let position = wait::reached(&mut *read, SOURCES).await?;
        Ok(Dashboard {
            reseller_id: id(reseller.reseller_id),
            reseller_name: reseller.name,
            balance_days: Int64(balance),
            customers_total: int(figures.customers_total),
            customers_active: int(figures.customers_active),
            customers_expired: int(figures.customers_expired),
            customers_paused: int(figures.customers_paused),
            customers_suspended: int(figures.customers_suspended),
            used_this_month: Int64(figures.used_this_month),
            new_this_month: int(figures.new_this_month),
            period_start: month.start,
            period_end: month.end,
            last_transactions: transactions.rows.into_iter().map(Into::into).collect(),
            recent_activity: activity.into_iter().map(Into::into).collect(),
            position: position.to_string(),
        })
    }
}
