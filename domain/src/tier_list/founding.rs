//! The tiers that an installation begins with. They are published once, as events; from then on the list counts.

use crate::tier::{Tier, TierLimits, TrialTerms};

use super::TierTerms;

const MB: u64 = 1_000_000;
const GB: u64 = 1_000 * MB;

/// The first terms of each tier, the lowest first.
pub fn tiers() -> [(Tier, TierTerms); 3] {
    let basic = TierLimits {
        upload_bytes_max: 100 * MB,
        concurrent_jobs_max: 2,
        models: Some(models(&["tiny", "base"])),
        workflows_max: Some(5),
        storage_bytes_max: Some(5 * GB),
        diarization: false,
        separation: false,
        translation_minutes_max: Some(60),
        audio_minutes_max: None,
        trial: None,
    };
    let premium = TierLimits {
        upload_bytes_max: 500 * MB,
        concurrent_jobs_max: 5,
        models: Some(models(&["tiny", "base", "small", "medium"])),
        workflows_max: Some(20),
        storage_bytes_max: Some(20 * GB),
        diarization: true,
        separation: true,
        translation_minutes_max: None,
        audio_minutes_max: None,
        trial: Some(TrialTerms {
            days: 14,
            audio_minutes_per_day: 15,
        }),
    };
    let enterprise = TierLimits {
        upload_bytes_max: GB,
        concurrent_jobs_max: 10,
        models: None,
        workflows_max: None,
        storage_bytes_max: Some(100 * GB),
        diarization: true,
        separation: true,
        translation_minutes_max: None,
        audio_minutes_max: None,
        trial: None,
    };
    [
        (Tier::BASIC, terms("Basic", 10, basic)),
        (Tier::PREMIUM, terms("Premium", 20, premium)),
        (Tier::ENTERPRISE, terms("Enterprise", 30, enterprise)),
    ]
}

fn models(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn terms(name: &str, rank: u32, limits: TierLimits) -> TierTerms {
    TierTerms {
        name: name.to_owned(),
        rank,
        credits_per_day: 1,
        limits,
    }
}
