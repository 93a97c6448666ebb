//! Networks of every shape on the hub, with random weights: English only, 80 and 128 mels, 99 and 100 languages,
//! many encoder and few decoder layers.

use std::path::Path;

use serde_json::{Value, json};
use tch::Device;
use tokenizers::Tokenizer;
use workers::whisper::Whisper;
use workers::whisper::compute::{Arithmetic, Precision};
use workers::whisper::config::{GenerationConfig, ModelConfig};
use workers::whisper::log_mel::{LogMel, WINDOW_FRAMES, WINDOW_SAMPLES};
use workers::whisper::model::Model;
use workers::whisper::provenance::ModelDigest;
use workers::whisper::tokenizer::WhisperTokenizer;
use workers::whisper::weights::Weights;

use super::cases::{assert_transcribed, options};
use super::{assert_near, data, floats, ids, tokens, weights};

fn small(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../models/small")
        .join(file)
}

/// The byte-pair tokens of the model that ships, without special ones.
fn tokenizer() -> Tokenizer {
    let mut file: Value = serde_json::from_slice(&std::fs::read(small("tokenizer.json")).unwrap()).unwrap();
    file["added_tokens"] = json!([]);
    file.to_string().parse().unwrap()
}

/// `languages` is 0 for English only, whose vocabulary has room for 99 all the same.
fn generation_config(languages: u64) -> GenerationConfig {
    let eot = 490;
    let count = if languages == 0 { 99 } else { languages };
    let ids: serde_json::Map<String, Value> = tokens::LANGUAGES
        .split_whitespace()
        .take(usize::try_from(count).unwrap())
        .zip(eot + 2..)
        .map(|(code, id)| (format!("<|{code}|>"), json!(id)))
        .collect();
    serde_json::from_value(json!({
        "is_multilingual": languages > 0,
        "lang_to_id": ids,
        "eos_token_id": eot,
        "decoder_start_token_id": eot + 1,
        "no_timestamps_token_id": eot + count + 7,
    }))
    .unwrap()
}

fn build(case: &Value) -> Whisper {
    let config: ModelConfig = serde_json::from_value(case["config"].clone()).unwrap();
    let generation = generation_config(case["languages"].as_u64().unwrap());
    let tensors = weights::random(&config, case["seed"].as_u64().unwrap());
    Whisper {
        alignment_heads: generation.alignment_heads(&config),
        model: Model::new(
            config,
            Weights::new(tensors, Device::Cpu),
            Device::Cpu,
            Precision::both(Arithmetic::Float32),
        )
        .unwrap(),
        tokenizer: WhisperTokenizer::new(tokenizer(), &generation).unwrap(),
        digest: ModelDigest::default(),
    }
}

#[test]
fn every_shape_has_the_reference_numbers_and_text() {
    let golden: Value = serde_json::from_slice(&std::fs::read(data("shapes.json")).unwrap()).unwrap();
    let talk = audio::decode_mono_16k(small("recordings/talk.wav"), audio::Limits::default()).unwrap();
    let cases = golden.as_object().unwrap();
    let cases: Vec<_> = cases.iter().filter(|(name, _)| *name != "generator").collect();
    assert_eq!(cases.len(), 5);
    for (name, case) in cases {
        let whisper = build(case);
        assert_numbers(name, &whisper, &talk, case);
        for (kind, case) in case["transcribe"].as_object().unwrap() {
            let options = options(&whisper.tokenizer, &case["options"]);
            assert_transcribed(&format!("{name} {kind}"), &whisper, &talk, &options, case);
        }
    }
}

fn assert_numbers(name: &str, whisper: &Whisper, talk: &[f32], case: &Value) {
    let config = &whisper.model.config;
    let mut samples = talk.to_vec();
    samples.resize(WINDOW_SAMPLES, 0.0);
    let mel = LogMel::compute(&samples, 0, config.num_mel_bins).unwrap();
    let features = whisper.model.encode(&mel.window(0, WINDOW_FRAMES)).unwrap();
    let heard = features.to_vec().unwrap();
    let positions = heard.chunks(config.d_model).step_by(300);
    let corners = positions.flat_map(|position| &position[..4]);
    for (found, expected) in corners.zip(floats(&case["encoder"])) {
        assert_near(&format!("{name} encoder"), f64::from(*found), expected, 1e-4);
    }

    let start = ids(&case["sot_sequence"]);
    let mut state = whisper.model.start(&features, start.len()).unwrap();
    let logits = whisper
        .model
        .read(&mut state, &start, &[start.len() - 1])
        .unwrap();
    let expected = floats(&case["logits"]);
    assert_eq!(logits[0].len(), expected.len());
    for (found, expected) in logits[0].iter().zip(expected) {
        assert_near(&format!("{name} logits"), f64::from(*found), expected, 1e-4);
    }

    let probable = case["language"].as_object().unwrap();
    let (_, languages) = whisper.detect_language(&features).unwrap();
    for (code, probability) in languages.iter().take(probable.len()) {
        assert_near(code, *probability, probable[code].as_f64().unwrap(), 1e-4);
    }
}
