//! `stentor-worker transcribe --diarize`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::talks::talk;

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/small")
}

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stentor-worker"))
        .arg("transcribe")
        .arg(talk("voices-2025-2-0.opus"))
        .arg("--model")
        .arg(small())
        .args(["--language", "en", "--temperature-increment-on-fallback", "none"])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_command_line_names_speakers_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().to_str().unwrap();
    let output = command(&[
        "--format",
        "all",
        "--output-dir",
        target,
        "--word-timestamps",
        "--diarize",
        "--num-speakers",
        "2",
    ]);
    assert!(output.status.success(), "{output:?}");
    let read = |extension: &str| {
        std::fs::read_to_string(folder.path().join(format!("voices-2025-2-0.{extension}"))).unwrap()
    };
    for extension in ["txt", "srt", "vtt"] {
        let text = read(extension);
        assert!(
            text.contains("[SPEAKER_00]: ") && text.contains("[SPEAKER_01]: "),
            "{text}"
        );
    }
    assert!(!read("tsv").contains("SPEAKER"));
    let json: Value = serde_json::from_str(&read("json")).unwrap();
    let speaker = |value: &Value| value["speaker"].as_str().unwrap().starts_with("SPEAKER_0");
    let segments = json["segments"].as_array().unwrap().iter();
    for segment in segments.filter(|segment| segment["text"] != "") {
        assert!(speaker(segment) && segment["words"].as_array().unwrap().iter().all(speaker));
    }
    let turns = json["turns"].as_array().unwrap();
    assert!(turns.len() >= 4 && turns.iter().all(speaker));
    let rttm = read("rttm");
    assert_eq!(rttm.lines().count(), turns.len());
    assert!(rttm.starts_with("SPEAKER voices-2025-2-0 1 "));
    assert_eq!(
        json["made_by"]["parameters"]["diarization"],
        json!({
            "detector": {"name": "energy"},
            "voices": {"name": "cepstra"},
            "num_speakers": 2,
            "min_speakers": null,
            "max_speakers": null,
            "speaker_threshold": 0.7,
        })
    );
}

#[test]
fn the_command_line_refuses_options_that_contradict_each_other() {
    for (arguments, message) in [
        (["--num-speakers", "2"].as_slice(), "--diarize"),
        (&["--speaker-model", "voices.pt"], "--diarize"),
        (&["--format", "rttm"], "--diarize"),
        (&["--format", "RTTM"], "--diarize"),
        (&["--diarize", "--speaker-threshold", "0.5"], "--speaker-model"),
        (&["--diarize", "--speaker-model", "nowhere.pt"], "nowhere.pt"),
        (
            &["--diarize", "--num-speakers", "2", "--max-speakers", "3"],
            "leave out either it, or min_speakers and max_speakers",
        ),
        (
            &["--diarize", "--min-speakers", "3", "--max-speakers", "2"],
            "min_speakers cannot be used: it is 3, more than max_speakers",
        ),
        (
            &["--diarize", "--num-speakers", "0"],
            "num_speakers cannot be used: it is 0",
        ),
    ] {
        let output = command(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(error.contains(message), "{error}");
    }
}
