//! A recording: an uploaded audio file whose bytes lie in the object store.

use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::{ResellerId, TenantId, UserId};
use crate::refusal::{Refusal, RefusalKind};
use crate::text;

/// Longest file name, in characters.
pub const FILE_NAME_CHARS_MAX: usize = 255;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recording {
    stored: Option<StoredRecording>,
    removed: bool,
}

/// Where the bytes are and what they hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRecording {
    pub reseller_id: ResellerId,
    pub tenant_id: TenantId,
    pub uploaded_by: UserId,
    pub name: String,
    pub object_key: String,
    pub bytes: u64,
    /// SHA-256 of the bytes, lower-case hex.
    pub sha256: String,
    /// `wav`, `mp3`, `flac`, `ogg` or `m4a`.
    pub format: String,
    pub duration_ms: u64,
}

#[derive(Clone, Debug)]
pub enum RecordingCommand {
    Store(StoredRecording),
    Remove,
}

/// Facts about a recording. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum RecordingEvent {
    RecordingStored(StoredRecording),
    /// Its bytes are gone; what was made of it stays.
    RecordingRemoved,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum RecordingError {
    #[error("there is no such recording: upload it first")]
    RecordingNotFound,
    #[error("this recording is stored already")]
    RecordingAlreadyStored,
    #[error("a file name has 1 to {FILE_NAME_CHARS_MAX} characters: give it as ?name=talk.wav")]
    InvalidFileName,
}

impl Refusal for RecordingError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::RecordingNotFound => RefusalKind::NotFound,
            Self::RecordingAlreadyStored => RefusalKind::Conflict,
            Self::InvalidFileName => RefusalKind::Invalid,
        }
    }
}

aggregate!(
    Recording,
    "recording",
    RecordingCommand,
    RecordingEvent,
    RecordingError
);

impl RecordingEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::RecordingStored(_) | Self::RecordingRemoved => "1",
        }
    }
}

impl Recording {
    /// `None` before it is stored and after it was removed.
    pub fn stored(&self) -> Option<&StoredRecording> {
        self.stored.as_ref().filter(|_| !self.removed)
    }

    fn decide(&self, command: RecordingCommand) -> Result<Vec<RecordingEvent>, RecordingError> {
        match command {
            RecordingCommand::Store(_) if self.stored.is_some() => {
                Err(RecordingError::RecordingAlreadyStored)
            }
            RecordingCommand::Store(recording) => {
                let name = checked_name(&recording.name)?;
                Ok(vec![RecordingEvent::RecordingStored(StoredRecording {
                    name,
                    ..recording
                })])
            }
            RecordingCommand::Remove if self.stored().is_none() => Err(RecordingError::RecordingNotFound),
            RecordingCommand::Remove => Ok(vec![RecordingEvent::RecordingRemoved]),
        }
    }

    fn evolve(&mut self, event: RecordingEvent) {
        match event {
            RecordingEvent::RecordingStored(stored) => self.stored = Some(stored),
            RecordingEvent::RecordingRemoved => self.removed = true,
        }
    }
}

/// A file name as it may be stored.
///
/// # Errors
/// It is empty, too long or holds control characters.
pub fn checked_name(name: &str) -> Result<String, RecordingError> {
    text::checked(name, FILE_NAME_CHARS_MAX).ok_or(RecordingError::InvalidFileName)
}

#[cfg(test)]
mod tests;
