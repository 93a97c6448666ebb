//! Transcriptions by the reference: the options that it was given, and what it found.

use std::ops::ControlFlow;

use serde_json::Value;
use workers::whisper::decoding::DecodeOptions;
use workers::whisper::fallback::Thresholds;
use workers::whisper::tokenizer::WhisperTokenizer;
use workers::whisper::{Segment, TranscribeOptions, Transcription, Whisper};

use super::{assert_near, ids};

/// The reference's keyword arguments, at temperature 0.
pub fn options(tokenizer: &WhisperTokenizer, given: &Value) -> TranscribeOptions {
    // An explicit null disables; what is absent has the reference's default.
    let number = |name: &str, default: Option<f64>| given.get(name).map_or(default, Value::as_f64);
    let flag = |name: &str, default: bool| given[name].as_bool().unwrap_or(default);
    let text = |name: &str| given[name].as_str().map(str::to_owned);
    let whole = |name: &str| given[name].as_u64().map(|count| usize::try_from(count).unwrap());
    let defaults = TranscribeOptions::default();
    TranscribeOptions {
        language: text("language"),
        task: text("task").map_or_else(Default::default, |task| task.parse().unwrap()),
        temperatures: vec![0.0],
        thresholds: Thresholds {
            avg_logprob: number("logprob_threshold", Some(-1.0)),
            no_speech_prob: number("no_speech_threshold", Some(0.6)),
            ..Thresholds::default()
        },
        condition_on_previous_text: flag("condition_on_previous_text", true),
        initial_prompt: text("initial_prompt"),
        carry_initial_prompt: flag("carry_initial_prompt", false),
        vad_filter: None,
        batch_size: None,
        diarization: None,
        clip_timestamps: text("clip_timestamps").map_or_else(Vec::new, |clips| {
            clips.split(',').map(|at| at.parse().unwrap()).collect()
        }),
        word_timestamps: flag("word_timestamps", false),
        prepend_punctuations: text("prepend_punctuations").unwrap_or(defaults.prepend_punctuations),
        append_punctuations: text("append_punctuations").unwrap_or(defaults.append_punctuations),
        hallucination_silence_threshold: number("hallucination_silence_threshold", None),
        decode: DecodeOptions {
            beam_size: whole("beam_size"),
            patience: number("patience", None).unwrap_or(1.0),
            length_penalty: number("length_penalty", None),
            prefix: text("prefix").map_or_else(Vec::new, |text| tokenizer.encode_prompt(&text).unwrap()),
            without_timestamps: flag("without_timestamps", false),
            suppress_blank: flag("suppress_blank", true),
            suppress_tokens: given["suppress_tokens"].as_str().unwrap_or("-1").parse().unwrap(),
            max_initial_timestamp: number("max_initial_timestamp", Some(1.0)),
            sample_len: whole("sample_len"),
            ..DecodeOptions::new("en")
        },
    }
}

/// Transcribes and compares all that the reference tells: tokens, text and words are the same, times are the same
/// to a rounding error, probabilities to 1e-4.
pub fn assert_transcribed(
    name: &str,
    whisper: &Whisper,
    samples: &[f32],
    options: &TranscribeOptions,
    expected: &Value,
) -> Transcription {
    let found = whisper
        .transcribe(samples, options, |_| ControlFlow::Continue(()))
        .unwrap();
    let segments = expected["segments"].as_array().unwrap();
    let tokens: Vec<&Vec<u32>> = found.segments.iter().map(|segment| &segment.tokens).collect();
    let wanted: Vec<Vec<u32>> = segments.iter().map(|segment| ids(&segment["tokens"])).collect();
    assert_eq!(tokens, wanted.iter().collect::<Vec<_>>(), "{name}");
    assert_eq!(found.text, expected["text"].as_str().unwrap(), "{name}");
    for (segment, expected) in found.segments.iter().zip(segments) {
        assert_segment(name, segment, expected);
    }
    found
}

fn assert_segment(name: &str, segment: &Segment, expected: &Value) {
    assert_eq!(segment.text, expected["text"].as_str().unwrap(), "{name}");
    for (field, value) in [("id", segment.id), ("seek", segment.seek)] {
        let value = Some(u64::try_from(value).unwrap());
        assert_eq!(value, expected[field].as_u64(), "{name} {field}");
    }
    for (field, value, tolerance) in [
        ("start", segment.start, 1e-9),
        ("end", segment.end, 1e-9),
        ("temperature", segment.temperature, 0.0),
        ("avg_logprob", segment.avg_logprob, 1e-4),
        ("compression_ratio", segment.compression_ratio, 1e-9),
        ("no_speech_prob", segment.no_speech_prob, 1e-4),
    ] {
        let expected = expected[field].as_f64().unwrap();
        assert_near(
            &format!("{name} {} {field}", segment.id),
            value,
            expected,
            tolerance,
        );
    }
    let Some(words) = expected["words"].as_array() else {
        assert_eq!(segment.words, None, "{name}");
        return;
    };
    assert_eq!(segment.words().len(), words.len(), "{name}");
    for (word, expected) in segment.words().iter().zip(words) {
        assert_eq!(word.word, expected["word"].as_str().unwrap(), "{name}");
        for (field, value, tolerance) in [
            ("start", word.start, 1e-9),
            ("end", word.end, 1e-9),
            ("probability", word.probability, 1e-4),
        ] {
            let expected = expected[field].as_f64().unwrap();
            assert_near(
                &format!("{name} {} {field}", word.word),
                value,
                expected,
                tolerance,
            );
        }
    }
}
