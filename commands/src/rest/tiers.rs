//! /api/admin/tiers: what tiers there are and what each allows.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpResponse, post, put};
use chrono::{DateTime, Utc};
use domain::tier::{Tier, TierLimits, TrialTerms};
use domain::tier_list::TierTerms;
use serde::{Deserialize, Serialize};
use store::unit_of_work::Owner;

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::AdminCaller;
use crate::rest::answer::{Nothing, answer};
use crate::rest::request::Command;
use crate::rest::shapes::Empty;
use crate::tiers;

pub fn routes(app: &mut ServiceConfig) {
    app.service(publish).service(retire);
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewTierVersion {
    /// For people.
    name: String,
    /// 0 to 1000, of its own: the highest one wins where a customer has several grants.
    rank: u32,
    /// What a day costs a reseller.
    credits_per_day: u32,
    /// Largest upload, bytes.
    upload_bytes_max: u64,
    /// Jobs that run at one time; more wait.
    concurrent_jobs_max: u32,
    /// Names of the allowed models; left out, all are.
    #[serde(default)]
    models: Option<Vec<String>>,
    /// Left out, any number.
    #[serde(default)]
    workflows_max: Option<u32>,
    /// Bytes of recordings; left out, any number.
    #[serde(default)]
    storage_bytes_max: Option<u64>,
    diarization: bool,
    separation: bool,
    /// Minutes of speech translated to English in a month; 0 for none, left out for any number.
    #[serde(default)]
    translation_minutes_max: Option<u32>,
    /// Minutes of speech transcribed in a month; left out, any number.
    #[serde(default)]
    audio_minutes_max: Option<u32>,
    /// How new customers may try it; left out, they cannot.
    #[serde(default)]
    trial: Option<Trial>,
    /// From when on it holds; now, where left out.
    #[serde(default)]
    effective_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trial {
    /// 1 to 90.
    days: u32,
    /// Minutes of speech in any 24 hours, in place of the month's.
    audio_minutes_per_day: u32,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedTier {
    version: u32,
    effective_at: DateTime<Utc>,
}

/// Publishes a tier, or the next version of one, which holds for all who have it.
#[utoipa::path(tag = "admin", params(("code" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = NewTierVersion,
    responses((status = 200, body = PublishedTier), (status = 400, body = Problem), (status = 409, body = Problem)))]
#[put("/admin/tiers/{code}")]
async fn publish(
    write: Data<WriteSide>,
    caller: AdminCaller,
    code: Path<String>,
    command: Command<NewTierVersion>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let tier = parsed(&code)?;
    let version = command.input;
    let terms = TierTerms {
        name: version.name,
        rank: version.rank,
        credits_per_day: version.credits_per_day,
        limits: TierLimits {
            upload_bytes_max: version.upload_bytes_max,
            concurrent_jobs_max: version.concurrent_jobs_max,
            models: version.models,
            workflows_max: version.workflows_max,
            storage_bytes_max: version.storage_bytes_max,
            diarization: version.diarization,
            separation: version.separation,
            translation_minutes_max: version.translation_minutes_max,
            audio_minutes_max: version.audio_minutes_max,
            trial: version.trial.map(|trial| TrialTerms {
                days: trial.days,
                audio_minutes_per_day: trial.audio_minutes_per_day,
            }),
        },
    };
    let done = tiers::publish(&write, &cause, tier, &terms, version.effective_at).await?;
    Ok(answer(StatusCode::OK, done, |published| PublishedTier {
        version: published.version,
        effective_at: published.effective_at,
    }))
}

/// Offers a tier no longer; who has it keeps it.
#[utoipa::path(tag = "admin", params(("code" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = Empty, responses((status = 200), (status = 404, body = Problem)))]
#[post("/admin/tiers/{code}/retire")]
async fn retire(
    write: Data<WriteSide>,
    caller: AdminCaller,
    code: Path<String>,
    command: Command<Empty>,
) -> Result<HttpResponse, CommandError> {
    let cause = command.cause(caller.user_id, Owner::PLATFORM, write.clock.now());
    let done = tiers::retire(&write, &cause, parsed(&code)?).await?;
    Ok(answer(StatusCode::OK, done, |()| Nothing {}))
}

fn parsed(code: &str) -> Result<Tier, CommandError> {
    code.parse()
        .map_err(|error: domain::tier::InvalidTier| Problem::invalid(error.to_string()).into())
}
