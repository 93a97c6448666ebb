//! Uploads: stored once, under a name that can be shown.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;

fn given(events: Vec<RecordingEvent>) -> AggregateTestExecutor<Recording> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<RecordingEvent>, command: RecordingCommand, error: RecordingError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
fn assert_told(error: &RecordingError) {
    let told = match error {
        RecordingError::RecordingNotFound => ("RECORDING_NOT_FOUND", RefusalKind::NotFound),
        RecordingError::RecordingAlreadyStored => ("RECORDING_ALREADY_STORED", RefusalKind::Conflict),
        RecordingError::InvalidFileName => ("INVALID_FILE_NAME", RefusalKind::Invalid),
    };
    assert_eq!((error.code(), error.kind()), told);
}

fn talk(name: &str) -> StoredRecording {
    StoredRecording {
        reseller_id: ResellerId(Uuid::from_u128(1)),
        tenant_id: TenantId(Uuid::from_u128(2)),
        uploaded_by: UserId(Uuid::from_u128(3)),
        name: name.to_owned(),
        object_key: "tenants/2/recordings/4".to_owned(),
        bytes: 320_044,
        sha256: "ab".repeat(32),
        format: "wav".to_owned(),
        duration_ms: 10_000,
    }
}

fn store(name: &str) -> RecordingCommand {
    RecordingCommand::Store(talk(name))
}

fn stored(name: &str) -> RecordingEvent {
    RecordingEvent::RecordingStored(talk(name))
}

#[test]
fn a_recording_is_stored_under_its_trimmed_name() {
    given(vec![])
        .when(store(" talk.wav "))
        .then_expect_events(vec![stored("talk.wav")]);
}

#[test]
fn a_recording_is_stored_only_once() {
    refused(
        vec![stored("talk.wav")],
        store("talk.wav"),
        RecordingError::RecordingAlreadyStored,
    );
}

#[test]
fn a_file_needs_a_name_of_bounded_length() {
    let longest = "ü".repeat(FILE_NAME_CHARS_MAX);
    given(vec![])
        .when(store(&longest))
        .then_expect_events(vec![stored(&longest)]);
    for name in [
        "",
        " ",
        "talk\r\n.wav",
        "talk\0.wav",
        &"x".repeat(FILE_NAME_CHARS_MAX + 1),
    ] {
        refused(vec![], store(name), RecordingError::InvalidFileName);
        assert_eq!(checked_name(name), Err(RecordingError::InvalidFileName));
    }
}

#[test]
fn a_recording_knows_what_was_stored() {
    let mut recording = Recording::default();
    assert_eq!(recording.stored(), None);
    recording.evolve(stored("talk.wav"));
    assert_eq!(recording.stored(), Some(&talk("talk.wav")));
}

#[test]
fn a_recording_that_is_not_there_is_not_found() {
    assert_told(&RecordingError::RecordingNotFound);
    assert_eq!(
        RecordingError::RecordingNotFound.to_string(),
        "there is no such recording: upload it first"
    );
}

#[test]
fn a_removed_recording_is_not_found_and_not_stored_again() {
    let gone = || vec![stored("talk.wav"), RecordingEvent::RecordingRemoved];
    given(vec![stored("talk.wav")])
        .when(RecordingCommand::Remove)
        .then_expect_events(vec![RecordingEvent::RecordingRemoved]);
    for past in [vec![], gone()] {
        refused(past, RecordingCommand::Remove, RecordingError::RecordingNotFound);
    }
    refused(gone(), store("talk.wav"), RecordingError::RecordingAlreadyStored);
    let mut recording = Recording::default();
    for event in gone() {
        recording.evolve(event);
    }
    assert_eq!(recording.stored(), None);
}
