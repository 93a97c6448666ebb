//! Tiers, and what one version of a tier allows. Which tiers there are is data: see [`crate::tier_list`].

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::is_code;

/// Longest code, in bytes.
const CODE_BYTES_MAX: usize = 24;

/// The code of a tier, for example `premium`. Which of two is the higher one is not told by their codes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tier {
    /// Padded with zeros.
    code: [u8; CODE_BYTES_MAX],
}

impl Tier {
    /// The three tiers that an installation begins with.
    pub const BASIC: Self = Self::literal("basic");
    pub const PREMIUM: Self = Self::literal("premium");
    pub const ENTERPRISE: Self = Self::literal("enterprise");

    #[expect(
        clippy::indexing_slicing,
        reason = "a literal that is too long does not compile"
    )]
    const fn literal(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut code = [0; CODE_BYTES_MAX];
        let mut at = 0;
        while at < bytes.len() {
            code[at] = bytes[at];
            at += 1;
        }
        Self { code }
    }
}

impl AsRef<str> for Tier {
    fn as_ref(&self) -> &str {
        let text = self.code.split(|byte| *byte == 0).next().unwrap_or_default();
        // Only ASCII is ever stored.
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_ref())
    }
}

impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tier({self})")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tier's code has 1 to {CODE_BYTES_MAX} lower-case letters, digits or hyphens, for example premium")]
pub struct InvalidTier;

impl FromStr for Tier {
    type Err = InvalidTier;

    fn from_str(text: &str) -> Result<Self, InvalidTier> {
        if !is_code(text, CODE_BYTES_MAX) {
            return Err(InvalidTier);
        }
        let mut code = [0; CODE_BYTES_MAX];
        for (place, byte) in code.iter_mut().zip(text.bytes()) {
            *place = byte;
        }
        Ok(Self { code })
    }
}

impl Serialize for Tier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_ref())
    }
}

impl<'de> Deserialize<'de> for Tier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Longest trial.
pub const TRIAL_DAYS_MAX: u32 = 90;

/// What a tier allows. Where a number may be left out, any number is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierLimits {
    /// Largest upload, bytes.
    pub upload_bytes_max: u64,
    /// Jobs that may run at one time; more wait in the queue.
    pub concurrent_jobs_max: u32,
    /// Names of the allowed models; `None` for all.
    pub models: Option<Vec<String>>,
    /// Workflows that may be kept.
    pub workflows_max: Option<u32>,
    /// Bytes of recordings that may be kept.
    pub storage_bytes_max: Option<u64>,
    /// Telling speakers apart.
    pub diarization: bool,
    /// Taking music away before the speech is heard.
    pub separation: bool,
    /// Minutes of speech that may be translated to English in a calendar month.
    pub translation_minutes_max: Option<u32>,
    /// Minutes of speech that may be transcribed in a calendar month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_minutes_max: Option<u32>,
    /// How a new customer may try it; `None` where it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialTerms>,
}

/// What a trial of a tier is: its limits, but so much speech a day in place of the month's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialTerms {
    /// 1 to [`TRIAL_DAYS_MAX`].
    pub days: u32,
    /// Minutes of speech in any 24 hours, at least 1.
    pub audio_minutes_per_day: u32,
}

/// One version of a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierPolicy {
    pub tier: Tier,
    /// Counted from 1.
    pub version: u32,
    /// For people.
    pub name: String,
    /// Where several grants are active the one with the highest rank wins.
    pub rank: u32,
    /// What a day of it costs a reseller.
    pub credits_per_day: u32,
    pub limits: TierLimits,
    /// From when on it is in force, in place of the version before.
    pub effective_at: DateTime<Utc>,
}

impl TierPolicy {
    pub fn allows_model(&self, model: &str) -> bool {
        let models = self.limits.models.as_deref();
        models.is_none_or(|models| models.iter().any(|name| name == model))
    }
}

#[cfg(test)]
mod tests;
