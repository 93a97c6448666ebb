//! What a tenant may do: the one decision, for uploads, jobs, workflows, the dispatcher and whoever asks.
//!
//! Pure and cheap: everything that it looks at is in memory, and the words are only made when somebody reads them.

mod answer;
mod words;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use answer::{Answer, Deciding, Denial, Ground};

use crate::period::Period;
use crate::refusal::Refusal;
use crate::subscription::{GrantSource, Subscription};
use crate::tier::{TierPolicy, TrialTerms};
use crate::tier_list::TierList;
use crate::usage::Usage;

/// Longest name of a model that can be asked about, in bytes.
pub const MODEL_BYTES_MAX: usize = 120;
const MS_PER_SECOND: u64 = 1_000;
const SECONDS_PER_MINUTE: u64 = 60;

/// What a tier limits.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Feature {
    /// Bytes of one upload.
    UploadBytes,
    /// Bytes of recordings that are kept.
    StorageBytes,
    /// Jobs that run at one time.
    ConcurrentJobs,
    /// Workflows that are kept.
    Workflows,
    /// Seconds of speech that are transcribed in a calendar month.
    AudioSeconds,
    /// Seconds of speech that are translated to English in a calendar month.
    TranslationSeconds,
    /// One model, by its name.
    Model,
    /// Telling speakers apart.
    Diarization,
    /// Taking music away before the speech is heard.
    Separation,
}

/// May so much more of a feature be used?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    pub feature: Feature,
    /// In the feature's unit.
    pub amount: u64,
    /// Which one, where the feature is [`Feature::Model`].
    pub model: Option<&'a str>,
}

impl<'a> Question<'a> {
    pub fn of(feature: Feature, amount: u64) -> Self {
        Self {
            feature,
            amount,
            model: None,
        }
    }

    pub fn model(name: &'a str) -> Self {
        Self {
            feature: Feature::Model,
            amount: 1,
            model: Some(name),
        }
    }

    /// So much more speech, in whole seconds begun.
    pub fn speech(feature: Feature, audio_ms: u64) -> Self {
        Self::of(feature, audio_ms.div_ceil(MS_PER_SECOND))
    }
}

/// Why somebody may do nothing at all, whatever the subscription says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    pub code: &'static str,
    pub detail: String,
}

impl Bar {
    pub fn of(refusal: &impl Refusal) -> Self {
        Self {
            code: refusal.code(),
            detail: refusal.to_string(),
        }
    }
}

/// Who asks, with everything that counts.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub bar: Option<&'a Bar>,
    pub subscription: &'a Subscription,
    pub tiers: &'a TierList,
    pub usage: &'a Usage,
    pub workflows: u64,
    pub running_jobs: u64,
}

/// How long what is used counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedSpan {
    /// The calendar month.
    Month,
    /// Any 24 hours: a trial's.
    Day,
}

/// What a policy says of a feature.
enum Rule {
    Included(bool),
    /// `None` allows any amount.
    Count {
        limit: Option<u64>,
        used: u64,
        resets_at: Option<DateTime<Utc>>,
        span: Option<CountedSpan>,
    },
}

/// Whether the subject may at `at`, and why.
pub fn entitlement(subject: &Subject<'_>, question: &Question<'_>, at: DateTime<Utc>) -> Answer {
    if let Some(bar) = subject.bar {
        return Answer::without_grant(question, Ground::Barred(bar.clone()));
    }
    let grant = match subject.subscription.entitlement(subject.tiers, at) {
        Ok(grant) => grant,
        Err(refusal) => return Answer::without_grant(question, Ground::NoGrant(refusal)),
    };
    let policy = match subject.tiers.known(grant.tier, at) {
        Ok(policy) => policy,
        Err(refusal) => return Answer::without_grant(question, Ground::NoTier(refusal)),
    };
    let deciding = Deciding {
        grant_id: grant.grant_id,
        source: grant.source,
        tier: grant.tier,
        tier_version: policy.version,
        ends_at: grant.ends_at,
    };
    let answer = Answer::granted(question, deciding);
    match rule(subject, (policy, grant.source), question, at) {
        Rule::Included(true) => answer,
        Rule::Included(false) => answer.because(Ground::NotInTier {
            allowed: policy.limits.models.clone().unwrap_or_default(),
        }),
        Rule::Count {
            limit,
            used,
            resets_at,
            span,
        } => Answer { span, ..answer }.counted(limit, used, resets_at),
    }
}

fn rule(
    subject: &Subject<'_>,
    (policy, source): (&TierPolicy, GrantSource),
    question: &Question<'_>,
    at: DateTime<Utc>,
) -> Rule {
    let limits = &policy.limits;
    let trial = limits.trial.filter(|_| source == GrantSource::Trial);
    let count = |limit, used| Rule::Count {
        limit,
        used,
        resets_at: None,
        span: None,
    };
    let monthly = |minutes: Option<u32>, audio_ms: u64| Rule::Count {
        limit: minutes.map(|minutes| u64::from(minutes) * SECONDS_PER_MINUTE),
        used: audio_ms.div_ceil(MS_PER_SECOND),
        resets_at: Some(Period::of(at).end()),
        span: Some(CountedSpan::Month),
    };
    if let (Feature::AudioSeconds, Some(trial)) = (question.feature, trial) {
        return daily(subject.usage, trial, question.amount, at);
    }
    match question.feature {
        Feature::UploadBytes => count(Some(limits.upload_bytes_max), 0),
        Feature::StorageBytes => count(limits.storage_bytes_max, subject.usage.storage_bytes()),
        Feature::ConcurrentJobs => count(Some(limits.concurrent_jobs_max.into()), subject.running_jobs),
        Feature::Workflows => count(limits.workflows_max.map(Into::into), subject.workflows),
        Feature::AudioSeconds => monthly(limits.audio_minutes_max, subject.usage.of_month(at).audio_ms),
        Feature::TranslationSeconds if limits.translation_minutes_max == Some(0) => Rule::Included(false),
        Feature::TranslationSeconds => monthly(
            limits.translation_minutes_max,
            subject.usage.of_month(at).translated_ms,
        ),
        Feature::Model => Rule::Included(question.model.is_some_and(|model| policy.allows_model(model))),
        Feature::Diarization => Rule::Included(limits.diarization),
        Feature::Separation => Rule::Included(limits.separation),
    }
}

/// The allowance of a trial: what was heard a day ago no longer counts.
fn daily(usage: &Usage, trial: TrialTerms, amount: u64, at: DateTime<Utc>) -> Rule {
    let limit = u64::from(trial.audio_minutes_per_day) * SECONDS_PER_MINUTE;
    let used = usage.of_day(at).div_ceil(MS_PER_SECOND);
    // Where it fits already, the instant at which more is free.
    let too_much = used.saturating_add(amount).saturating_sub(limit).max(1);
    Rule::Count {
        limit: Some(limit),
        used,
        resets_at: usage.day_frees(at, too_much.saturating_mul(MS_PER_SECOND)),
        span: Some(CountedSpan::Day),
    }
}

#[cfg(test)]
mod tests;
