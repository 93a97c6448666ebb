//! What travels over RabbitMQ between the server and its workers.
//!
//! Every message is a tagged, versioned variant: `{"type": "TranscriptionRequestedV1", …}`. A released
//! variant never changes its shape; a new shape is a new variant beside the old one.

use chrono::{DateTime, Utc};
use domain::job::SpeechTask;
use domain::transcript::Segment;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Server → worker, on [`crate::broker::JOBS_QUEUE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum WorkMessage {
    TranscriptionRequestedV1(TranscriptionRequestedV1),
}

/// One attempt at one job. The links expire and open this job's audio and result only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TranscriptionRequestedV1 {
    pub job_id: Uuid,
    /// Counts the times that the server handed the job out, from 1.
    pub attempt: u32,
    /// Name of a model folder, for example `small`.
    pub model: String,
    /// Whisper's language code; `None` lets the model detect it.
    pub language: Option<String>,
    pub task: SpeechTask,
    /// GET gives the recording as it was uploaded.
    pub audio_url: String,
    /// PUT takes the transcript as JSON ([`domain::transcript::Transcript`]).
    pub result_url: String,
    pub links_expire_at: DateTime<Utc>,
}

/// Worker → server, on [`crate::broker::REPORTS_QUEUE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportMessage {
    pub job_id: Uuid,
    pub attempt: u32,
    /// Counts the broker's deliveries of this attempt, from 1: a killed worker's message is delivered again.
    pub delivery: u32,
    /// Counts the reports of this delivery, from 1; (attempt, delivery, number) orders all reports of a job.
    pub number: u32,
    pub report: Report,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Report {
    JobStartedV1(JobStartedV1),
    JobProgressedV1(JobProgressedV1),
    JobSucceededV1(JobSucceededV1),
    JobFailedV1(JobFailedV1),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobStartedV1 {
    /// Host name and process id of the worker.
    pub worker: String,
    /// `cpu` or `cuda:0`.
    pub device: String,
}

/// Where the worker is. Sent at least once per 30 s window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobProgressedV1 {
    pub stage: Stage,
    /// Of the whole job, 0 to 100.
    pub percent: u8,
    pub audio_done_ms: u64,
    pub audio_total_ms: u64,
    /// Segments found since the report before.
    pub segments: Vec<Segment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Stage {
    Fetch,
    Decode,
    Transcribe,
    Store,
}

/// The result has been stored at `result_url` before this is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobSucceededV1 {
    /// SHA-256 of the stored bytes, lower-case hex.
    pub result_sha256: String,
    pub result_bytes: u64,
    pub language: String,
    pub audio_ms: u64,
    pub segments: u32,
    /// SHA-256 of the model's weights, lower-case hex: proof of what made the text.
    pub model_sha256: String,
    /// Arithmetic used, for example `cpu f32`.
    pub compute: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobFailedV1 {
    /// SCREAMING_SNAKE reason, for example `AUDIO_UNREADABLE`, `MODEL_UNKNOWN`.
    pub code: String,
    /// What was wrong and what to do, for the customer.
    pub message: String,
    /// Whether another attempt could succeed.
    pub retryable: bool,
}
