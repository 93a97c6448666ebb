//! Several windows at once hear what one after the other hears.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde_json::Value;
use tch::Device;
use workers::whisper::decoding::DecodeOptions;
use workers::whisper::log_mel::{LogMel, WINDOW_FRAMES, WINDOW_SAMPLES};
use workers::whisper::{TranscribeOptions, Transcription, Whisper, WhisperError};

use super::detectors::noise;
use super::recordings::{command, hear, options, recording, small, words};

const SECOND: usize = 16_000;
const NAMES: [&str; 4] = ["speech-1.wav", "speech-2.wav", "speech-3.wav", "speech-4.wav"];
const SAID: [&str; 4] = [
    "eleven turn today play",
    "start timer thirty minutes",
    "close the blue door",
    "six zero nine nine",
];

fn batched(batch_size: usize, words: bool) -> TranscribeOptions {
    TranscribeOptions {
        batch_size: Some(batch_size),
        ..options(true, words)
    }
}

/// Every recording with so many seconds of faint noise before it, and where each begins, in seconds.
fn spaced(seconds: usize) -> (Vec<f32>, Vec<f64>) {
    let (mut samples, mut starts) = (Vec::new(), Vec::new());
    for (seed, name) in (0..).zip(NAMES) {
        samples.extend(noise(seconds * SECOND, 0.001, seed));
        starts.push(f64::from(u32::try_from(samples.len()).unwrap()) / 16_000.0);
        samples.extend(recording(name));
    }
    (samples, starts)
}

fn texts(heard: &Transcription) -> Vec<&str> {
    let texts = heard.segments.iter().map(|segment| segment.text.trim());
    texts.filter(|text| !text.is_empty()).collect()
}

#[test]
fn windows_of_a_batch_keep_their_order_and_their_times() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    let (samples, starts) = spaced(40);
    let mut one_by_one: Option<String> = None;
    for batch_size in [1, 3, 16] {
        let heard = hear(&whisper, &samples, &batched(batch_size, true));
        assert_eq!(texts(&heard), SAID, "{batch_size}");
        let first_words = heard
            .segments
            .iter()
            .filter_map(|segment| segment.words().first());
        for (word, start) in first_words.zip(&starts) {
            assert!(
                (word.start - start).abs() <= 0.5,
                "{batch_size}: {word:?} {start}"
            );
        }
        assert!(words(&heard).is_sorted_by(|a, b| a.end <= b.start));
        let ids: Vec<usize> = heard.segments.iter().map(|segment| segment.id).collect();
        assert_eq!(ids, (0..heard.segments.len()).collect::<Vec<_>>());
        assert_eq!(one_by_one.get_or_insert_with(|| heard.text.clone()), &heard.text);
    }
}

#[test]
fn phrases_share_a_window_and_lose_nothing() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    for seconds in [1, 4, 8] {
        let (samples, _) = spaced(seconds);
        let heard = hear(&whisper, &samples, &batched(4, false));
        assert_eq!(texts(&heard).join(" "), SAID.join(" "), "{seconds}");
        assert!(heard.segments.is_sorted_by_key(|segment| segment.seek));
    }
}

#[test]
fn windows_of_a_batch_do_not_touch_each_other() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    let samples = spaced(3).0.repeat(9);
    let alone = hear(&whisper, &samples, &batched(1, false));
    let together = hear(&whisper, &samples, &batched(3, false));
    assert_eq!(alone.text, together.text);
    let times = |heard: &Transcription| -> Vec<(f64, f64)> {
        let segments = heard.segments.iter();
        segments.map(|segment| (segment.start, segment.end)).collect()
    };
    assert_eq!(times(&alone), times(&together));
    let windows: BTreeSet<usize> = together.segments.iter().map(|segment| segment.seek).collect();
    assert_eq!((texts(&together).len(), windows.len()), (9 * SAID.len(), 3));
    assert!(together.segments.is_sorted_by(|a, b| a.end <= b.start));
}

#[test]
fn clips_are_kept() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    let (samples, starts) = spaced(10);
    let second = starts.get(1).unwrap();
    let clipped = TranscribeOptions {
        clip_timestamps: vec![second - 2.0, second + 5.0],
        ..batched(4, false)
    };
    let heard = whisper
        .transcribe(&samples, &clipped, |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(texts(&heard), ["start timer thirty minutes"]);
}

#[test]
fn a_batch_can_be_stopped_and_hears_no_silence() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    let (samples, _) = spaced(40);
    let mut told = 0;
    let stopped = whisper.transcribe(&samples, &batched(1, false), |_| {
        told += 1;
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(WhisperError::Stopped)));
    assert_eq!(told, 1);
    assert_eq!(
        hear(&whisper, &noise(60 * SECOND, 0.002, 9), &batched(4, false)).text,
        ""
    );
}

#[test]
fn a_batch_decodes_each_window_as_alone() {
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    let mels: Vec<Vec<f32>> = NAMES
        .iter()
        .map(|name| {
            let mel = LogMel::compute(&recording(name), WINDOW_SAMPLES, 80).unwrap();
            mel.window(0, WINDOW_FRAMES)
        })
        .collect();
    let together = whisper.model.encode_batch(&mels).unwrap();
    for options in [
        DecodeOptions::new("en"),
        DecodeOptions {
            beam_size: Some(3),
            patience: 2.0,
            ..DecodeOptions::new("en")
        },
        DecodeOptions {
            temperature: 0.7,
            best_of: 4,
            ..DecodeOptions::new("en")
        },
    ] {
        let seeds = [11, 12, 13, 14];
        let batch = whisper.decode_batch(&together, &options, &seeds).unwrap();
        assert_eq!(batch.len(), NAMES.len());
        for ((mel, seed), found) in mels.iter().zip(seeds).zip(batch) {
            let alone = whisper
                .decode(
                    &whisper.model.encode(mel).unwrap(),
                    &DecodeOptions {
                        seed,
                        ..options.clone()
                    },
                )
                .unwrap();
            assert_eq!(found.tokens, alone.tokens, "{options:?}");
            assert!((found.avg_logprob - alone.avg_logprob).abs() < 1e-4);
            assert!((found.no_speech_prob - alone.no_speech_prob).abs() < 1e-4);
        }
    }
}

#[test]
fn the_command_line_takes_a_batch_size_and_says_what_it_needs() {
    let output = command(&["--format", "json", "--vad-filter", "--batch-size", "4"]);
    assert!(output.status.success(), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["text"].as_str().unwrap().trim(), "eleven turn today play");
    assert_eq!(found["made_by"]["parameters"]["batch_size"], 4);
    for (arguments, message) in [
        (["--batch-size", "4"].as_slice(), "--vad-filter"),
        (
            &["--vad-filter", "--batch-size", "0"],
            "batch_size cannot be used",
        ),
    ] {
        let output = command(arguments);
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(message), "{error}");
    }
    let whisper = Whisper::load(small(), Device::Cpu).unwrap();
    let no_filter = TranscribeOptions {
        vad_filter: None,
        ..batched(4, false)
    };
    let refused = whisper.transcribe(&[0.0; 800], &no_filter, |_| ControlFlow::Continue(()));
    assert!(matches!(refused, Err(WhisperError::OptionUnusable { .. })));
}
