//! The worker on a real broker, with a small server in the place of the product's: what it reports and stores,
//! and what becomes of jobs that cannot be done. Needs RabbitMQ (`AMQP_URL`, or the local one).

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod bench;
mod server;

use std::path::PathBuf;

use bench::Bench;
use domain::transcript::{Segment, Transcript};
use platform::messages::{Report, ReportMessage, Stage};
use server::Answer;
use sha2::{Digest, Sha256};

fn small() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("models/small")
}

fn recording(name: &str) -> Vec<u8> {
    std::fs::read(small().join("recordings").join(name)).unwrap()
}

fn failure(reports: &[ReportMessage]) -> (String, bool) {
    let Report::JobFailedV1(failed) = &reports.last().unwrap().report else {
        panic!("no failure: {reports:?}")
    };
    (failed.code.clone(), failed.retryable)
}

#[tokio::test]
async fn a_job_is_heard_stored_and_reported_in_order() {
    let bench = Bench::new().await;
    bench
        .server
        .serve("/audio", vec![Answer::Ok(recording("talk.wav"))]);
    let job = bench.submit("small", "/audio").await;
    let reports = bench.work_until_settled(job).await;

    let numbers: Vec<u32> = reports.iter().map(|message| message.number).collect();
    assert_eq!(
        numbers,
        (1..=u32::try_from(reports.len()).unwrap()).collect::<Vec<_>>()
    );
    assert!(
        reports
            .iter()
            .all(|message| (message.attempt, message.delivery) == (1, 1))
    );
    assert!(matches!(&reports[0].report, Report::JobStartedV1(started) if !started.worker.is_empty()));

    let mut stages = Vec::new();
    let mut segments: Vec<Segment> = Vec::new();
    let mut percent = 0;
    for message in &reports {
        if let Report::JobProgressedV1(progress) = &message.report {
            assert!(progress.percent >= percent && progress.percent < 100);
            percent = progress.percent;
            stages.push(progress.stage);
            segments.extend(progress.segments.clone());
        }
    }
    assert_eq!(
        stages,
        [Stage::Fetch, Stage::Decode, Stage::Transcribe, Stage::Store]
    );

    let stored = bench.server.stored("/result").unwrap();
    let transcript: Transcript = serde_json::from_slice(&stored).unwrap();
    assert_eq!(transcript.segments, segments);
    assert_eq!(
        transcript.text,
        "eleven turn today play start timer thirty minutes close the blue door six zero nine nine"
    );
    let Report::JobSucceededV1(succeeded) = &reports.last().unwrap().report else {
        panic!("{reports:?}")
    };
    assert_eq!(succeeded.result_sha256, hex::encode(Sha256::digest(&stored)));
    assert_eq!(succeeded.result_bytes, u64::try_from(stored.len()).unwrap());
    assert_eq!((succeeded.segments, succeeded.language.as_str()), (4, "en"));
    assert_eq!(succeeded.audio_ms, transcript.duration_ms);
    let weights = std::fs::read(small().join("model.safetensors")).unwrap();
    assert_eq!(succeeded.model_sha256, hex::encode(Sha256::digest(&weights)));
    bench.tidy().await;
}

#[tokio::test]
async fn a_job_that_can_never_be_done_fails_with_its_reason() {
    let bench = Bench::new().await;
    let whole = recording("speech-1.wav");
    bench.server.serve("/audio", vec![Answer::Ok(whole.clone())]);
    bench
        .server
        .serve("/cut-off", vec![Answer::Ok(whole[..40_000].to_vec())]);
    bench.server.serve("/empty", vec![Answer::Ok(Vec::new())]);
    bench
        .server
        .serve("/text", vec![Answer::Ok(b"Dear diary".to_vec())]);
    bench.server.serve("/refused", vec![Answer::Status(403)]);
    for (model, audio, code, retryable) in [
        ("large", "/audio", "MODEL_UNKNOWN", false),
        ("../models/small", "/audio", "MODEL_UNKNOWN", false),
        ("small", "/cut-off", "AUDIO_CUT_OFF", false),
        ("small", "/empty", "AUDIO_EMPTY", false),
        ("small", "/text", "AUDIO_NOT_RECOGNISED", false),
        ("small", "/refused", "LINK_REFUSED", true),
    ] {
        let job = bench.submit(model, audio).await;
        let reports = bench.work_until_settled(job).await;
        assert_eq!(failure(&reports), (code.to_owned(), retryable), "{model} {audio}");
        assert_eq!(bench.server.stored("/result"), None);
    }
    bench.tidy().await;
}

#[tokio::test]
async fn a_job_that_has_ended_is_dropped_and_the_next_one_done() {
    let bench = Bench::new().await;
    bench.server.serve("/ended", vec![Answer::Status(410)]);
    bench
        .server
        .serve("/audio", vec![Answer::Ok(recording("speech-3.wav"))]);
    let ended = bench.submit("small", "/ended").await;
    let job = bench.submit("small", "/audio").await;
    let reports = bench.work_until_settled(job).await;
    let outcome_of_ended = reports.iter().any(|message| {
        message.job_id == ended
            && matches!(message.report, Report::JobSucceededV1(_) | Report::JobFailedV1(_))
    });
    assert!(!outcome_of_ended);
    assert!(matches!(
        reports.last().unwrap().report,
        Report::JobSucceededV1(_)
    ));
    bench.tidy().await;
}

#[tokio::test]
async fn a_server_that_fails_for_a_moment_is_asked_again() {
    let bench = Bench::new().await;
    bench.server.serve(
        "/audio",
        vec![Answer::Status(503), Answer::Ok(recording("speech-3.wav"))],
    );
    let job = bench.submit("small", "/audio").await;
    let reports = bench.work_until_settled(job).await;
    assert!(matches!(
        reports.last().unwrap().report,
        Report::JobSucceededV1(_)
    ));
    bench.tidy().await;
}

#[tokio::test]
async fn a_worker_that_is_stopped_gives_its_job_back() {
    let bench = Bench::new().await;
    bench.server.serve("/audio", vec![Answer::Status(503)]);
    let job = bench.submit("small", "/audio").await;
    let first = bench
        .work_until(job, |message| matches!(message.report, Report::JobStartedV1(_)))
        .await;
    assert_eq!(first.last().unwrap().delivery, 1);

    bench
        .server
        .serve("/audio", vec![Answer::Ok(recording("speech-3.wav"))]);
    let second = bench.work_until_settled(job).await;
    assert!(matches!(second.last().unwrap().report, Report::JobSucceededV1(_)));
    // The broker may hand it out once more while the first worker closes its connection.
    assert!(second.last().unwrap().delivery >= 2);
    bench.tidy().await;
}
