//! The tiers: what each allows and what it costs.

use async_graphql::{Context, Object, SimpleObject};
use chrono::{DateTime, Utc};
use projections::Projection;
use projections::tiers::{self, TierRow, Tiers};

use super::scalars::{Int64, int, int64};
use crate::error::ApiResult;
use crate::session::Session;

/// The version of a tier that is in force.
#[derive(SimpleObject)]
pub(super) struct TierVersion {
    /// For programs, for example `premium`.
    code: String,
    name: String,
    version: i32,
    /// Where several grants are active the one with the highest rank wins.
    rank: i32,
    /// What a day costs a reseller.
    credits_per_day: i32,
    effective_at: DateTime<Utc>,
    /// Not offered to new customers.
    retired: bool,
    upload_bytes_max: Int64,
    concurrent_jobs_max: i32,
    /// Null where every model is allowed.
    models: Option<Vec<String>>,
    /// Null for any number.
    workflows_max: Option<i32>,
    /// Null for any number.
    storage_bytes_max: Option<Int64>,
    diarization: bool,
    separation: bool,
    /// A month; null for any number.
    translation_minutes_max: Option<i32>,
    /// A month; null for any number.
    audio_minutes_max: Option<i32>,
    /// Null where new customers cannot try it.
    trial: Option<TrialOffer>,
}

/// How new customers may try a tier.
#[derive(SimpleObject)]
pub(super) struct TrialOffer {
    days: i32,
    /// Minutes of speech in any 24 hours, in place of the month's.
    audio_minutes_per_day: i32,
}

impl From<TierRow> for TierVersion {
    fn from(TierRow { policy, retired }: TierRow) -> Self {
        let limits = policy.limits;
        Self {
            code: policy.tier.to_string(),
            name: policy.name,
            version: int(policy.version),
            rank: int(policy.rank),
            credits_per_day: int(policy.credits_per_day),
            effective_at: policy.effective_at,
            retired,
            upload_bytes_max: int64(limits.upload_bytes_max),
            concurrent_jobs_max: int(limits.concurrent_jobs_max),
            models: limits.models,
            workflows_max: limits.workflows_max.map(int),
            storage_bytes_max: limits.storage_bytes_max.map(int64),
            diarization: limits.diarization,
            separation: limits.separation,
            translation_minutes_max: limits.translation_minutes_max.map(int),
            audio_minutes_max: limits.audio_minutes_max.map(int),
            trial: limits.trial.map(|trial| TrialOffer {
                days: int(trial.days),
                audio_minutes_per_day: int(trial.audio_minutes_per_day),
            }),
        }
    }
}

#[derive(Default)]
pub(super) struct TiersQuery;

#[Object]
impl TiersQuery {
    /// The tiers as they are now, or were or will be at `asOf`; the lowest first.
    async fn tiers(
        &self,
        ctx: &Context<'_>,
        as_of: Option<DateTime<Utc>>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Vec<TierVersion>> {
        let session = Session::of(ctx)?;
        let mut connection = session.read(&[Tiers::NAME], (&min_position, &wait_for)).await?;
        let (read, _) = connection.parts();
        let at = as_of.unwrap_or_else(|| session.reader.now());
        let rows = tiers::in_force(read, at).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}
