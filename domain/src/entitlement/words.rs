//! An answer in plain words: what was asked, what there is, what to do.

use std::fmt;

use super::{Answer, CountedSpan, Feature, Ground};
use crate::text;

const BYTES_PER_MB: u64 = 1_000_000;
const SECONDS_PER_MINUTE: u64 = 60;
const REMEDY: &str = "or ask your reseller for a higher tier";

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ground {
            Ground::Allowed => self.tell_allowed(f),
            Ground::Exceeded => self.tell_exceeded(f),
            Ground::NotInTier { allowed } => self.tell_missing(f, allowed),
            Ground::NoGrant(refusal) => refusal.fmt(f),
            Ground::NoTier(refusal) => refusal.fmt(f),
            Ground::Barred(bar) => f.write_str(&bar.detail),
        }
    }
}

impl Answer {
    fn tier(&self) -> &str {
        self.deciding
            .as_ref()
            .map_or("", |deciding| deciding.tier.as_ref())
    }

    fn tell_allowed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (feature, tier) = (self.feature, self.tier());
        match (self.limit, self.used) {
            (Some(limit), Some(used)) => write!(
                f,
                "the {tier} tier allows {} and {} are in use",
                amount(feature, limit),
                amount(feature, used)
            ),
            (None, Some(used)) => write!(
                f,
                "the {tier} tier sets no limit, and {} are in use",
                amount(feature, used)
            ),
            (Some(_) | None, None) => match &self.model {
                Some(model) => write!(f, "the model {model:?} is part of the {tier} tier"),
                None => write!(f, "{} is part of the {tier} tier", name(feature)),
            },
        }
    }

    fn tell_exceeded(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (feature, tier) = (self.feature, self.tier());
        let limit = amount(feature, self.limit.unwrap_or_default());
        let used = amount(feature, self.used.unwrap_or_default());
        match feature {
            Feature::UploadBytes => write!(
                f,
                "the recording is larger than the {limit} that the {tier} tier allows: send a shorter or a \
                 compressed one, {REMEDY}"
            ),
            Feature::StorageBytes => write!(
                f,
                "the {tier} tier keeps {limit} of recordings, {used} are taken and this one has {}: remove \
                 recordings, {REMEDY}",
                amount(feature, self.amount)
            ),
            Feature::Workflows => write!(
                f,
                "the {tier} tier allows {limit} and you have {}: remove one, {REMEDY}",
                self.used.unwrap_or_default()
            ),
            Feature::ConcurrentJobs => write!(
                f,
                "the {tier} tier runs {limit} at one time and {} run: wait until one ends, {REMEDY}",
                self.used.unwrap_or_default()
            ),
            Feature::AudioSeconds | Feature::TranslationSeconds => {
                let (of, span, remedy) = match self.span {
                    Some(CountedSpan::Day) => {
                        ("trial of the ", "24 hours", "ask your reseller for paid days")
                    }
                    Some(CountedSpan::Month) | None => ("", "a month", "ask your reseller for a higher tier"),
                };
                write!(
                    f,
                    "the {of}{tier} tier has {limit} in {span}, {used} are used or set aside and this one has {}: ",
                    amount(feature, self.amount)
                )?;
                match self.resets_at {
                    Some(at) => write!(f, "wait until {}, or {remedy}", at.format("%Y-%m-%d %H:%M UTC")),
                    None => f.write_str(remedy),
                }
            }
            Feature::Model | Feature::Diarization | Feature::Separation => self.tell_missing(f, &[]),
        }
    }

    fn tell_missing(&self, f: &mut fmt::Formatter<'_>, allowed: &[String]) -> fmt::Result {
        let tier = self.tier();
        match (self.feature, &self.model) {
            (Feature::Model, Some(model)) => write!(
                f,
                "the model {model:?} is not part of the {tier} tier: {}, {REMEDY}",
                text::choice(allowed)
            ),
            (Feature::Model, None) => write!(f, "name the model: {}", text::choice(allowed)),
            (Feature::TranslationSeconds, _) => write!(
                f,
                "translation is not part of the {tier} tier: transcribe, {REMEDY}"
            ),
            (feature, _) => write!(
                f,
                "{} is not part of the {tier} tier: leave it out, {REMEDY}",
                name(feature)
            ),
        }
    }
}

fn name(feature: Feature) -> &'static str {
    match feature {
        Feature::UploadBytes => "uploading",
        Feature::StorageBytes => "storage",
        Feature::ConcurrentJobs => "running jobs",
        Feature::Workflows => "workflows",
        Feature::AudioSeconds => "transcription",
        Feature::TranslationSeconds => "translation",
        Feature::Model => "the model",
        Feature::Diarization => "telling speakers apart",
        Feature::Separation => "taking music away",
    }
}

/// A number with its unit.
fn amount(feature: Feature, number: u64) -> String {
    match feature {
        Feature::UploadBytes | Feature::StorageBytes => megabytes(number),
        Feature::ConcurrentJobs => format!("{number} jobs"),
        Feature::Workflows => format!("{number} workflows"),
        Feature::AudioSeconds => format!("{} of speech", minutes(number)),
        Feature::TranslationSeconds => format!("{} of translation", minutes(number)),
        Feature::Model | Feature::Diarization | Feature::Separation => number.to_string(),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(BYTES_PER_MB))
}

fn minutes(seconds: u64) -> String {
    let (minutes, rest) = (seconds / SECONDS_PER_MINUTE, seconds % SECONDS_PER_MINUTE);
    if rest == 0 {
        format!("{minutes} minutes")
    } else {
        format!("{minutes}:{rest:02} minutes")
    }
}
