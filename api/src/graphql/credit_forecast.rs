//! Forecasts: how long credits last, and which renewals they do not cover.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, TimeDelta, Utc};
use platform::Audience;
use projections::credit_forecast::{self, Forecast, RATE_DAYS, Renewal, SOURCES};
use rust_decimal::Decimal;

use super::credit_account::asked_reseller;
use super::credits::NOT_FOR_CUSTOMERS;
use super::scalars::{Int64, id, int};
use crate::error::{ApiError, ApiResult};
use crate::session::Session;

/// Most days that a forecast looks ahead.
const HORIZON_DAYS_MAX: i32 = 366;
/// Most renewals that are listed.
const LISTED_MAX: usize = 100;

/// A customer whose access ends soon, and what was paid for it last.
#[derive(SimpleObject)]
pub(super) struct DueRenewal {
    customer_id: ID,
    customer_name: Option<String>,
    expires_at: DateTime<Utc>,
    credits: Int64,
}

impl From<Renewal> for DueRenewal {
    fn from(renewal: Renewal) -> Self {
        Self {
            customer_id: id(renewal.tenant_id),
            customer_name: renewal.name,
            expires_at: renewal.expires_at,
            credits: Int64(renewal.cost),
        }
    }
}

#[derive(SimpleObject)]
pub(super) struct CreditForecast {
    /// What can be spent, with the credit line.
    available: Int64,
    /// Credits spent in the last 30 days.
    spent_recently: Int64,
    /// Credits per day at this rate.
    per_day: Decimal,
    /// Whole days that the credits last at this rate; null where nothing is spent.
    lasts_days: Option<Int64>,
    /// Renewals that fall due within the horizon, each for what was paid last.
    renewals_due: i32,
    renewals_cost: Int64,
    /// Those that the credits do not cover when they fall due one after the other.
    renewals_failing: i32,
    /// The first of them.
    failing: Vec<DueRenewal>,
    /// All of it in a sentence.
    text: String,
}

impl CreditForecast {
    fn new(forecast: Forecast, horizon_days: i32) -> Self {
        let lasts_days = forecast.lasts_days();
        let failing = forecast.failing.len();
        let lasts = lasts_days.map_or_else(
            || "nothing was spent in the last 30 days".to_owned(),
            |days| format!("lasts {days} days at this rate"),
        );
        let renewals = forecast.renewals;
        let text = format!("{lasts}; of {renewals} renewals within {horizon_days} days {failing} will fail");
        let per_day = Decimal::from(forecast.spent).checked_div(Decimal::from(RATE_DAYS));
        Self {
            available: Int64(forecast.available),
            spent_recently: Int64(forecast.spent),
            per_day: per_day.unwrap_or_default().round_dp(2),
            lasts_days: lasts_days.map(Int64),
            renewals_due: int(renewals),
            renewals_cost: Int64(forecast.renewals_cost),
            renewals_failing: int(failing),
            failing: forecast
                .failing
                .into_iter()
                .take(LISTED_MAX)
                .map(Into::into)
                .collect(),
            text,
        }
    }
}

#[derive(Default)]
pub(super) struct CreditForecastQuery;

#[Object]
impl CreditForecastQuery {
    /// How long a reseller's credits last at the rate of the last 30 days, and which renewals within `horizonDays`
    /// they do not cover; its own where it asks.
    async fn credit_forecast(
        &self,
        ctx: &Context<'_>,
        reseller_id: Option<ID>,
        #[graphql(default = 30)] horizon_days: i32,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<CreditForecast>> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        if !(1..=HORIZON_DAYS_MAX).contains(&horizon_days) {
            let detail = format!("horizonDays lies between 1 and {HORIZON_DAYS_MAX}");
            return Err(ApiError::BadUserInput(detail));
        }
        let now = session.reader.now();
        let until = now + TimeDelta::days(horizon_days.into());
        let mut connection = session.read(SOURCES, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let Some(reseller) = asked_reseller(scope, reseller_id.as_ref()) else {
            return Ok(None);
        };
        let forecast = credit_forecast::forecast(read, scope, reseller, now, until).await?;
        Ok(forecast.map(|forecast| CreditForecast::new(forecast, horizon_days)))
    }
}
