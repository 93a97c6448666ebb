//! `stentor-worker bench` measures what it was asked to, and says why when it cannot.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/small")
}

fn bench(model: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stentor-worker"))
        .args(["bench", "--rounds", "2", "--threads", "1", "--model"])
        .arg(model)
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn one_json_object_tells_every_part_and_what_ran() {
    let recording = small().join("recordings/speech-1.wav");
    for file in [None, recording.to_str()] {
        let arguments = file
            .into_iter()
            .chain(["--tokens", "7", "--windows", "2", "--json"]);
        let arguments: Vec<&str> = arguments.collect();
        let output = bench(&small(), &arguments);
        assert!(output.status.success(), "{output:?}");
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["precision"], "f32");
        assert_eq!(found["threads"], 1);
        assert_eq!(found["tokens"], 7);
        assert_eq!(found["windows"], 2);
        assert_eq!(found["rounds"], 2);
        let part = |name: &str| found[name].as_f64().unwrap();
        let (log_mel, encoder, decode) = (part("log_mel_ms"), part("encoder_ms"), part("decode_ms"));
        assert!(log_mel > 0.0 && encoder > 0.0 && decode > 0.0, "{found}");
        // Of two rounds a median is the mean, so the parts add up.
        let sum = log_mel + encoder + decode;
        assert!((part("total_ms") - sum).abs() < 0.01, "{found}");
    }
}

#[test]
fn the_table_has_a_line_for_every_part() {
    let output = bench(&small(), &["--tokens", "3"]);
    assert!(output.status.success(), "{output:?}");
    let table = String::from_utf8(output.stdout).unwrap();
    let parts: Vec<&str> = table
        .lines()
        .skip_while(|line| !line.starts_with("part"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(parts, ["part", "log-mel", "encoder", "decode", "total"]);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let cases: [(&Path, &[&str], &str); 5] = [
        (Path::new("nowhere"), &[], "there is no model folder nowhere"),
        (&small(), &["nothing.wav"], "nothing.wav"),
        (&small(), &["--tokens", "0"], "--tokens"),
        (&small(), &["--rounds", "none"], "--rounds"),
        (
            &small(),
            &["--tokens", "1000"],
            "445 tokens were decoded in place of 1000: the model has room for no more",
        ),
    ];
    for (model, arguments, message) in cases {
        let output = bench(model, arguments);
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(message), "{error}");
    }
}
