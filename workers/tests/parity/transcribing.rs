//! The loop over windows: segments, times, prompts and skips.

use std::ops::ControlFlow;

use serde_json::Value;
use workers::whisper::decoding::DecodeOptions;
use workers::whisper::fallback::Thresholds;
use workers::whisper::{Progress, TranscribeOptions, Whisper, WhisperError};

use super::cases::{assert_transcribed, options};
use super::{golden, samples, whisper};

/// As the reference was run: English, at most 24 tokens per window.
fn short(whisper: &Whisper, given: &Value) -> TranscribeOptions {
    let given = options(&whisper.tokenizer, given);
    TranscribeOptions {
        language: Some("en".to_owned()),
        decode: DecodeOptions {
            sample_len: Some(24),
            ..given.decode
        },
        ..given
    }
}

#[test]
fn every_transcription_has_the_reference_segments() {
    let whisper = whisper();
    let samples = samples();
    let golden = golden();
    let cases = golden["transcribe"].as_object().unwrap();
    assert_eq!(cases.len(), 8);
    for (name, case) in cases {
        let options = short(&whisper, &case["options"]);
        assert_transcribed(name, &whisper, &samples, &options, case);
    }
}

#[test]
fn progress_reaches_the_end_and_brings_every_segment_once() {
    let whisper = whisper();
    let mut done = Vec::new();
    let mut segments = 0;
    let found = whisper
        .transcribe(
            &samples(),
            &short(&whisper, &Value::Null),
            |progress: &Progress<'_>| {
                assert_eq!(progress.audio_total_ms, 41_000);
                done.push(progress.audio_done_ms);
                segments += progress.segments.len();
                ControlFlow::Continue(())
            },
        )
        .unwrap();
    assert_eq!(done, [30_000, 41_000]);
    assert_eq!(segments, found.segments.len());
}

#[test]
fn a_transcription_can_be_stopped_after_any_window() {
    let whisper = whisper();
    let stopped = whisper.transcribe(&samples(), &short(&whisper, &Value::Null), |_| {
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(WhisperError::Stopped)));
}

#[test]
fn temperatures_are_tried_until_a_text_looks_right() {
    let whisper = whisper();
    let temperatures = |thresholds: Thresholds| {
        let options = TranscribeOptions {
            temperatures: vec![0.0, 0.4, 1.0],
            thresholds,
            clip_timestamps: vec![0.0, 5.0],
            ..short(&whisper, &Value::Null)
        };
        heard_at(&whisper, &options)
    };
    let content = Thresholds {
        avg_logprob: None,
        ..Thresholds::default()
    };
    assert_eq!(temperatures(content), [0.0]);
    let never_content = Thresholds {
        avg_logprob: Some(-0.01),
        no_speech_prob: None,
        compression_ratio: None,
    };
    assert_eq!(temperatures(never_content), [1.0]);
}

fn heard_at(whisper: &Whisper, options: &TranscribeOptions) -> Vec<f64> {
    let found = whisper
        .transcribe(&samples(), options, |_| ControlFlow::Continue(()))
        .unwrap();
    found.segments.iter().map(|segment| segment.temperature).collect()
}
