//! The model that ships hears its recordings exactly as the reference does, and the command line says so.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use domain::transcript::{Segment, Transcript};
use serde_json::Value;
use tch::Device;
use workers::whisper::{TranscribeOptions, Whisper};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("models")
}

fn small() -> PathBuf {
    models().join("small")
}

/// File names with the text and the segments that are to be heard.
fn expected() -> Vec<(PathBuf, String, Vec<Segment>)> {
    let folder = small().join("recordings");
    let list: Value =
        serde_json::from_slice(&std::fs::read(folder.join("recordings.json")).unwrap()).unwrap();
    let recordings = list.as_array().unwrap().iter();
    recordings
        .map(|recording| {
            let text = recording["heard"]
                .as_str()
                .or_else(|| recording["text"].as_str())
                .unwrap();
            let segments = (0_u32..).zip(recording["segments"].as_array().unwrap());
            let segments = segments
                .map(|(index, segment)| Segment {
                    index,
                    start_ms: milliseconds(&segment["start"]),
                    end_ms: milliseconds(&segment["end"]),
                    text: segment["text"].as_str().unwrap().trim().to_owned(),
                })
                .collect();
            (
                folder.join(recording["file"].as_str().unwrap()),
                text.to_owned(),
                segments,
            )
        })
        .collect()
}

/// Whole hundredths of a second, as they stand in the file.
fn milliseconds(seconds: &Value) -> u64 {
    let text = format!("{:.3}", seconds.as_f64().unwrap());
    text.replace('.', "").parse().unwrap()
}

fn assert_heard(file: &Path, found: &Transcript, text: &str, segments: &[Segment]) {
    let file = file.display();
    assert_eq!(found.text, text, "{file}");
    assert_eq!(found.segments.len(), segments.len(), "{file}");
    for (found, expected) in found.segments.iter().zip(segments) {
        assert_eq!(
            (found.index, &found.text),
            (expected.index, &expected.text),
            "{file}"
        );
        assert!(
            found.start_ms.abs_diff(expected.start_ms) <= 20,
            "{file}: {found:?} {expected:?}"
        );
        assert!(
            found.end_ms.abs_diff(expected.end_ms) <= 20,
            "{file}: {found:?} {expected:?}"
        );
    }
}

#[test]
fn every_recording_is_heard_as_by_the_reference() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    let recordings = expected();
    assert_eq!(recordings.len(), 5);
    for (file, text, segments) in recordings {
        let samples = audio::decode_mono_16k(&file, audio::Limits::default()).unwrap();
        for language in [Some("en".to_owned()), None] {
            let options = TranscribeOptions {
                language,
                ..TranscribeOptions::default()
            };
            let found = whisper
                .transcribe(&samples, &options, |_| ControlFlow::Continue(()))
                .unwrap();
            assert_eq!(found.language, "en");
            assert_heard(&file, &found.to_domain(), &text, &segments);
        }
    }
}

#[test]
fn the_same_words_are_heard_in_every_format() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    let fixtures = models().parent().unwrap().join("audio/tests/fixtures");
    let files = [
        "speech.wav",
        "speech.mp3",
        "speech.flac",
        "speech.opus.ogg",
        "speech.vorbis.ogg",
        "speech.m4a",
    ];
    for file in files {
        let samples = audio::decode_mono_16k(fixtures.join(file), audio::Limits::default()).unwrap();
        let options = TranscribeOptions {
            language: Some("en".to_owned()),
            ..TranscribeOptions::default()
        };
        let found = whisper
            .transcribe(&samples, &options, |_| ControlFlow::Continue(()))
            .unwrap();
        assert_eq!(found.to_domain().text, "eleven turn today play", "{file}");
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stentor-worker"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_command_line_prints_what_is_heard_and_what_made_it() {
    let model = small();
    for (file, expected_text, segments) in expected() {
        let output = run(&[
            "transcribe",
            text(&file),
            "--model",
            text(&model),
            "--format",
            "json",
        ]);
        assert!(output.status.success(), "{output:?}");
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let heard = found["segments"].as_array().unwrap().iter();
        let heard: Vec<Segment> = (0_u32..)
            .zip(heard.filter(|segment| segment["text"] != ""))
            .map(|(index, segment)| Segment {
                index,
                start_ms: milliseconds(&segment["start"]),
                end_ms: milliseconds(&segment["end"]),
                text: segment["text"].as_str().unwrap().trim().to_owned(),
            })
            .collect();
        let transcript = Transcript {
            language: found["language"].as_str().unwrap().to_owned(),
            duration_ms: found["duration_ms"].as_u64().unwrap(),
            text: found["text"].as_str().unwrap().trim().to_owned(),
            segments: heard,
        };
        assert_heard(&file, &transcript, &expected_text, &segments);

        let made_by = &found["made_by"];
        assert_eq!(made_by["precision"], "f32");
        assert_eq!(made_by["parameters"]["temperatures"].as_array().unwrap().len(), 6);
        assert_eq!(made_by["parameters"]["decode"]["best_of"], 5);
        assert_eq!(made_by["model"]["files"].as_object().unwrap().len(), 4);
        assert_eq!(
            made_by["model"]["weights_sha256"],
            made_by["model"]["files"]["model.safetensors"]
        );
        assert!(
            made_by["versions"]["libtorch"]
                .as_str()
                .unwrap()
                .starts_with("2.")
        );
    }
}

#[test]
fn the_command_line_writes_every_format_with_the_time_of_every_word() {
    let folder = tempfile::tempdir().unwrap();
    let recording = small().join("recordings/speech-1.wav");
    let output = run(&[
        "transcribe",
        text(&recording),
        "--model",
        text(&small()),
        "--language",
        "English",
        "--format",
        "all",
        "--output-dir",
        text(folder.path()),
        "--word-timestamps",
        "--max-words-per-line",
        "2",
        "--beam-size",
        "2",
        "--clip-timestamps",
        "0,20",
        "--initial-prompt",
        "red",
        "--carry-initial-prompt",
        "--threads",
        "1",
        "--logprob-threshold",
        "none",
        "--suppress-tokens",
        "-1,7",
        "--hallucination-silence-threshold",
        "2",
    ]);
    assert!(output.status.success(), "{output:?}");
    let read = |extension: &str| {
        std::fs::read_to_string(folder.path().join(format!("speech-1.{extension}"))).unwrap()
    };
    assert_eq!(read("txt"), "eleven turn today play\n");
    assert!(read("vtt").starts_with("WEBVTT\n\n00:00."));
    assert!(read("srt").contains("\neleven turn\n\n2\n"));
    assert!(read("tsv").starts_with("start\tend\ttext\n"));
    let json: Value = serde_json::from_str(&read("json")).unwrap();
    let words = json["segments"][0]["words"].as_array().unwrap();
    let words: Vec<&str> = words.iter().map(|word| word["word"].as_str().unwrap()).collect();
    assert_eq!(words, [" eleven", " turn", " today", " play"]);
}

#[test]
fn the_command_line_writes_subtitles_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("speech.srt");
    let recording = small().join("recordings/speech-1.wav");
    let output = run(&[
        "transcribe",
        text(&recording),
        "--model",
        text(&small()),
        "--format",
        "srt",
        "--language",
        "en",
        "--output",
        text(&target),
    ]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty());
    let written = std::fs::read_to_string(target).unwrap();
    assert_eq!(
        written,
        "1\n00:00:00,000 --> 00:00:01,840\neleven turn today play\n\n"
    );
}

#[test]
fn the_command_line_says_what_is_wrong_and_what_to_do() {
    let (model, recording) = (small(), small().join("recordings/speech-1.wav"));
    let (model, recording, card) = (text(&model), text(&recording), small().join("README.md"));
    let long_prompt = "play ".repeat(300);
    let cases = [
        (
            [recording, "--model", "nowhere"].to_vec(),
            "there is no model folder nowhere",
        ),
        (
            [text(&card), "--model", model].to_vec(),
            "convert it to one of them",
        ),
        (
            [recording, "--model", model, "--format", "doc"].to_vec(),
            "use one of txt, vtt, srt, tsv, json, rttm, all",
        ),
        (
            [recording, "--model", model, "--language", "xx"].to_vec(),
            "is unknown to this model",
        ),
        (
            [recording, "--model", model, "--initial-prompt", "<|endoftext|>"].to_vec(),
            "it spells the special token <|endoftext|>",
        ),
        (
            [recording, "--model", model, "--initial-prompt", &long_prompt].to_vec(),
            "the model has room for 223",
        ),
        (
            [recording, "--model", model, "--length-penalty", "2"].to_vec(),
            "length_penalty cannot be used",
        ),
        (
            [recording, "--model", model, "--format", "all"].to_vec(),
            "--output-dir",
        ),
    ];
    for (arguments, message) in cases {
        let output = run(&[vec!["transcribe"], arguments].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(error.contains(message), "{error}");
    }
}
