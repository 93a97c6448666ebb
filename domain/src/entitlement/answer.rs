//! What was decided, and by what.

use std::fmt;

use chrono::{DateTime, Utc};

use super::{Bar, CountedSpan, Feature, Question};
use crate::ids::GrantId;
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::subscription::{GrantSource, SubscriptionError};
use crate::tier::Tier;
use crate::tier_list::TierListError;

/// The answer to a question. Its words are those of its `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub feature: Feature,
    pub amount: u64,
    /// Which one, where a model was asked about and is refused.
    pub model: Option<String>,
    pub ground: Ground,
    /// In the feature's unit; `None` where any amount is allowed, and where the feature is not counted.
    pub limit: Option<u64>,
    /// `None` where the feature is not counted.
    pub used: Option<u64>,
    /// When what is used counts no longer.
    pub resets_at: Option<DateTime<Utc>>,
    /// How long what is used counts; `None` where it counts until it is removed.
    pub span: Option<CountedSpan>,
    /// `None` where no grant holds.
    pub deciding: Option<Deciding>,
}

/// Why it was decided so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    Allowed,
    /// The amount is more than is left.
    Exceeded,
    /// The tier does not have it.
    NotInTier {
        /// The models that it has.
        allowed: Vec<String>,
    },
    NoGrant(SubscriptionError),
    NoTier(TierListError),
    Barred(Bar),
}

/// The grant that decided, and the version of its tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deciding {
    pub grant_id: GrantId,
    pub source: GrantSource,
    pub tier: Tier,
    pub tier_version: u32,
    pub ends_at: DateTime<Utc>,
}

impl Answer {
    pub(super) fn without_grant(question: &Question<'_>, ground: Ground) -> Self {
        Self {
            ground,
            deciding: None,
            ..Self::begun(question)
        }
    }

    pub(super) fn granted(question: &Question<'_>, deciding: Deciding) -> Self {
        Self {
            deciding: Some(deciding),
            ..Self::begun(question)
        }
    }

    fn begun(question: &Question<'_>) -> Self {
        Self {
            feature: question.feature,
            amount: question.amount,
            model: question.model.map(str::to_owned),
            ground: Ground::Allowed,
            limit: None,
            used: None,
            resets_at: None,
            span: None,
            deciding: None,
        }
    }

    pub(super) fn because(self, ground: Ground) -> Self {
        Self { ground, ..self }
    }

    pub(super) fn counted(self, limit: Option<u64>, used: u64, resets_at: Option<DateTime<Utc>>) -> Self {
        // Nothing more always fits, also where less is allowed than there is.
        let fits = self.amount == 0 || limit.is_none_or(|limit| used.saturating_add(self.amount) <= limit);
        Self {
            ground: if fits { Ground::Allowed } else { Ground::Exceeded },
            limit,
            used: Some(used),
            resets_at: limit.and(resets_at),
            ..self
        }
    }

    pub fn is_allowed(&self) -> bool {
        self.ground == Ground::Allowed
    }

    /// What is left; `None` where any amount is.
    pub fn remaining(&self) -> Option<u64> {
        let used = self.used.unwrap_or_default();
        self.limit.map(|limit| limit.saturating_sub(used))
    }

    /// For programs: `ALLOWED`, or why not.
    pub fn code(&self) -> &'static str {
        match &self.ground {
            Ground::Allowed => "ALLOWED",
            Ground::Exceeded => exceeded(self.feature),
            Ground::NotInTier { .. } => not_in_tier(self.feature),
            Ground::NoGrant(refusal) => refusal.code(),
            Ground::NoTier(refusal) => refusal.code(),
            Ground::Barred(bar) => bar.code,
        }
    }

    /// The answer, where it is yes.
    ///
    /// # Errors
    /// It is no; the error says why.
    pub fn allowed(self) -> Result<Self, Denial> {
        if self.is_allowed() {
            Ok(self)
        } else {
            Err(Denial(Box::new(self)))
        }
    }
}

fn exceeded(feature: Feature) -> &'static str {
    match feature {
        Feature::UploadBytes => "FILE_TOO_LARGE",
        Feature::StorageBytes => "STORAGE_FULL",
        Feature::ConcurrentJobs => "TOO_MANY_JOBS",
        Feature::Workflows => "TOO_MANY_WORKFLOWS",
        Feature::AudioSeconds => "AUDIO_USED_UP",
        Feature::TranslationSeconds => "TRANSLATION_USED_UP",
        // What is not counted is not exceeded.
        Feature::Model | Feature::Diarization | Feature::Separation => not_in_tier(feature),
    }
}

fn not_in_tier(feature: Feature) -> &'static str {
    match feature {
        Feature::Model => "MODEL_NOT_IN_TIER",
        Feature::Diarization => "DIARIZATION_NOT_IN_TIER",
        Feature::Separation => "SEPARATION_NOT_IN_TIER",
        Feature::TranslationSeconds => "TRANSLATION_NOT_IN_TIER",
        Feature::UploadBytes
        | Feature::StorageBytes
        | Feature::ConcurrentJobs
        | Feature::Workflows
        | Feature::AudioSeconds => "NOT_IN_TIER",
    }
}

/// An answer that is no, as the refusal of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial(Box<Answer>);

impl Denial {
    pub fn answer(&self) -> &Answer {
        &self.0
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Denial {}

impl Refusal for Denial {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn kind(&self) -> RefusalKind {
        match &self.0.ground {
            Ground::NoGrant(refusal) => refusal.kind(),
            Ground::NoTier(refusal) => refusal.kind(),
            Ground::Barred(_) => RefusalKind::Conflict,
            Ground::Allowed | Ground::Exceeded | Ground::NotInTier { .. } => RefusalKind::Forbidden,
        }
    }

    fn facts(&self) -> Facts {
        match &self.0.ground {
            Ground::Exceeded => {
                let needed = self.0.used.unwrap_or_default().saturating_add(self.0.amount);
                Facts {
                    needed: i64::try_from(needed).ok(),
                    available: self.0.limit.and_then(|limit| i64::try_from(limit).ok()),
                    ..Facts::default()
                }
            }
            Ground::NotInTier { allowed } if self.0.feature == Feature::Model => Facts {
                allowed: allowed.clone(),
                ..Facts::default()
            },
            Ground::NoTier(refusal) => refusal.facts(),
            Ground::Allowed | Ground::NotInTier { .. } | Ground::NoGrant(_) | Ground::Barred(_) => {
                Facts::default()
            }
        }
    }
}
