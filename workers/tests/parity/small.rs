//! The model that ships, on its recordings: trained weights give real segments, words and silences.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tch::Device;
use workers::whisper::writers::SubtitleOptions;
use workers::whisper::{Whisper, Word};

use super::cases::{assert_transcribed, options};
use super::data;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/small")
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(data("small.json")).unwrap()).unwrap()
}

fn recording(name: &str) -> Vec<f32> {
    let path = folder().join("recordings").join(name);
    audio::decode_mono_16k(path, audio::Limits::default()).unwrap()
}

/// Speech, half a minute that is not quite silent, speech.
fn gap() -> Vec<f32> {
    let talk = recording("talk.wav");
    let faint = (0..480_000_u32).map(|place| if place.is_multiple_of(7) { 0.001 } else { -0.000_5 });
    let mut samples = talk[..64_000].to_vec();
    samples.extend(faint);
    samples.extend(&talk[64_000..128_000]);
    samples
}

fn assert_recording(file: &str, samples: &[f32], count: usize) {
    let whisper = Whisper::load(folder(), Device::Cpu).unwrap();
    let expected = expected();
    let cases = expected["transcribe"][file].as_object().unwrap();
    assert_eq!(cases.len(), count);
    for (name, case) in cases {
        let options = options(&whisper.tokenizer, &case["options"]);
        assert_transcribed(&format!("{file} {name}"), &whisper, samples, &options, case);
    }
}

#[test]
fn a_talk_is_transcribed_as_by_the_reference_with_every_option() {
    assert_recording("talk.wav", &recording("talk.wav"), 8);
    assert_recording("speech-4.wav", &recording("speech-4.wav"), 1);
}

#[test]
fn a_silence_between_talks_is_treated_as_by_the_reference() {
    assert_recording("gap", &gap(), 6);
}

#[test]
fn every_file_is_written_as_by_the_reference() {
    let whisper = Whisper::load(folder(), Device::Cpu).unwrap();
    let expected = expected();
    let samples = recording("talk.wav");
    let heard = |name: &str| {
        let case = &expected["transcribe"]["talk.wav"][name];
        let options = options(&whisper.tokenizer, &case["options"]);
        assert_transcribed(name, &whisper, &samples, &options, case)
    };
    let (words, segments) = (heard("words"), heard("default"));
    for (name, case) in expected["subtitles"].as_object().unwrap() {
        let given = &case["options"];
        let limit = |name: &str| given[name].as_u64().map(|count| usize::try_from(count).unwrap());
        let options = SubtitleOptions {
            highlight_words: given["highlight_words"].as_bool().unwrap_or(false),
            max_line_width: limit("max_line_width"),
            max_line_count: limit("max_line_count"),
            max_words_per_line: limit("max_words_per_line"),
        };
        let transcription = if name == "segments" { &segments } else { &words };
        for (format, file) in case["files"].as_object().unwrap() {
            let written = transcription.to_format(format.parse().unwrap(), options);
            assert_eq!(written, file.as_str().unwrap(), "{name} {format}");
        }
    }
}

#[test]
fn the_same_recording_gives_the_same_text_also_where_it_is_drawn() {
    let whisper = Whisper::load(folder(), Device::Cpu).unwrap();
    let samples = recording("speech-4.wav");
    let draw = |seed: u64| {
        let mut options = options(&whisper.tokenizer, &Value::Null);
        options.language = Some("en".to_owned());
        options.temperatures = vec![0.9];
        options.word_timestamps = true;
        options.decode.best_of = 3;
        options.decode.seed = seed;
        let found = whisper
            .transcribe(&samples, &options, |_| ControlFlow::Continue(()))
            .unwrap();
        let words = found.segments.iter().flat_map(|segment| segment.words().to_vec());
        let made_by = serde_json::to_string(&found.made_by).unwrap();
        (found.text.clone(), words.collect::<Vec<Word>>(), made_by)
    };
    assert_eq!(draw(3), draw(3));
    assert_ne!(draw(3).2, draw(4).2);
}
