//! The model that ships, computed in less than single precision.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};
use workers::whisper::compute::Arithmetic;
use workers::whisper::log_mel::{LogMel, WINDOW_FRAMES, WINDOW_SAMPLES};
use workers::whisper::weights::Linear;
use workers::whisper::{ComputeType, TranscribeOptions, Whisper, WhisperError};

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/small")
}

fn recording(name: &str) -> Vec<f32> {
    audio::decode_mono_16k(small().join("recordings").join(name), audio::Limits::default()).unwrap()
}

#[test]
fn phrases_are_heard_the_same_in_every_arithmetic() {
    let options = TranscribeOptions {
        language: Some("en".to_owned()),
        word_timestamps: true,
        ..TranscribeOptions::default()
    };
    for (compute_type, precision) in [
        (ComputeType::Bfloat16, Some("bf16")),
        (ComputeType::Int8, Some("bf16 encoder, int8 decoder")),
        (ComputeType::Auto, None),
    ] {
        let whisper = Whisper::load_as(small(), Device::Cpu, compute_type).unwrap();
        for (name, text) in [
            ("speech-1.wav", "eleven turn today play"),
            ("speech-2.wav", "start timer thirty minutes"),
            ("speech-3.wav", "close the blue door"),
            ("speech-4.wav", "six zero nine nine"),
        ] {
            let heard = whisper
                .transcribe(&recording(name), &options, |_| ControlFlow::Continue(()))
                .unwrap();
            assert_eq!(heard.text.trim(), text, "{compute_type}");
            let words: usize = heard.segments.iter().map(|segment| segment.words().len()).sum();
            assert_eq!(words, 4, "{compute_type}");
            if let Some(precision) = precision {
                assert_eq!(heard.made_by.precision, precision);
            }
        }
    }
}

#[test]
fn logits_stay_near_those_of_single_precision() {
    let mel = LogMel::compute(&recording("speech-1.wav"), WINDOW_SAMPLES, 80).unwrap();
    let mel = mel.window(0, WINDOW_FRAMES);
    let logits = |compute_type| {
        let whisper = Whisper::load_as(small(), Device::Cpu, compute_type).unwrap();
        let special = &whisper.tokenizer.special;
        let tokens = special
            .sot_sequence("en", workers::whisper::tokenizer::Task::Transcribe)
            .unwrap();
        let features = whisper.model.encode(&mel).unwrap();
        let mut state = whisper.model.start(&features, 8).unwrap();
        whisper
            .model
            .read(&mut state, &tokens, &[tokens.len() - 1])
            .unwrap()
            .remove(0)
    };
    let exact = logits(ComputeType::Float32);
    let range =
        exact.iter().copied().fold(f32::MIN, f32::max) - exact.iter().copied().fold(f32::MAX, f32::min);
    for compute_type in [ComputeType::Bfloat16, ComputeType::Int8] {
        let found = logits(compute_type);
        let furthest = exact
            .iter()
            .zip(&found)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(furthest < range * 0.05, "{compute_type}: {furthest} of {range}");
        assert!(furthest > 0.0, "{compute_type} is single precision");
    }
}

#[test]
fn quantized_rows_equal_the_same_rows_among_more() {
    let values: Vec<f32> = (0_u8..=255)
        .cycle()
        .take(64 * 96)
        .map(|byte| f32::from(byte) / 128.0 - 1.0)
        .collect();
    let weight = Tensor::from_slice(&values).reshape([64, 96]);
    let bias = Tensor::ones([64], (Kind::Float, Device::Cpu));
    let layer = Linear::new(&weight, Some(&bias), Arithmetic::Int8).unwrap();
    let input = Tensor::from_slice(&values).reshape([64, 96]).narrow(0, 0, 8);
    let many = layer.forward(&input).unwrap();
    let few = layer.forward(&input.narrow(0, 0, 2).reshape([2, 1, 96])).unwrap();
    assert_eq!((many.size(), few.size()), (vec![8, 64], vec![2, 1, 64]));
    let difference = (many.narrow(0, 0, 2) - few.squeeze_dim(1)).abs().max();
    // Rounding of bfloat16 and of 8 bits, for sums of 96 products.
    assert!(f64::try_from(difference).unwrap() < 0.5);
}

#[test]
fn an_arithmetic_that_the_processor_lacks_is_refused() {
    let refused = Whisper::load_as(small(), Device::Cpu, ComputeType::Float16);
    let Err(error @ WhisperError::OptionUnusable { .. }) = refused else {
        panic!("float16 on a processor is taken");
    };
    assert!(error.to_string().contains("float16 is for GPUs"), "{error}");
}
