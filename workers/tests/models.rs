//! Model folders as the hub has them: what is loaded, and what is refused with the file and the key.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;
use workers::whisper::decoding::DecodeOptions;
use workers::whisper::{ModelFolder, Whisper};

const FILES: [&str; 4] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "model.safetensors",
];

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/small")
}

/// A copy of the model that ships, to be damaged.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in FILES {
        std::fs::copy(small().join(file), folder.path().join(file)).unwrap();
    }
    folder
}

fn tensors() -> BTreeMap<String, Tensor> {
    let read = Tensor::read_safetensors(small().join("model.safetensors")).unwrap();
    read.into_iter().collect()
}

fn write(path: &Path, tensors: &BTreeMap<String, Tensor>) {
    let list: Vec<(&String, &Tensor)> = tensors.iter().collect();
    Tensor::write_safetensors(&list, path).unwrap();
}

fn edit(folder: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.join(file);
    let mut json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(path, json.to_string()).unwrap();
}

fn refusal(folder: &Path) -> String {
    let error = Whisper::load(folder, Device::Cpu).unwrap_err();
    assert!(
        ["MODEL_UNUSABLE", "MODEL_INCOMPLETE"].contains(&error.code()),
        "{error}"
    );
    error.to_string()
}

fn assert_refused(folder: &Path, parts: &[&str]) {
    let error = refusal(folder);
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

/// The model cut in two shards, with its index.
fn shard(folder: &Path) {
    let all = tensors();
    let (encoder, decoder): (BTreeMap<_, _>, BTreeMap<_, _>) = all
        .into_iter()
        .partition(|(name, _)| name.starts_with("model.encoder"));
    let mut map = serde_json::Map::new();
    for (number, part) in [(1, &encoder), (2, &decoder)] {
        let file = format!("model-0000{number}-of-00002.safetensors");
        write(&folder.join(&file), part);
        for name in part.keys() {
            map.insert(name.clone(), json!(file));
        }
    }
    let index = json!({"metadata": {"total_size": 3_454_640}, "weight_map": map});
    std::fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
    std::fs::remove_file(folder.join("model.safetensors")).unwrap();
}

fn first_tokens(whisper: &Whisper) -> Vec<u32> {
    let mel = vec![0.1; whisper.model.config.num_mel_bins * 3000];
    let features = whisper.model.encode(&mel).unwrap();
    let options = DecodeOptions {
        sample_len: Some(6),
        ..DecodeOptions::new("en")
    };
    whisper.decode(&features, &options).unwrap().tokens
}

#[test]
fn shards_hold_the_same_model_and_have_one_digest() {
    let folder = copy();
    let whole = Whisper::load(folder.path(), Device::Cpu).unwrap();
    shard(folder.path());
    let sharded = Whisper::load(folder.path(), Device::Cpu).unwrap();
    assert_eq!(first_tokens(&sharded), first_tokens(&whole));

    let files = &sharded.digest.files;
    assert_eq!(files.len(), 5);
    let shards = files.iter().filter(|(name, _)| name.starts_with("model-"));
    let list: Vec<String> = shards
        .map(|(name, digest)| format!("{digest}  {name}\n"))
        .collect();
    assert_eq!(list.len(), 2);
    assert_eq!(
        sharded.digest.weights_sha256,
        hex::encode(Sha256::digest(list.concat()))
    );
    assert_eq!(
        whole.digest.weights_sha256,
        whole.digest.files["model.safetensors"]
    );
}

#[test]
fn shards_and_their_index_must_agree() {
    let folder = copy();
    shard(folder.path());
    let path = folder.path();
    let shard = path.join("model-00002-of-00002.safetensors");
    let good = std::fs::read(&shard).unwrap();

    std::fs::write(&shard, &good[..good.len() / 2]).unwrap();
    assert_refused(
        path,
        &["model-00002-of-00002.safetensors of the model cannot be used"],
    );
    std::fs::remove_file(&shard).unwrap();
    assert_refused(path, &["lacks model-00002-of-00002.safetensors"]);
    std::fs::write(&shard, &good).unwrap();

    let index = "model.safetensors.index.json";
    edit(path, index, |index| {
        index["weight_map"]["model.decoder.other"] = json!("model-00002-of-00002.safetensors");
    });
    assert_refused(
        path,
        &[
            "model-00002-of-00002.safetensors",
            "model.decoder.other is missing",
        ],
    );
    edit(path, index, |index| {
        let map = index["weight_map"].as_object_mut().unwrap();
        map.remove("model.decoder.other");
        map.remove("model.decoder.layer_norm.bias");
    });
    assert_refused(
        path,
        &["model.decoder.layer_norm.bias is not listed for this file"],
    );
    edit(path, index, |index| {
        index["weight_map"]["x"] = json!("../model.safetensors");
    });
    assert_refused(path, &[index, "../model.safetensors"]);
}

#[test]
fn a_missing_file_is_named() {
    for file in FILES {
        let folder = copy();
        std::fs::remove_file(folder.path().join(file)).unwrap();
        assert_refused(folder.path(), &["lacks", file]);
    }
}

#[test]
fn tensors_that_are_missing_misshaped_or_too_many_are_named() {
    let folder = copy();
    let path = folder.path().join("model.safetensors");
    let name = "model.decoder.layers.1.fc1.weight";
    let refused = |change: &dyn Fn(&mut BTreeMap<String, Tensor>), parts: &[&str]| {
        let mut all = tensors();
        change(&mut all);
        write(&path, &all);
        assert_refused(folder.path(), &[&["model.safetensors"], parts].concat());
    };
    refused(
        &|all| {
            all.remove(name);
        },
        &["model.decoder.layers.1.fc1.weight is missing"],
    );
    refused(
        &|all| {
            all.insert(
                name.to_owned(),
                Tensor::zeros([512, 127], (Kind::Half, Device::Cpu)),
            );
        },
        &[name, "has shape [512, 127], config.json calls for [512, 128]"],
    );
    refused(
        &|all| {
            all.insert(
                name.to_owned(),
                Tensor::zeros([512, 128], (Kind::Int64, Device::Cpu)),
            );
        },
        &[name, "holds Int64 where floats belong"],
    );
    refused(
        &|all| {
            all.insert(
                "model.decoder.layers.2.fc1.bias".to_owned(),
                Tensor::zeros([512], (Kind::Half, Device::Cpu)),
            );
        },
        &["model.decoder.layers.2.fc1.bias has no place in the network"],
    );
    refused(
        &|all| {
            all.insert(
                "proj_out.weight".to_owned(),
                Tensor::zeros([2098, 128], (Kind::Half, Device::Cpu)),
            );
        },
        &["proj_out.weight differs from model.decoder.embed_tokens.weight"],
    );
}

#[test]
fn truncated_weights_are_refused_wherever_they_end() {
    let folder = copy();
    let path = folder.path().join("model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 7, 8, 1000, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert_refused(folder.path(), &["model.safetensors of the model cannot be used"]);
    }
}

#[test]
fn a_tied_copy_of_the_embedding_is_accepted() {
    let folder = copy();
    let mut all = tensors();
    let embedding = all["model.decoder.embed_tokens.weight"].copy();
    all.insert("proj_out.weight".to_owned(), embedding);
    write(&folder.path().join("model.safetensors"), &all);
    assert!(Whisper::load(folder.path(), Device::Cpu).is_ok());
}

#[test]
fn a_network_that_is_no_whisper_is_refused_with_its_key() {
    let cases = [
        ("d_model", Value::Null, "d_model"),
        ("num_mel_bins", json!(64), "num_mel_bins must be 80 or 128"),
        (
            "encoder_attention_heads",
            json!(3),
            "encoder_attention_heads does not divide",
        ),
        (
            "decoder_attention_heads",
            json!(0),
            "decoder_attention_heads does not divide",
        ),
        ("max_source_positions", json!(750), "max_source_positions"),
        ("max_target_positions", json!(4), "max_target_positions"),
        ("encoder_layers", json!(0), "encoder_layers is 0"),
        ("decoder_layers", json!(0), "decoder_layers is 0"),
        ("activation_function", json!("relu"), "activation_function"),
        ("scale_embedding", json!(true), "scale_embedding"),
        ("decoder_ffn_dim", json!(256), "fc1.weight has shape [512, 128]"),
        ("vocab_size", json!(2000), "beyond the vocab_size 2000"),
        (
            "vocab_size",
            json!(2099),
            "embed_tokens.weight has shape [2098, 128]",
        ),
    ];
    for (key, value, message) in cases {
        assert_edit_refused("config.json", key, value, message);
    }
}

#[test]
fn special_tokens_that_cannot_be_are_refused_with_their_key() {
    let cases = [
        ("eos_token_id", json!(491), "eos_token_id"),
        ("no_timestamps_token_id", json!(492), "no_timestamps_token_id"),
        ("decoder_start_token_id", json!("x"), "invalid type"),
        ("lang_to_id", json!({}), "lang_to_id names no language"),
        ("lang_to_id", json!({"<|en|>": 7}), "lang_to_id.<|en|> is 7"),
    ];
    for (key, value, message) in cases {
        assert_edit_refused("generation_config.json", key, value, message);
    }
}

fn assert_edit_refused(file: &str, key: &str, value: Value, message: &str) {
    let folder = copy();
    edit(folder.path(), file, |json| json[key] = value);
    assert_refused(folder.path(), &[message]);
}

#[test]
fn a_tokenizer_of_another_vocabulary_is_refused() {
    let folder = copy();
    edit(folder.path(), "tokenizer.json", |json| {
        // The tokens after it move on.
        json["model"]["vocab"]["extra"] = json!(490);
    });
    assert_refused(
        folder.path(),
        &[
            "tokenizer.json of the model cannot be used",
            "generation_config.json calls for",
        ],
    );

    let folder = copy();
    edit(folder.path(), "generation_config.json", |json| {
        json["eos_token_id"] = json!(489);
    });
    assert_refused(
        folder.path(),
        &["tokenizer.json", "<|endoftext|> is 490", "calls for 489"],
    );

    let folder = copy();
    std::fs::write(folder.path().join("tokenizer.json"), "{").unwrap();
    assert_refused(folder.path(), &["tokenizer.json of the model cannot be used"]);
}

#[test]
fn vocabulary_and_merges_make_the_same_tokenizer() {
    let folder = copy();
    let whole = Whisper::load(folder.path(), Device::Cpu).unwrap();
    let text = std::fs::read(folder.path().join("tokenizer.json")).unwrap();
    let json: Value = serde_json::from_slice(&text).unwrap();
    std::fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    std::fs::write(
        folder.path().join("vocab.json"),
        json["model"]["vocab"].to_string(),
    )
    .unwrap();
    assert_refused(folder.path(), &["lacks merges.txt"]);

    let mut merges = "#version: 0.2\n".to_owned();
    for merge in json["model"]["merges"].as_array().unwrap() {
        let line = merge.as_str().map_or_else(
            || format!("{} {}", merge[0].as_str().unwrap(), merge[1].as_str().unwrap()),
            str::to_owned,
        );
        merges += &(line + "\n");
    }
    std::fs::write(folder.path().join("merges.txt"), merges).unwrap();
    let parts = Whisper::load(folder.path(), Device::Cpu).unwrap();
    for text in ["eleven turn today play", " it's 12:30 — naïve!", "日本 語"] {
        let tokens = parts.tokenizer.encode(text).unwrap();
        assert_eq!(tokens, whole.tokenizer.encode(text).unwrap(), "{text}");
        assert_eq!(parts.tokenizer.decode(&tokens).unwrap(), text);
    }
    assert_eq!(parts.tokenizer.non_speech, whole.tokenizer.non_speech);
}

#[test]
fn the_alignment_heads_are_the_named_ones_or_the_upper_half() {
    let heads = |named: Value| {
        let folder = copy();
        edit(folder.path(), "generation_config.json", |json| {
            json["alignment_heads"] = named;
        });
        let folder = ModelFolder::open(folder.path()).unwrap();
        folder.generation.alignment_heads(&folder.config)
    };
    assert_eq!(heads(json!([[0, 1]])), [(0, 1)]);
    assert_eq!(heads(Value::Null), [(1, 0), (1, 1)]);
    // A distilled model that kept the list of the large one.
    assert_eq!(heads(json!([[0, 1], [31, 4]])), [(1, 0), (1, 1)]);
}
