//! A job: one transcription of one recording, from the queue to the transcript.
//!
//! Progress is not a fact of the business and never comes here. Reports that arrive twice or late change
//! nothing: the worker and the broker may repeat themselves.

use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::ids::{RecordingId, ResellerId, TenantId, UserId, WorkflowId};
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Job {
    state: JobState,
    request: Option<JobRequest>,
    attempt: u32,
    delivery: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    #[default]
    Unknown,
    Queued,
    Dispatched,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl JobState {
    pub fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
            Self::Unknown | Self::Queued | Self::Dispatched | Self::Running => false,
        }
    }
}

/// What is to be done, for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequest {
    pub reseller_id: ResellerId,
    pub tenant_id: TenantId,
    pub submitted_by: UserId,
    pub recording_id: RecordingId,
    /// Where the recording's bytes are.
    pub audio_key: String,
    pub model: String,
    /// Whisper's language code; `None` lets the model detect it.
    pub language: Option<String>,
    pub task: SpeechTask,
    /// Jobs of the tenant that may run at one time, by the tier that decided.
    pub concurrent_jobs_max: u32,
    /// The workflow that the job runs, if it runs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowVersion>,
}

/// One version of one workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowVersion {
    pub workflow_id: WorkflowId,
    pub version: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SpeechTask {
    Transcribe,
    Translate,
}

impl TryFrom<String> for SpeechTask {
    type Error = strum::ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobResult {
    /// Where the transcript's JSON is.
    pub object_key: String,
    /// SHA-256 of the stored transcript, lower-case hex.
    pub sha256: String,
    pub language: String,
    pub audio_ms: u64,
    pub segments: u32,
    /// SHA-256 of the model's weights, lower-case hex.
    pub model_sha256: String,
    /// Arithmetic used, for example `cpu f32`.
    pub compute: String,
}

#[derive(Clone, Debug)]
pub enum JobCommand {
    /// What the tier allows has been asked before.
    Submit {
        request: JobRequest,
        installed_models: Vec<String>,
    },
    /// Handed to the broker for the given time, counted from 1.
    Dispatch {
        attempt: u32,
    },
    Start {
        attempt: u32,
        delivery: u32,
        worker: String,
        device: String,
    },
    Succeed {
        attempt: u32,
        result: JobResult,
    },
    Fail {
        attempt: u32,
        code: String,
        message: String,
    },
    Cancel,
}

/// Facts about a job. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum JobEvent {
    JobQueued(JobRequest),
    JobDispatched {
        attempt: u32,
    },
    JobStarted {
        attempt: u32,
        delivery: u32,
        worker: String,
        device: String,
    },
    JobSucceeded {
        attempt: u32,
        result: JobResult,
    },
    JobFailed {
        attempt: u32,
        code: String,
        message: String,
    },
    JobCancelled,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum JobError {
    #[error("there is no such job")]
    JobNotFound,
    #[error("this job is queued already")]
    JobAlreadyQueued,
    #[error("the model {model:?} is not installed here: {}", text::choice(installed))]
    ModelNotInstalled { model: String, installed: Vec<String> },
    #[error("a language is a code of 2 or 3 lower-case letters such as en; leave it out to have it detected")]
    InvalidLanguage,
    #[error("the job has ended already: submit a new one")]
    JobEnded,
}

impl Refusal for JobError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::JobNotFound => RefusalKind::NotFound,
            Self::JobAlreadyQueued | Self::ModelNotInstalled { .. } | Self::JobEnded => RefusalKind::Conflict,
            Self::InvalidLanguage => RefusalKind::Invalid,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::ModelNotInstalled {
                installed: allowed, ..
            } => Facts {
                allowed: allowed.clone(),
                ..Facts::default()
            },
            Self::JobNotFound | Self::JobAlreadyQueued | Self::InvalidLanguage | Self::JobEnded => {
                Facts::default()
            }
        }
    }
}

aggregate!(Job, "job", JobCommand, JobEvent, JobError);

impl JobEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::JobQueued(_)
            | Self::JobDispatched { .. }
            | Self::JobStarted { .. }
            | Self::JobSucceeded { .. }
            | Self::JobFailed { .. }
            | Self::JobCancelled => "1",
        }
    }
}

impl Job {
    pub fn state(&self) -> JobState {
        self.state
    }

    pub fn request(&self) -> Option<&JobRequest> {
        self.request.as_ref()
    }

    /// How often the job was handed out.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    fn decide(&self, command: JobCommand) -> Result<Vec<JobEvent>, JobError> {
        if let JobCommand::Submit {
            request,
            installed_models,
        } = command
        {
            return self.submit(request, installed_models);
        }
        if self.state == JobState::Unknown {
            return Err(JobError::JobNotFound);
        }
        if self.state.is_final() {
            return match command {
                JobCommand::Cancel => Err(JobError::JobEnded),
                JobCommand::Submit { .. }
                | JobCommand::Dispatch { .. }
                | JobCommand::Start { .. }
                | JobCommand::Succeed { .. }
                | JobCommand::Fail { .. } => Ok(vec![]),
            };
        }
        Ok(match command {
            JobCommand::Dispatch { attempt } if attempt > self.attempt => {
                vec![JobEvent::JobDispatched { attempt }]
            }
            JobCommand::Start {
                attempt,
                delivery,
                worker,
                device,
            } if (attempt, delivery) > (self.attempt, self.delivery)
                || (attempt == self.attempt && self.state != JobState::Running) =>
            {
                vec![JobEvent::JobStarted {
                    attempt,
                    delivery,
                    worker,
                    device,
                }]
            }
            JobCommand::Succeed { attempt, result } => vec![JobEvent::JobSucceeded { attempt, result }],
            JobCommand::Fail {
                attempt,
                code,
                message,
            } if attempt >= self.attempt => vec![JobEvent::JobFailed {
                attempt,
                code,
                message,
            }],
            JobCommand::Cancel => vec![JobEvent::JobCancelled],
            // What an attempt before the present one failed at does not matter; its result would.
            JobCommand::Fail { .. }
            | JobCommand::Submit { .. }
            | JobCommand::Dispatch { .. }
            | JobCommand::Start { .. } => vec![],
        })
    }

    fn submit(&self, request: JobRequest, installed: Vec<String>) -> Result<Vec<JobEvent>, JobError> {
        if self.state != JobState::Unknown {
            return Err(JobError::JobAlreadyQueued);
        }
        if !installed.contains(&request.model) {
            let model = request.model;
            return Err(JobError::ModelNotInstalled { model, installed });
        }
        let language_fits = request.language.as_deref().is_none_or(|language| {
            (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase())
        });
        if !language_fits {
            return Err(JobError::InvalidLanguage);
        }
        Ok(vec![JobEvent::JobQueued(request)])
    }

    fn evolve(&mut self, event: JobEvent) {
        match event {
            JobEvent::JobQueued(request) => {
                self.state = JobState::Queued;
                self.request = Some(request);
            }
            JobEvent::JobDispatched { attempt } => {
                self.state = JobState::Dispatched;
                self.attempt = attempt;
                self.delivery = 0;
            }
            JobEvent::JobStarted {
                attempt, delivery, ..
            } => {
                self.state = JobState::Running;
                self.attempt = attempt;
                self.delivery = delivery;
            }
            JobEvent::JobSucceeded { .. } => self.state = JobState::Succeeded,
            JobEvent::JobFailed { .. } => self.state = JobState::Failed,
            JobEvent::JobCancelled => self.state = JobState::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests;
