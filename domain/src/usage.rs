//! What a tenant uses of what its tier limits: bytes that are kept, speech that is heard. One stream per tenant, with
//! the tenant's id, so that limits hold whatever runs at the same time.
//!
//! A job sets the length of its recording aside when it is queued. When it ends, what was heard is metered, and the
//! rest is free again: jobs that are sent at once cannot use more together than is left.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::{JobId, RecordingId};
use crate::period::Period;
use crate::refusal::{Facts, Refusal, RefusalKind};

/// How long speech counts against an allowance per day: a rolling one.
pub const DAY: TimeDelta = TimeDelta::days(1);
const MINUTE_SECONDS: i64 = 60;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    storage_bytes: u64,
    /// What jobs that have not ended set aside.
    held: BTreeMap<JobId, Held>,
    months: BTreeMap<Period, Speech>,
    /// Milliseconds by the minute in which they were metered, as far as they count against a day.
    minutes: BTreeMap<i64, u64>,
}

/// Set aside for one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    recording_id: RecordingId,
    audio_ms: u64,
    translated: bool,
}

/// Speech that was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speech {
    pub audio_ms: u64,
    /// How much of it was translated.
    pub translated_ms: u64,
}

impl Speech {
    fn add(&mut self, audio_ms: u64, translated: bool) {
        self.audio_ms = self.audio_ms.saturating_add(audio_ms);
        if translated {
            self.translated_ms = self.translated_ms.saturating_add(audio_ms);
        }
    }
}

#[derive(Clone, Debug)]
pub enum UsageCommand {
    Store {
        recording_id: RecordingId,
        bytes: u64,
    },
    Free {
        recording_id: RecordingId,
        bytes: u64,
    },
    /// For a job that is queued.
    Hold {
        job_id: JobId,
        recording_id: RecordingId,
        audio_ms: u64,
        translated: bool,
    },
    /// The job has a transcript of so much speech.
    Meter {
        job_id: JobId,
        audio_ms: u64,
        translated: bool,
        at: DateTime<Utc>,
    },
    /// The job ended without one.
    Release {
        job_id: JobId,
    },
}

/// Facts about usage. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum UsageEvent {
    StorageTaken {
        recording_id: RecordingId,
        bytes: u64,
    },
    StorageFreed {
        recording_id: RecordingId,
        bytes: u64,
    },
    SpeechHeld {
        job_id: JobId,
        recording_id: RecordingId,
        audio_ms: u64,
        translated: bool,
    },
    SpeechMetered {
        job_id: JobId,
        audio_ms: u64,
        translated: bool,
        at: DateTime<Utc>,
    },
    SpeechReleased {
        job_id: JobId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum UsageError {
    #[error("{jobs} jobs still work on this recording: wait until they end, or cancel them")]
    RecordingInUse { jobs: usize },
}

impl Refusal for UsageError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Conflict
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }
}

aggregate!(Usage, "usage", UsageCommand, UsageEvent, UsageError);

impl UsageEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::StorageTaken { .. }
            | Self::StorageFreed { .. }
            | Self::SpeechHeld { .. }
            | Self::SpeechMetered { .. }
            | Self::SpeechReleased { .. } => "1",
        }
    }
}

impl Usage {
    /// What figures of an earlier time say: bytes that were kept, the speech of that time's month, and that of the
    /// day before it, by the instant at which it was metered.
    pub fn figured(
        storage_bytes: u64,
        (month, speech): (Period, Speech),
        day: impl IntoIterator<Item = (DateTime<Utc>, u64)>,
    ) -> Self {
        let mut usage = Self {
            storage_bytes,
            months: BTreeMap::from([(month, speech)]),
            ..Self::default()
        };
        for (at, audio_ms) in day {
            usage.count(at, audio_ms);
        }
        usage
    }

    /// Bytes of recordings that are kept.
    pub fn storage_bytes(&self) -> u64 {
        self.storage_bytes
    }

    /// Speech of the calendar month of `at`, with what is set aside.
    pub fn of_month(&self, at: DateTime<Utc>) -> Speech {
        let mut speech = self.months.get(&Period::of(at)).copied().unwrap_or_default();
        for held in self.held.values() {
            speech.add(held.audio_ms, held.translated);
        }
        speech
    }

    /// Milliseconds of speech of the day up to `at`, with what is set aside.
    pub fn of_day(&self, at: DateTime<Utc>) -> u64 {
        let held: u64 = self.held.values().map(|held| held.audio_ms).sum();
        let heard: u64 = self.counting(at).map(|(_, audio_ms)| audio_ms).sum();
        held.saturating_add(heard)
    }

    /// When `audio_ms` of what counts at `at` will count no longer; `None` where less than that was metered.
    pub fn day_frees(&self, at: DateTime<Utc>, audio_ms: u64) -> Option<DateTime<Utc>> {
        let mut freed: u64 = 0;
        let (minute, _) = self.counting(at).find(|(_, heard)| {
            freed = freed.saturating_add(*heard);
            freed >= audio_ms
        })?;
        // The minute has to be over, as a whole.
        DateTime::from_timestamp((minute + 1) * MINUTE_SECONDS, 0).map(|end| end + DAY)
    }

    fn counting(&self, at: DateTime<Utc>) -> impl Iterator<Item = (i64, u64)> {
        let last = minute_of(at);
        let first = minute_of(at - DAY);
        self.minutes
            .range(first..=last)
            .map(|(minute, audio_ms)| (*minute, *audio_ms))
    }

    fn decide(&self, command: UsageCommand) -> Result<Vec<UsageEvent>, UsageError> {
        Ok(match command {
            UsageCommand::Store { recording_id, bytes } => {
                vec![UsageEvent::StorageTaken { recording_id, bytes }]
            }
            UsageCommand::Free { recording_id, bytes } => {
                let jobs = self
                    .held
                    .values()
                    .filter(|held| held.recording_id == recording_id);
                match jobs.count() {
                    0 => vec![UsageEvent::StorageFreed { recording_id, bytes }],
                    jobs => return Err(UsageError::RecordingInUse { jobs }),
                }
            }
            UsageCommand::Hold {
                job_id,
                recording_id,
                audio_ms,
                translated,
            } => vec![UsageEvent::SpeechHeld {
                job_id,
                recording_id,
                audio_ms,
                translated,
            }],
            UsageCommand::Meter {
                job_id,
                audio_ms,
                translated,
                at,
            } => vec![UsageEvent::SpeechMetered {
                job_id,
                audio_ms,
                translated,
                at,
            }],
            UsageCommand::Release { job_id } if self.held.contains_key(&job_id) => {
                vec![UsageEvent::SpeechReleased { job_id }]
            }
            UsageCommand::Release { .. } => vec![],
        })
    }

    fn evolve(&mut self, event: UsageEvent) {
        match event {
            UsageEvent::StorageTaken { bytes, .. } => {
                self.storage_bytes = self.storage_bytes.saturating_add(bytes);
            }
            UsageEvent::StorageFreed { bytes, .. } => {
                self.storage_bytes = self.storage_bytes.saturating_sub(bytes);
            }
            UsageEvent::SpeechHeld {
                job_id,
                recording_id,
                audio_ms,
                translated,
            } => {
                let held = Held {
                    recording_id,
                    audio_ms,
                    translated,
                };
                self.held.insert(job_id, held);
            }
            UsageEvent::SpeechMetered {
                job_id,
                audio_ms,
                translated,
                at,
            } => {
                self.held.remove(&job_id);
                let month = self.months.entry(Period::of(at)).or_default();
                month.add(audio_ms, translated);
                self.count(at, audio_ms);
            }
            UsageEvent::SpeechReleased { job_id } => {
                self.held.remove(&job_id);
            }
        }
    }

    fn count(&mut self, at: DateTime<Utc>, audio_ms: u64) {
        let heard = self.minutes.entry(minute_of(at)).or_default();
        *heard = heard.saturating_add(audio_ms);
        let first = minute_of(at - DAY);
        self.minutes.retain(|minute, _| *minute >= first);
    }
}

fn minute_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(MINUTE_SECONDS)
}

#[cfg(test)]
mod tests;
