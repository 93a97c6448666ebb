//! Tiers and what each allows.

use serde::{Deserialize, Serialize};

/// Ordered: a higher tier wins where several grants are active.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Tier {
    Basic,
    Premium,
    Enterprise,
}

/// The limits of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierPolicy {
    pub tier: Tier,
    /// Largest upload, bytes.
    pub upload_bytes_max: u64,
    /// Jobs that may run at one time; more wait in the queue.
    pub concurrent_jobs_max: u32,
    /// Names of the allowed models; empty means all.
    models: &'static [&'static str],
    /// Workflows that may be kept; `None` for any number.
    pub workflows_max: Option<u32>,
    /// Whether speech may be translated to English without limit.
    pub translation: bool,
}

const MB: u64 = 1_000_000;

const BASIC: TierPolicy = TierPolicy {
    tier: Tier::Basic,
    upload_bytes_max: 100 * MB,
    concurrent_jobs_max: 2,
    models: &["tiny", "base"],
    workflows_max: Some(5),
    translation: false,
};
const PREMIUM: TierPolicy = TierPolicy {
    tier: Tier::Premium,
    upload_bytes_max: 500 * MB,
    concurrent_jobs_max: 5,
    models: &["tiny", "base", "small", "medium"],
    workflows_max: Some(20),
    translation: true,
};
const ENTERPRISE: TierPolicy = TierPolicy {
    tier: Tier::Enterprise,
    upload_bytes_max: 1_000 * MB,
    concurrent_jobs_max: 10,
    models: &[],
    workflows_max: None,
    translation: true,
};

impl Tier {
    pub fn policy(self) -> &'static TierPolicy {
        match self {
            Self::Basic => &BASIC,
            Self::Premium => &PREMIUM,
            Self::Enterprise => &ENTERPRISE,
        }
    }
}

impl TierPolicy {
    pub fn allows_model(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.contains(&model)
    }

    /// Names of the allowed models; `None` where every model is.
    pub fn models(&self) -> Option<&'static [&'static str]> {
        (!self.models.is_empty()).then_some(self.models)
    }
}

#[cfg(test)]
mod tests;
