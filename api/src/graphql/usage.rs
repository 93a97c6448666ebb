//! Usage by the day and by the month, and how much of the limits is used.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use domain::entitlement::{self, Question};
use domain::period::Period;
use projections::Projection;
use projections::usage::{self, Metering, Subject, Used};
use uuid::Uuid;

use super::entitlements::Feature;
use super::reach::{Reach, whose};
use super::scalars::{Int64, int64, parsed_id};
use crate::entitlements::{Asking, Times, askings};
use crate::error::{ApiError, ApiResult};
use crate::session::{Fresh, Session};

/// Most days of one answer.
const DAYS_MAX: i64 = 400;
/// Most months of one answer.
const MONTHS_MAX: u32 = 120;
const MS_PER_SECOND: i64 = 1_000;
/// What is counted, and so has a share that is used.
const COUNTED: [entitlement::Feature; 5] = [
    entitlement::Feature::StorageBytes,
    entitlement::Feature::AudioSeconds,
    entitlement::Feature::TranslationSeconds,
    entitlement::Feature::Workflows,
    entitlement::Feature::ConcurrentJobs,
];

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::calendar::Step")]
pub(super) enum UsageStep {
    Day,
    Month,
}

/// What was used in a day or a month (UTC). Storage and workflows are what there was at its end.
#[derive(SimpleObject)]
pub(super) struct UsagePeriod {
    /// The first day.
    day: NaiveDate,
    storage_bytes: Int64,
    audio_seconds: Int64,
    translation_seconds: Int64,
    /// That were submitted.
    jobs: Int64,
    workflows: Int64,
}

impl From<Used> for UsagePeriod {
    fn from(used: Used) -> Self {
        let seconds = |ms: i64| Int64(ms.saturating_add(MS_PER_SECOND - 1) / MS_PER_SECOND);
        Self {
            day: used.day,
            storage_bytes: Int64(used.figures.storage_bytes),
            audio_seconds: seconds(used.figures.audio_ms),
            translation_seconds: seconds(used.figures.translated_ms),
            jobs: Int64(used.figures.jobs),
            workflows: Int64(used.figures.workflows),
        }
    }
}

/// How much of a limit is used now.
#[derive(SimpleObject)]
pub(super) struct UsedLimit {
    feature: Feature,
    used: Int64,
    /// Null where any amount is allowed.
    limit: Option<Int64>,
    /// Of the limit, 0 to 100; null where there is none.
    percent: Option<i32>,
    resets_at: Option<DateTime<Utc>>,
}

#[derive(SimpleObject)]
pub(super) struct UsageReport {
    /// The earliest first; days and months in which nothing changed are left out.
    periods: Vec<UsagePeriod>,
    /// Of the customer that was asked about, as they are now; empty for several, and where nothing is allowed.
    limits: Vec<UsedLimit>,
}

fn limits(asking: &Asking) -> Vec<UsedLimit> {
    let answers = COUNTED
        .iter()
        .map(|feature| asking.ask(&Question::of(*feature, 0)));
    answers
        .filter_map(|answer| {
            let used = answer.used?;
            Some(UsedLimit {
                feature: answer.feature.into(),
                used: int64(used),
                limit: answer.limit.map(int64),
                percent: answer.limit.map(|limit| percent(used, limit)),
                resets_at: answer.resets_at,
            })
        })
        .collect()
}

fn percent(used: u64, limit: u64) -> i32 {
    let share = u128::from(used) * 100 / u128::from(limit.max(1));
    i32::try_from(share.min(100)).unwrap_or(100)
}

/// The days asked for; months as a whole.
fn days(from: NaiveDate, to: NaiveDate, by: UsageStep) -> ApiResult<(NaiveDate, NaiveDate)> {
    let (from, to, fits) = match by {
        UsageStep::Day => (from, to, to - from <= TimeDelta::days(DAYS_MAX)),
        UsageStep::Month => {
            let (from, last) = (Period::of_day(from), Period::of_day(to));
            let to = if last.first_day() == to { last } else { last.next() };
            let latest = from.first_day().checked_add_months(Months::new(MONTHS_MAX));
            let fits = latest.is_some_and(|latest| to.first_day() <= latest);
            (from.first_day(), to.first_day(), fits)
        }
    };
    if from < to && fits {
        return Ok((from, to));
    }
    let detail = format!(
        "usage is told from a day up to, not including, a later one, for at most {DAYS_MAX} days or {MONTHS_MAX} \
         months: ask for a shorter time"
    );
    Err(ApiError::BadUserInput(detail))
}

#[derive(Default)]
pub(super) struct UsageQuery;

#[Object]
impl UsageQuery {
    /// What was used from a day up to, not including, another: by a customer; by a reseller's customers, or those
    /// of all resellers below it as well; for the platform by all.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn usage(
        &self,
        ctx: &Context<'_>,
        from: NaiveDate,
        to: NaiveDate,
        by: UsageStep,
        customer_id: Option<ID>,
        reseller_id: Option<ID>,
        reach: Option<Reach>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<UsageReport> {
        let session = Session::of(ctx)?;
        let range = days(from, to, by)?;
        let fresh = || Fresh::from((&min_position, &wait_for));
        let own = session.principal.home.tenant_id().map(|tenant| tenant.0);
        let named = customer_id.map(|id| parsed_id(&id).unwrap_or(Uuid::nil()));
        let tenant_id = named.or(own);
        let limits = match tenant_id {
            Some(tenant_id) => {
                let ids = [tenant_id].into_iter().collect();
                let mut askings = askings(&session, &ids, Times::default(), fresh()).await?;
                askings.remove(&tenant_id).map(|asking| limits(&asking))
            }
            None => None,
        };
        // A customer may be anywhere below the asker.
        let reach = if named.is_some() {
            Some(Reach::Below)
        } else {
            reach
        };
        let subject = Subject {
            tenant_id,
            whose: whose(reach, reseller_id.as_ref()),
        };
        let mut connection = session.read(&[Metering::NAME], fresh()).await?;
        let (read, scope) = connection.parts();
        let used = usage::between(read, scope, subject, range, by.into()).await?;
        Ok(UsageReport {
            periods: used.into_iter().map(Into::into).collect(),
            limits: limits.unwrap_or_default(),
        })
    }
}
