//! A job from the queue to the transcript: what the tier allows, and reports that arrive twice or late.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;

fn given(events: Vec<JobEvent>) -> AggregateTestExecutor<Job> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<JobEvent>, command: JobCommand, error: JobError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

#[track_caller]
fn ignored(past: Vec<JobEvent>, command: JobCommand) {
    given(past).when(command).then_expect_events(vec![]);
}

/// A new refusal does not compile until its code, kind and allowed values stand here.
#[track_caller]
fn assert_told(error: &JobError) {
    let (code, kind, allowed) = match error {
        JobError::JobNotFound => ("JOB_NOT_FOUND", RefusalKind::NotFound, vec![]),
        JobError::JobAlreadyQueued => ("JOB_ALREADY_QUEUED", RefusalKind::Conflict, vec![]),
        JobError::ModelNotInstalled { installed, .. } => {
            ("MODEL_NOT_INSTALLED", RefusalKind::Conflict, installed.clone())
        }
        JobError::InvalidLanguage => ("INVALID_LANGUAGE", RefusalKind::Invalid, vec![]),
        JobError::JobEnded => ("JOB_ENDED", RefusalKind::Conflict, vec![]),
    };
    let facts = Facts {
        allowed,
        ..Facts::default()
    };
    assert_eq!((error.code(), error.kind(), error.facts()), (code, kind, facts));
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn request(model: &str, task: SpeechTask, language: Option<&str>) -> JobRequest {
    JobRequest {
        reseller_id: ResellerId(Uuid::from_u128(1)),
        tenant_id: TenantId(Uuid::from_u128(2)),
        submitted_by: UserId(Uuid::from_u128(3)),
        recording_id: RecordingId(Uuid::from_u128(4)),
        audio_key: "tenants/2/recordings/4".to_owned(),
        model: model.to_owned(),
        language: language.map(str::to_owned),
        task,
        concurrent_jobs_max: 2,
        workflow: None,
    }
}

fn submit(request: JobRequest) -> JobCommand {
    JobCommand::Submit {
        request,
        installed_models: owned(&["tiny", "small"]),
    }
}

fn plain_request() -> JobRequest {
    request("tiny", SpeechTask::Transcribe, None)
}

fn queued() -> JobEvent {
    JobEvent::JobQueued(plain_request())
}

fn dispatched(attempt: u32) -> JobEvent {
    JobEvent::JobDispatched { attempt }
}

fn start(attempt: u32, delivery: u32) -> JobCommand {
    JobCommand::Start {
        attempt,
        delivery,
        worker: "worker-1".to_owned(),
        device: "cpu".to_owned(),
    }
}

fn started(attempt: u32, delivery: u32) -> JobEvent {
    JobEvent::JobStarted {
        attempt,
        delivery,
        worker: "worker-1".to_owned(),
        device: "cpu".to_owned(),
    }
}

fn result() -> JobResult {
    JobResult {
        object_key: "tenants/2/transcripts/5.json".to_owned(),
        sha256: "cd".repeat(32),
        language: "en".to_owned(),
        audio_ms: 10_000,
        segments: 3,
        model_sha256: "ef".repeat(32),
        compute: "cpu f32".to_owned(),
    }
}

fn succeed(attempt: u32) -> JobCommand {
    JobCommand::Succeed {
        attempt,
        result: result(),
    }
}

fn succeeded(attempt: u32) -> JobEvent {
    JobEvent::JobSucceeded {
        attempt,
        result: result(),
    }
}

fn fail(attempt: u32) -> JobCommand {
    JobCommand::Fail {
        attempt,
        code: "NOT_AUDIO".to_owned(),
        message: "no sound in the file".to_owned(),
    }
}

fn failed(attempt: u32) -> JobEvent {
    JobEvent::JobFailed {
        attempt,
        code: "NOT_AUDIO".to_owned(),
        message: "no sound in the file".to_owned(),
    }
}

/// Each way in which a job ends, as its history.
fn ended() -> [Vec<JobEvent>; 3] {
    [succeeded(1), failed(1), JobEvent::JobCancelled]
        .map(|end| vec![queued(), dispatched(1), started(1, 1), end])
}

#[test]
fn a_job_is_queued() {
    let task = SpeechTask::Translate;
    for request in [
        plain_request(),
        request("small", task, Some("de")),
        request("small", task, Some("yue")),
    ] {
        given(vec![])
            .when(submit(request.clone()))
            .then_expect_events(vec![JobEvent::JobQueued(request)]);
    }
}

#[test]
fn a_job_is_queued_only_once() {
    refused(
        vec![queued()],
        submit(plain_request()),
        JobError::JobAlreadyQueued,
    );
    for past in ended() {
        refused(past, submit(plain_request()), JobError::JobAlreadyQueued);
    }
}

#[test]
fn a_model_that_is_not_installed_is_refused_with_those_that_are() {
    let error = JobError::ModelNotInstalled {
        model: "large-v3".to_owned(),
        installed: owned(&["tiny", "small"]),
    };
    assert_eq!(
        error.to_string(),
        "the model \"large-v3\" is not installed here: choose one of tiny, small"
    );
    refused(
        vec![],
        submit(request("large-v3", SpeechTask::Transcribe, None)),
        error,
    );
}

#[test]
fn a_language_is_a_short_code() {
    for language in ["", "e", "EN", "english", "d3", "ü"] {
        let request = request("tiny", SpeechTask::Transcribe, Some(language));
        refused(vec![], submit(request), JobError::InvalidLanguage);
    }
}

#[test]
fn an_unknown_job_takes_no_reports() {
    for command in [
        JobCommand::Dispatch { attempt: 1 },
        start(1, 1),
        succeed(1),
        fail(1),
        JobCommand::Cancel,
    ] {
        refused(vec![], command, JobError::JobNotFound);
    }
}

#[test]
fn a_queued_job_is_dispatched() {
    given(vec![queued()])
        .when(JobCommand::Dispatch { attempt: 1 })
        .then_expect_events(vec![dispatched(1)]);
}

#[test]
fn a_job_is_dispatched_again_when_the_first_attempt_was_lost() {
    for past in [
        vec![queued(), dispatched(1)],
        vec![queued(), dispatched(1), started(1, 1)],
    ] {
        given(past)
            .when(JobCommand::Dispatch { attempt: 2 })
            .then_expect_events(vec![dispatched(2)]);
    }
}

#[test]
fn a_dispatch_that_is_repeated_or_late_changes_nothing() {
    let past = vec![queued(), dispatched(1), dispatched(2)];
    ignored(past.clone(), JobCommand::Dispatch { attempt: 2 });
    ignored(past, JobCommand::Dispatch { attempt: 1 });
}

#[test]
fn a_dispatched_job_is_started() {
    given(vec![queued(), dispatched(1)])
        .when(start(1, 1))
        .then_expect_events(vec![started(1, 1)]);
}

#[test]
fn a_job_may_start_before_its_dispatch_is_written_down() {
    given(vec![queued()])
        .when(start(1, 1))
        .then_expect_events(vec![started(1, 1)]);
    ignored(vec![queued(), started(1, 1)], JobCommand::Dispatch { attempt: 1 });
}

#[test]
fn a_job_whose_worker_died_is_started_by_another() {
    let past = vec![queued(), dispatched(1), started(1, 1)];
    given(past)
        .when(start(1, 2))
        .then_expect_events(vec![started(1, 2)]);
}

#[test]
fn a_start_that_is_repeated_or_late_changes_nothing() {
    let past = vec![queued(), dispatched(1), started(1, 1), started(1, 2)];
    ignored(past.clone(), start(1, 2));
    ignored(past, start(1, 1));
}

#[test]
fn a_late_start_of_an_attempt_that_was_given_up_changes_nothing() {
    ignored(vec![queued(), dispatched(1), dispatched(2)], start(1, 1));
    ignored(
        vec![queued(), dispatched(1), dispatched(2), started(2, 1)],
        start(1, 5),
    );
}

#[test]
fn a_running_job_succeeds_with_its_result() {
    given(vec![queued(), dispatched(1), started(1, 1)])
        .when(succeed(1))
        .then_expect_events(vec![succeeded(1)]);
}

#[test]
fn a_running_job_fails_for_a_reason() {
    given(vec![queued(), dispatched(1), started(1, 1)])
        .when(fail(1))
        .then_expect_events(vec![failed(1)]);
}

#[test]
fn a_job_can_be_cancelled_until_it_ends() {
    let past = [queued(), dispatched(1), started(1, 1)];
    for length in 1..=past.len() {
        given(past[..length].to_vec())
            .when(JobCommand::Cancel)
            .then_expect_events(vec![JobEvent::JobCancelled]);
    }
    for past in ended() {
        refused(past, JobCommand::Cancel, JobError::JobEnded);
    }
}

#[test]
fn a_job_that_has_ended_keeps_its_one_outcome() {
    for past in ended() {
        for command in [
            JobCommand::Dispatch { attempt: 2 },
            start(1, 2),
            succeed(1),
            fail(1),
        ] {
            ignored(past.clone(), command);
        }
    }
}

#[test]
fn a_job_knows_its_state_its_request_and_its_attempt() {
    let mut job = Job::default();
    assert_eq!(
        (job.state(), job.request(), job.attempt()),
        (JobState::Unknown, None, 0)
    );
    let steps = [
        (queued(), JobState::Queued, 0),
        (dispatched(1), JobState::Dispatched, 1),
        (started(1, 1), JobState::Running, 1),
        (dispatched(2), JobState::Dispatched, 2),
        (started(2, 1), JobState::Running, 2),
        (succeeded(2), JobState::Succeeded, 2),
    ];
    for (event, state, attempt) in steps {
        job.evolve(event);
        assert_eq!((job.state(), job.attempt()), (state, attempt));
        assert_eq!(job.request(), Some(&plain_request()));
        assert_eq!(job.state().is_final(), state == JobState::Succeeded);
    }
    for (end, state) in [
        (failed(1), JobState::Failed),
        (JobEvent::JobCancelled, JobState::Cancelled),
    ] {
        job.evolve(end);
        assert_eq!(job.state(), state);
        assert!(state.is_final());
    }
}
