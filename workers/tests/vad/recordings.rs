//! The model that ships hears recordings with long silence.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tch::Device;
use workers::vad::VadOptions;
use workers::whisper::{Segment, TranscribeOptions, Transcription, Whisper, WhisperError, Word};

use super::detectors::noise;

const SECOND: usize = 16_000;

pub fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/small")
}

pub fn recording(name: &str) -> Vec<f32> {
    let file = small().join("recordings").join(name);
    audio::decode_mono_16k(file, audio::Limits::default()).unwrap()
}

pub fn options(filter: bool, words: bool) -> TranscribeOptions {
    TranscribeOptions {
        language: Some("en".to_owned()),
        vad_filter: filter.then(VadOptions::default),
        word_timestamps: words,
        ..TranscribeOptions::default()
    }
}

pub fn hear(whisper: &Whisper, samples: &[f32], options: &TranscribeOptions) -> Transcription {
    let mut done = 0;
    let mut told = 0;
    let heard = whisper
        .transcribe(samples, options, |progress| {
            assert!(done <= progress.audio_done_ms && progress.audio_done_ms <= progress.audio_total_ms);
            done = progress.audio_done_ms;
            told += progress.segments.len();
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(told, heard.segments.len());
    // The last frame may be a part of one.
    assert!(heard.duration_ms - done < 10, "{done} of {}", heard.duration_ms);
    heard
}

pub fn words(heard: &Transcription) -> Vec<&Word> {
    heard.segments.iter().flat_map(Segment::words).collect()
}

#[test]
fn words_around_a_long_silence_keep_their_times() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    let pause = vec![0.0; SECOND / 2];
    let (before, after) = (
        [recording("speech-1.wav"), pause.clone()].concat(),
        [pause, recording("speech-2.wav")].concat(),
    );
    let plain = hear(
        &whisper,
        &[before.clone(), after.clone()].concat(),
        &options(false, true),
    );
    let joint = f64::from(u32::try_from(before.len()).unwrap()) / 16_000.0;
    for amplitude in [0.0, 0.001, 0.003] {
        let silence = noise(20 * SECOND, amplitude, 7);
        let samples = [before.clone(), silence, after.clone()].concat();
        let heard = hear(&whisper, &samples, &options(true, true));
        assert_eq!(heard.text, plain.text, "{amplitude}");
        let (found, expected) = (words(&heard), words(&plain));
        assert_eq!(found.len(), expected.len(), "{amplitude}");
        for (found, expected) in found.into_iter().zip(expected) {
            let offset = if expected.start < joint { 0.0 } else { 20.0 };
            let (start, end) = (expected.start + offset, expected.end + offset);
            // The model draws the first word after a pause into it; how far hangs on the length of the pause.
            let first = (joint..joint + 0.5).contains(&expected.start);
            let near = (found.start - start).abs() <= if first { 0.5 } else { 0.1 };
            let near = near && (found.end - end).abs() <= 0.1;
            assert_eq!(found.word, expected.word);
            assert!(near, "{amplitude}: {found:?} {expected:?}");
        }
    }
}

#[test]
fn segments_keep_out_of_removed_silence_without_words_too() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    let before = recording("speech-1.wav");
    let end = f64::from(u32::try_from(before.len()).unwrap()) / 16_000.0;
    let samples = [before, noise(20 * SECOND, 0.001, 8), recording("speech-2.wav")].concat();
    let heard = hear(&whisper, &samples, &options(true, false));
    assert!(heard.segments.len() >= 2, "{heard:?}");
    for segment in heard.segments {
        let (first, second) = (segment.end <= end + 0.41, segment.start >= end + 19.59);
        assert!(segment.start <= segment.end && (first || second), "{segment:?}");
    }
}

#[test]
fn silence_gives_nothing_and_runs_nothing() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    for samples in [vec![], vec![0.0; 60 * SECOND], noise(60 * SECOND, 0.002, 9)] {
        let heard = hear(&whisper, &samples, &options(true, true));
        assert_eq!((heard.text.as_str(), heard.segments.len()), ("", 0));
        assert_eq!(heard.language, "en");
    }
    let undetected = TranscribeOptions {
        language: None,
        ..options(true, false)
    };
    assert_eq!(hear(&whisper, &[0.0; 800], &undetected).language, "und");
    let stopped = whisper.transcribe(&[0.0; 800], &undetected, |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(WhisperError::Stopped)));
}

pub fn command(arguments: &[&str]) -> std::process::Output {
    let recording = small().join("recordings/speech-1.wav");
    Command::new(env!("CARGO_BIN_EXE_stentor-worker"))
        .args(["transcribe", recording.to_str().unwrap(), "--model"])
        .arg(small())
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_command_line_filters_and_records_how() {
    let output = command(&[
        "--format",
        "json",
        "--vad-filter",
        "--threshold",
        "0.6",
        "--neg-threshold",
        "0.4",
        "--min-speech-duration-ms",
        "200",
        "--max-speech-duration-s",
        "20",
        "--min-silence-duration-ms",
        "1000",
        "--speech-pad-ms",
        "300",
    ]);
    assert!(output.status.success(), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["text"].as_str().unwrap().trim(), "eleven turn today play");
    assert_eq!(
        found["made_by"]["parameters"]["vad_filter"],
        serde_json::json!({
            "detector": {"name": "energy"},
            "threshold": 0.6,
            "neg_threshold": 0.4,
            "min_speech_duration_ms": 200,
            "max_speech_duration_s": 20.0,
            "min_silence_duration_ms": 1000,
            "speech_pad_ms": 300,
        })
    );
}

#[test]
fn the_command_line_refuses_options_that_cannot_be_used() {
    for (arguments, message) in [
        (["--threshold", "0.6"].as_slice(), "--vad-filter"),
        (&["--vad-filter", "--threshold", "2"], "threshold cannot be used"),
        (&["--vad-filter", "--vad-model", "nowhere.jit"], "nowhere.jit"),
        (
            &["--vad-filter", "--max-speech-duration-s", "1"],
            "at least 1114 ms",
        ),
    ] {
        let output = command(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(error.contains(message), "{error}");
    }
}
