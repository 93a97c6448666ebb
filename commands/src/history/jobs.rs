//! What customers do: record, and have it transcribed.

use chrono::TimeDelta;
use domain::ids::{RecordingId, ResellerId, TenantId};
use domain::job::{Job, JobCommand, JobEvent, JobRequest, JobResult, SpeechTask};
use domain::recording::{Recording, RecordingCommand, StoredRecording};
use rand::Rng;
use store::bulk::Bundle;
use store::unit_of_work::Owner;

use super::world::{Step, Stream, World};
use super::{HistoryError, names};

/// Of an mp3 with 128 kbit/s.
const BYTES_PER_MS: u64 = 16;
const MODEL: &str = "small";
const FAILING_PERCENT: u32 = 3;
const CANCELLED_PERCENT: u32 = 1;

/// A job that is not done yet.
pub(super) struct Running {
    job: Stream<Job>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    duration_ms: u64,
    next: Next,
}

#[derive(Clone, Copy)]
enum Next {
    Dispatch,
    Start,
    End,
}

impl World {
    pub(super) fn submit(&mut self, bundle: &mut Bundle, customer: usize) -> Result<(), HistoryError> {
        let Some(customer) = self.customers.get(customer) else {
            return Ok(());
        };
        let (tenant_id, user) = (customer.id, customer.user);
        let Some(reseller_id) = self.resellers.get(customer.reseller).map(|state| state.id) else {
            return Ok(());
        };
        let owner = Owner::tenant(reseller_id, tenant_id);
        let recording_id = RecordingId(self.new_id());
        let object_key = format!("recordings/{tenant_id}/{recording_id}");
        let duration_ms = self.rng.random_range(20_000..3_600_000);
        let stored = StoredRecording {
            reseller_id,
            tenant_id,
            uploaded_by: user,
            name: names::recording(&mut self.rng),
            object_key: object_key.clone(),
            bytes: duration_ms * BYTES_PER_MS,
            sha256: self.digest(),
            format: "mp3".to_owned(),
            duration_ms,
        };
        let behalf = self.behalf(owner, Some(user));
        let mut recording = Stream::<Recording>::new(recording_id.0);
        self.decide(bundle, &mut recording, behalf, RecordingCommand::Store(stored))?;
        let mut job = Stream::<Job>::new(self.new_id());
        let queued = JobEvent::JobQueued(JobRequest {
            reseller_id,
            tenant_id,
            submitted_by: user,
            recording_id,
            audio_key: object_key,
            model: MODEL.to_owned(),
            language: None,
            task: SpeechTask::Transcribe,
            concurrent_jobs_max: 5,
            workflow: None,
        });
        // What the tier allowed on that day is not asked: tiers of today would decide.
        let behalf = self.behalf(owner, Some(user));
        self.record::<Job>(bundle, &mut job, behalf, &queued)?;
        cqrs_es::Aggregate::apply(&mut job.state, queued);
        let running = Running {
            job,
            reseller_id,
            tenant_id,
            duration_ms,
            next: Next::Dispatch,
        };
        self.plan(TimeDelta::milliseconds(200), Step::Work(Box::new(running)));
        Ok(())
    }

    pub(super) fn work(&mut self, bundle: &mut Bundle, mut running: Running) -> Result<(), HistoryError> {
        let behalf = self.behalf(Owner::tenant(running.reseller_id, running.tenant_id), None);
        let (command, next) = match running.next {
            Next::Dispatch if self.percent(CANCELLED_PERCENT) => (JobCommand::Cancel, None),
            Next::Dispatch => (
                JobCommand::Dispatch { attempt: 1 },
                Some((Next::Start, TimeDelta::seconds(1))),
            ),
            Next::Start => {
                let worker = format!("worker-{}", self.rng.random_range(1..=4));
                let start = JobCommand::Start {
                    attempt: 1,
                    delivery: 1,
                    worker,
                    device: "cpu".to_owned(),
                };
                let tenth = i64::try_from(running.duration_ms / 10).unwrap_or_default();
                (start, Some((Next::End, TimeDelta::milliseconds(tenth))))
            }
            Next::End if self.percent(FAILING_PERCENT) => {
                let fail = JobCommand::Fail {
                    attempt: 1,
                    code: "NOT_AUDIO".to_owned(),
                    message: "the file holds no sound".to_owned(),
                };
                (fail, None)
            }
            Next::End => (self.success(&running), None),
        };
        self.decide(bundle, &mut running.job, behalf, command)?;
        if let Some((next, after)) = next {
            running.next = next;
            self.plan(after, Step::Work(Box::new(running)));
        }
        Ok(())
    }

    fn success(&mut self, running: &Running) -> JobCommand {
        JobCommand::Succeed {
            attempt: 1,
            result: JobResult {
                object_key: format!("transcripts/{}.json", running.job.id),
                sha256: self.digest(),
                language: "en".to_owned(),
                audio_ms: running.duration_ms,
                segments: u32::try_from(running.duration_ms / 5_000).unwrap_or(u32::MAX),
                model_sha256: hex::encode([7; 32]),
                compute: "cpu f32".to_owned(),
            },
        }
    }

    /// In place of the digest of bytes that there are not.
    fn digest(&mut self) -> String {
        hex::encode(self.rng.random::<[u8; 32]>())
    }
}
