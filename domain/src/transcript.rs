//! A transcript: what was said, when. Shared by the worker that makes it and the API that shows it.

mod formats;

use serde::{Deserialize, Serialize};

pub use formats::{TranscriptFormat, UnknownTranscriptFormat};

/// A stretch of speech. Times are whole milliseconds from the start of the recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Counts from 0 in the order of time.
    pub index: u32,
    pub start_ms: u64,
    pub end_ms: u64,
    /// Trimmed text.
    pub text: String,
}

/// The whole result of a job, stored as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// Whisper's language code.
    pub language: String,
    pub duration_ms: u64,
    /// The segments' text, joined.
    pub text: String,
    pub segments: Vec<Segment>,
}
