//! Agreement with openai-whisper 20250625, number by number, on a network of random weights.
//!
//! `golden.json` and `golden.safetensors` hold what the reference computed from `audio.wav` with the weights
//! that `weights.rs` makes from a formula. The tokenizer is Whisper's multilingual one.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it fails"
)]

mod alignment;
mod cases;
mod decoding;
mod front_end;
mod rules;
mod shapes;
mod small;
mod tokens;
mod transcribing;
mod weights;

use std::path::PathBuf;

use serde_json::Value;
use tch::{Device, Tensor};
use workers::whisper::Whisper;
use workers::whisper::compute::{Arithmetic, Precision};
use workers::whisper::config::{GenerationConfig, ModelConfig};
use workers::whisper::log_mel::{LogMel, WINDOW_FRAMES, WINDOW_SAMPLES};
use workers::whisper::model::{AudioFeatures, Model};
use workers::whisper::provenance::ModelDigest;
use workers::whisper::tokenizer::WhisperTokenizer;
use workers::whisper::weights::Weights;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/parity")
        .join(name)
}

fn golden() -> Value {
    serde_json::from_slice(&std::fs::read(data("golden.json")).unwrap()).unwrap()
}

/// An array of `golden.safetensors`, flattened.
fn golden_array(name: &str) -> Vec<f32> {
    let arrays = Tensor::read_safetensors(data("golden.safetensors")).unwrap();
    let (_, array) = arrays.into_iter().find(|(found, _)| found == name).unwrap();
    Vec::try_from(&array.f_reshape([-1]).unwrap()).unwrap()
}

fn samples() -> Vec<f32> {
    audio::decode_mono_16k(data("audio.wav"), audio::Limits::default()).unwrap()
}

fn whisper() -> Whisper {
    let config: ModelConfig = serde_json::from_slice(&std::fs::read(data("config.json")).unwrap()).unwrap();
    let generation: GenerationConfig = serde_json::from_value(tokens::generation_config()).unwrap();
    let tensors = Weights::new(weights::random(&config, 0), Device::Cpu);
    Whisper {
        alignment_heads: generation.alignment_heads(&config),
        model: Model::new(config, tensors, Device::Cpu, Precision::both(Arithmetic::Float32)).unwrap(),
        tokenizer: WhisperTokenizer::new(tokens::multilingual(), &generation).unwrap(),
        digest: ModelDigest::default(),
    }
}

/// What the encoder hears in the first 30 s.
fn first_window(whisper: &Whisper) -> AudioFeatures {
    let mel = LogMel::compute(&samples()[..WINDOW_SAMPLES], 0, 80).unwrap();
    whisper.model.encode(&mel.window(0, WINDOW_FRAMES)).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap())
        .collect()
}

fn ids(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|value| u32::try_from(value.as_u64().unwrap()).unwrap())
        .collect()
}

/// Asserts that two arrays differ nowhere by more than `tolerance`.
fn assert_close(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let worst = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst <= tolerance, "{name} differs by {worst}");
}

fn assert_near(name: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{name}: {found} instead of {expected}"
    );
}
