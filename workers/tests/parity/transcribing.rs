//! The loop over windows: segments, times, prompts and skips.

use std::ops::ControlFlow;

use serde_json::Value;
use workers::whisper::decoding::DecodeOptions;
use workers::whisper::fallback::Thresholds;
use workers::whisper::{Progress, TranscribeOptions, Whisper, WhisperError};

use super::{assert_near, golden, ids, samples, whisper};

/// As the reference was run: temperature 0, English, at most 24 tokens per window.
fn options(given: &Value) -> TranscribeOptions {
    let threshold = |name: &str, default: f64| Some(given[name].as_f64().unwrap_or(default));
    let clips = given["clip_timestamps"].as_str().unwrap_or_default();
    TranscribeOptions {
        language: Some("en".to_owned()),
        temperatures: vec![0.0],
        thresholds: Thresholds {
            avg_logprob: threshold("logprob_threshold", -1.0),
            no_speech_prob: threshold("no_speech_threshold", 0.6),
            ..Thresholds::default()
        },
        condition_on_previous_text: given["condition_on_previous_text"].as_bool().unwrap_or(true),
        initial_prompt: given["initial_prompt"].as_str().map(str::to_owned),
        clip_timestamps: clips.split(',').filter_map(|at| at.parse().ok()).collect(),
        decode: DecodeOptions {
            sample_len: Some(24),
            without_timestamps: given["without_timestamps"].as_bool().unwrap_or(false),
            ..DecodeOptions::new("en")
        },
        ..TranscribeOptions::default()
    }
}

/// Every case of the reference but those with word timestamps, which this implementation does not compute.
#[test]
fn every_transcription_has_the_reference_segments() {
    let whisper = whisper();
    let samples = samples();
    for name in [
        "default_T0",
        "nocond",
        "nots",
        "initial_prompt",
        "clip",
        "nospeech0",
    ] {
        let golden = golden();
        let case = &golden["transcribe"][name];
        let options = options(&case["options"]);
        let found = whisper
            .transcribe(&samples, &options, |_| ControlFlow::Continue(()))
            .unwrap();
        assert_eq!(found.text, case["text"].as_str().unwrap(), "{name}");
        let expected = case["segments"].as_array().unwrap();
        assert_eq!(found.segments.len(), expected.len(), "{name}");
        for (segment, expected) in found.segments.iter().zip(expected) {
            assert_eq!(segment.tokens, ids(&expected["tokens"]), "{name}");
            assert_eq!(segment.text, expected["text"].as_str().unwrap(), "{name}");
            assert_eq!(
                Some(u64::try_from(segment.id).unwrap()),
                expected["id"].as_u64(),
                "{name}"
            );
            assert_eq!(
                Some(u64::try_from(segment.seek).unwrap()),
                expected["seek"].as_u64(),
                "{name}"
            );
            for (field, value) in [
                ("start", segment.start),
                ("end", segment.end),
                ("temperature", segment.temperature),
                ("avg_logprob", segment.avg_logprob),
                ("compression_ratio", segment.compression_ratio),
                ("no_speech_prob", segment.no_speech_prob),
            ] {
                assert_near(
                    &format!("{name} {field}"),
                    value,
                    expected[field].as_f64().unwrap(),
                    1e-4,
                );
            }
        }
    }
}

#[test]
fn progress_reaches_the_end_and_brings_every_segment_once() {
    let whisper = whisper();
    let mut done = Vec::new();
    let mut segments = 0;
    let found = whisper
        .transcribe(&samples(), &options(&Value::Null), |progress: &Progress<'_>| {
            assert_eq!(progress.audio_total_ms, 41_000);
            done.push(progress.audio_done_ms);
            segments += progress.segments.len();
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(done, [30_000, 41_000]);
    assert_eq!(segments, found.segments.len());
}

#[test]
fn a_transcription_can_be_stopped_after_any_window() {
    let stopped = whisper().transcribe(&samples(), &options(&Value::Null), |_| ControlFlow::Break(()));
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
            ..options(&Value::Null)
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
