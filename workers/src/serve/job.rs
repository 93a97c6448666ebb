//! One job: fetch, decode, transcribe, store, report.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use audio::{AudioError, Limits};
use domain::job::SpeechTask;
use domain::transcript::{Segment, Transcript};
use platform::broker::{BrokerError, Outcome};
use platform::messages::{
    JobFailedV1, JobProgressedV1, JobStartedV1, JobSucceededV1, Report, Stage, TranscriptionRequestedV1,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::Worker;
use super::links::LinkError;
use super::models::Models;
use super::reporter::Reporter;
use crate::whisper::provenance::{Provenance, device_name};
use crate::whisper::tokenizer::Task;
use crate::whisper::{Progress, TranscribeOptions, WhisperError, best_device};

/// Percent of the job at which each stage begins; transcribing takes nearly all of the time.
const DECODE_PERCENT: u8 = 2;
const TRANSCRIBE_PERCENT: u8 = 5;
const STORE_PERCENT: u8 = 97;
/// Windows that may wait for the broker before the transcription waits too.
const PROGRESS_WAITING_MAX: usize = 16;

/// How a job did not succeed.
#[derive(Debug)]
enum Setback {
    /// For good; the customer is told.
    Failed(JobFailedV1),
    /// For now: the message is to come again.
    Later(String),
    /// Nobody waits for it any more.
    Dropped,
}

/// What came out of the inference.
struct Heard {
    transcript: Transcript,
    made_by: Provenance,
}

/// As it is stored: the transcript, and what made it.
#[derive(Serialize)]
struct Stored<'a> {
    #[serde(flatten)]
    transcript: &'a Transcript,
    made_by: &'a Provenance,
}

/// Does one job and tells what is to become of its message.
pub async fn handle(worker: &Worker, request: TranscriptionRequestedV1, delivery: u32) -> Outcome {
    let span = tracing::info_span!("job", job_id = %request.job_id, attempt = request.attempt, delivery);
    async {
        tracing::info!(model = request.model, "job taken");
        let mut reporter = Reporter::new(worker.publisher.clone(), &request, delivery);
        let report = match attempt(worker, &request, &mut reporter).await {
            Ok(succeeded) => Report::JobSucceededV1(succeeded),
            Err(Setback::Failed(failed)) => {
                tracing::warn!(code = failed.code, message = failed.message, "job failed");
                Report::JobFailedV1(failed)
            }
            Err(Setback::Later(reason)) => {
                tracing::warn!(reason, "job given back to the broker");
                return Outcome::Requeue;
            }
            Err(Setback::Dropped) => {
                tracing::info!("job dropped: it has ended elsewhere");
                return Outcome::Done;
            }
        };
        match reporter.fact(report, &worker.stop).await {
            Ok(()) => {
                tracing::info!("job done");
                Outcome::Done
            }
            Err(error) => {
                tracing::warn!(%error, "the outcome was not confirmed; job given back to the broker");
                Outcome::Requeue
            }
        }
    }
    .instrument(span)
    .await
}

async fn attempt(
    worker: &Worker,
    request: &TranscriptionRequestedV1,
    reporter: &mut Reporter,
) -> Result<JobSucceededV1, Setback> {
    let stop = &worker.stop;
    let started = JobStartedV1 {
        worker: worker.name.clone(),
        device: device_name(best_device()),
    };
    reporter.fact(Report::JobStartedV1(started), stop).await?;
    reporter.stage(Stage::Fetch, 0, 0, 0).await;
    let file = worker.links.fetch(&request.audio_url, stop).await?;

    reporter.stage(Stage::Decode, DECODE_PERCENT, 0, 0).await;
    let (told, mut windows) = mpsc::channel(PROGRESS_WAITING_MAX);
    let inference = {
        let (models, request, stop) = (Arc::clone(&worker.models), request.clone(), stop.clone());
        let path = file.path().to_owned();
        tokio::task::spawn_blocking(move || hear(&models, &path, &request, &told, &stop))
    };
    while let Some(progress) = windows.recv().await {
        reporter.progress(progress).await;
    }
    // A panic in a decoder or in libtorch fails the job, not the worker.
    let heard = inference.await.map_err(|_| crashed())??;

    let transcript = &heard.transcript;
    reporter
        .stage(
            Stage::Store,
            STORE_PERCENT,
            transcript.duration_ms,
            transcript.duration_ms,
        )
        .await;
    let stored = Stored {
        transcript,
        made_by: &heard.made_by,
    };
    let json = serde_json::to_vec(&stored).map_err(|error| Setback::Later(error.to_string()))?;
    worker.links.store(&request.result_url, &json, stop).await?;
    Ok(JobSucceededV1 {
        result_sha256: hex::encode(Sha256::digest(&json)),
        result_bytes: u64::try_from(json.len()).unwrap_or(u64::MAX),
        language: transcript.language.clone(),
        audio_ms: transcript.duration_ms,
        segments: u32::try_from(transcript.segments.len()).unwrap_or(u32::MAX),
        model_sha256: heard.made_by.model.weights_sha256.clone(),
        compute: format!("{} {}", heard.made_by.device, heard.made_by.precision),
    })
}

/// The part that needs the processor; runs on a thread of its own. Ends early when `stop` is cancelled.
fn hear(
    models: &Mutex<Models>,
    audio: &Path,
    request: &TranscriptionRequestedV1,
    told: &mpsc::Sender<JobProgressedV1>,
    stop: &CancellationToken,
) -> Result<Heard, Setback> {
    let samples = audio::decode_mono_16k(audio, Limits::default())?;
    // A job that crashed leaves the models as they were before it.
    let mut models = models.lock().unwrap_or_else(PoisonError::into_inner);
    let whisper = models.get(&request.model)?;
    let options = TranscribeOptions {
        language: request.language.clone(),
        task: match request.task {
            SpeechTask::Transcribe => Task::Transcribe,
            SpeechTask::Translate => Task::Translate,
        },
        ..TranscribeOptions::default()
    };
    let mut known = 0_u32;
    let transcription = whisper.transcribe(&samples, &options, |progress| {
        let progress = window(progress, &mut known);
        if stop.is_cancelled() || told.blocking_send(progress).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(Heard {
        transcript: transcription.to_domain(),
        made_by: transcription.made_by,
    })
}

/// A window as it is reported; `known` counts the segments reported so far.
fn window(progress: &Progress<'_>, known: &mut u32) -> JobProgressedV1 {
    let mut segments: Vec<Segment> = Vec::new();
    for segment in progress.segments {
        if let Some(segment) = segment.to_domain(*known) {
            *known += 1;
            segments.push(segment);
        }
    }
    let width = u64::from(STORE_PERCENT - TRANSCRIBE_PERCENT);
    let share = (progress.audio_done_ms * width)
        .checked_div(progress.audio_total_ms)
        .unwrap_or(0);
    JobProgressedV1 {
        stage: Stage::Transcribe,
        percent: TRANSCRIBE_PERCENT + u8::try_from(share).unwrap_or(0),
        audio_done_ms: progress.audio_done_ms,
        audio_total_ms: progress.audio_total_ms,
        segments,
    }
}

fn failed(code: &str, message: impl ToString, retryable: bool) -> Setback {
    Setback::Failed(JobFailedV1 {
        code: code.to_owned(),
        message: message.to_string(),
        retryable,
    })
}

fn crashed() -> Setback {
    failed(
        "WORKER_CRASHED",
        "the recording made the transcription crash; convert it to WAV and try again",
        false,
    )
}

impl From<BrokerError> for Setback {
    fn from(error: BrokerError) -> Self {
        Self::Later(error.to_string())
    }
}

impl From<LinkError> for Setback {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::JobEnded => Self::Dropped,
            LinkError::Refused(_) => failed("LINK_REFUSED", error, true),
            LinkError::TooLarge(_) => failed("AUDIO_TOO_LARGE", error, false),
            LinkError::Away(_) | LinkError::Failing(_) | LinkError::Disk(_) => Self::Later(error.to_string()),
        }
    }
}

impl From<AudioError> for Setback {
    fn from(error: AudioError) -> Self {
        if error.is_transient() {
            Self::Later(error.to_string())
        } else {
            failed(error.code(), &error, false)
        }
    }
}

impl From<WhisperError> for Setback {
    fn from(error: WhisperError) -> Self {
        match &error {
            WhisperError::Stopped | WhisperError::ModelReadFailed(_) => Self::Later(error.to_string()),
            WhisperError::Inference(_) => failed(error.code(), &error, true),
            // The folder's path is the operator's affair.
            WhisperError::ModelUnknown { .. } => {
                tracing::error!(%error);
                failed(
                    error.code(),
                    "the worker does not have this model: choose another one",
                    false,
                )
            }
            WhisperError::ModelIncomplete { .. } | WhisperError::ModelUnusable { .. } => {
                tracing::error!(%error);
                failed(
                    error.code(),
                    "this model is damaged on the worker: choose another one or ask for its repair",
                    false,
                )
            }
            WhisperError::LanguageUnknown { .. }
            | WhisperError::ModelEnglishOnly { .. }
            | WhisperError::PromptUnusable { .. }
            | WhisperError::OptionUnusable { .. } => failed(error.code(), &error, false),
        }
    }
}
