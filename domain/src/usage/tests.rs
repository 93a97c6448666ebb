//! Bytes and speech: what is set aside, metered and free again.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn given(events: Vec<UsageEvent>) -> AggregateTestExecutor<Usage> {
    TestFramework::with(()).given(events)
}

fn folded(events: impl IntoIterator<Item = UsageEvent>) -> Usage {
    let mut usage = Usage::default();
    for event in events {
        usage.evolve(event);
    }
    usage
}

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-{text}Z").parse().unwrap()
}

fn job(number: u128) -> JobId {
    JobId(Uuid::from_u128(number))
}

fn recording(number: u128) -> RecordingId {
    RecordingId(Uuid::from_u128(number))
}

fn held(number: u128, audio_ms: u64) -> UsageEvent {
    UsageEvent::SpeechHeld {
        job_id: job(number),
        recording_id: recording(number),
        audio_ms,
        translated: false,
    }
}

fn metered(number: u128, audio_ms: u64, when: &str) -> UsageEvent {
    UsageEvent::SpeechMetered {
        job_id: job(number),
        audio_ms,
        translated: false,
        at: at(when),
    }
}

#[test]
fn bytes_are_taken_and_freed() {
    let (recording_id, bytes) = (recording(1), 1_000);
    let taken = UsageEvent::StorageTaken { recording_id, bytes };
    given(vec![])
        .when(UsageCommand::Store { recording_id, bytes })
        .then_expect_events(vec![taken.clone()]);
    let freed = UsageEvent::StorageFreed { recording_id, bytes };
    given(vec![taken.clone()])
        .when(UsageCommand::Free { recording_id, bytes })
        .then_expect_events(vec![freed.clone()]);
    assert_eq!(folded([taken.clone()]).storage_bytes(), 1_000);
    assert_eq!(folded([taken, freed]).storage_bytes(), 0);
}

#[test]
fn a_recording_stays_while_a_job_works_on_it() {
    let free = || UsageCommand::Free {
        recording_id: recording(1),
        bytes: 1,
    };
    let refusal = UsageError::RecordingInUse { jobs: 1 };
    assert_eq!(
        (refusal.code(), refusal.kind(), refusal.facts()),
        ("RECORDING_IN_USE", RefusalKind::Conflict, Facts::default())
    );
    given(vec![held(1, 5)]).when(free()).then_expect_error(refusal);
    let ended = UsageEvent::SpeechReleased { job_id: job(1) };
    given(vec![held(1, 5), ended])
        .when(free())
        .then_expect_events(vec![UsageEvent::StorageFreed {
            recording_id: recording(1),
            bytes: 1,
        }]);
}

#[test]
fn what_is_set_aside_counts_until_the_job_ends() {
    let usage = folded([held(1, 60_000)]);
    assert_eq!(usage.of_month(at("21T12:00:00")).audio_ms, 60_000);
    assert_eq!(usage.of_day(at("21T12:00:00")), 60_000);
    let released = UsageEvent::SpeechReleased { job_id: job(1) };
    given(vec![held(1, 60_000)])
        .when(UsageCommand::Release { job_id: job(1) })
        .then_expect_events(vec![released.clone()]);
    given(vec![held(1, 60_000), released.clone()])
        .when(UsageCommand::Release { job_id: job(1) })
        .then_expect_events(vec![]);
    let usage = folded([held(1, 60_000), released]);
    assert_eq!(usage.of_month(at("21T12:00:00")), Speech::default());
}

#[test]
fn a_job_is_metered_with_what_was_heard() {
    let usage = folded([held(1, 60_000), metered(1, 59_000, "21T12:00:30")]);
    assert_eq!(usage.of_month(at("21T12:01:00")).audio_ms, 59_000);
    assert_eq!(
        usage.of_month("2026-12-01T00:00:00Z".parse().unwrap()).audio_ms,
        0
    );
}

#[test]
fn speech_counts_for_a_day_and_frees_in_its_order() {
    let usage = folded([
        metered(1, 60_000, "20T14:02:10"),
        metered(2, 30_000, "20T18:00:00"),
    ]);
    let noon = at("21T12:00:00");
    assert_eq!(usage.of_day(noon), 90_000);
    assert_eq!(usage.day_frees(noon, 1), Some(at("21T14:03:00")));
    assert_eq!(usage.day_frees(noon, 60_001), Some(at("21T18:01:00")));
    assert_eq!(usage.day_frees(noon, 90_001), None);
    assert_eq!(usage.of_day(at("21T14:02:59")), 90_000);
    assert_eq!(usage.of_day(at("21T14:03:00")), 30_000);
}

proptest! {
    /// Whatever jobs do, what counts is what was metered within the day and what is set aside.
    #[test]
    fn the_day_is_the_sum_of_its_jobs(
        jobs in prop::collection::vec((0_i64..3_000, 1_u64..100_000, any::<bool>()), 0..60),
    ) {
        let start = at("01T00:00:00");
        let mut jobs = jobs;
        jobs.sort_by_key(|(minute, ..)| *minute);
        let mut usage = Usage::default();
        let mut now = start;
        for (number, (minute, audio_ms, done)) in (0..).zip(&jobs) {
            now = start + TimeDelta::minutes(*minute);
            usage.evolve(held(number, *audio_ms));
            if *done {
                usage.evolve(UsageEvent::SpeechMetered {
                    job_id: job(number), audio_ms: *audio_ms, translated: true, at: now,
                });
            }
        }
        let counts = |minute: &i64| start + TimeDelta::minutes(*minute) >= now - DAY;
        let expected: u64 = jobs
            .iter()
            .filter(|(minute, _, done)| !done || counts(minute))
            .map(|(_, audio_ms, _)| audio_ms)
            .sum();
        prop_assert_eq!(usage.of_day(now), expected);
        let json = serde_json::to_string(&usage).unwrap();
        prop_assert_eq!(serde_json::from_str::<Usage>(&json).unwrap(), usage);
    }
}
