//! Whisper's multilingual tokenizer, from the ranks that ship with the reference.

use std::collections::HashMap;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tokenizers::Tokenizer;
use workers::whisper::suppress::SuppressTokens;

use super::{data, golden, ids, whisper};

/// Whisper's order; the place in this list gives the id.
pub const LANGUAGES: &str = "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no \
    th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo \
    so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue";

pub fn generation_config() -> Value {
    let languages: serde_json::Map<String, Value> = LANGUAGES
        .split_whitespace()
        .take(99)
        .zip(50_259_u32..)
        .map(|(code, id)| (format!("<|{code}|>"), json!(id)))
        .collect();
    json!({
        "is_multilingual": true,
        "lang_to_id": languages,
        "no_timestamps_token_id": 50_363,
        "decoder_start_token_id": 50_258,
        "eos_token_id": 50_257,
    })
}

pub fn multilingual() -> Tokenizer {
    let ranks = ranks();
    let printable = printable_bytes();
    let text = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| printable[usize::from(*byte)])
            .collect::<String>()
    };
    let mut vocabulary = serde_json::Map::new();
    let mut merges = Vec::new();
    let mut ordered: Vec<(&Vec<u8>, &u32)> = ranks.iter().collect();
    ordered.sort_by_key(|(_, rank)| **rank);
    for (bytes, rank) in ordered {
        vocabulary.insert(text(bytes), json!(rank));
        if bytes.len() > 1
            && let Some(at) = split(&ranks, bytes, *rank)
        {
            merges.push(json!([text(&bytes[..at]), text(&bytes[at..])]));
        }
    }
    let byte_level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let file = json!({
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    });
    file.to_string().parse().unwrap()
}

/// Token bytes and their rank: lines of base64 and a number.
fn ranks() -> HashMap<Vec<u8>, u32> {
    let mut text = String::new();
    let file = std::fs::File::open(data("multilingual.tiktoken.gz")).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(bytes, rank)| (base64(bytes), rank.parse().unwrap()))
        .collect()
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held) = (0_u32, 0);
    let mut bytes = Vec::new();
    for value in text.chars().filter_map(|letter| ALPHABET.find(letter)) {
        bits = (bits << 6) | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    bytes
}

/// Where a token falls apart into the two that it was merged from: those left when only earlier merges are made.
fn split(ranks: &HashMap<Vec<u8>, u32>, bytes: &[u8], rank: u32) -> Option<usize> {
    let mut parts: Vec<&[u8]> = bytes.chunks(1).collect();
    while parts.len() > 2 {
        let joined = |at: usize| [parts[at], parts[at + 1]].concat();
        let (_, at) = (0..parts.len() - 1)
            .filter_map(|at| Some((*ranks.get(&joined(at))?, at)))
            .filter(|(found, _)| *found < rank)
            .min()?;
        let start: usize = parts[..at].iter().map(|part| part.len()).sum();
        let merged = &bytes[start..start + parts[at].len() + parts[at + 1].len()];
        parts.splice(at..at + 2, [merged]);
    }
    Some(parts[0].len())
}

/// The byte-level alphabet: printable bytes stand for themselves, the others for letters from U+0100 on.
fn printable_bytes() -> Vec<char> {
    let mut next = 0x100_u32;
    (0..=255_u8)
        .map(|byte| {
            if matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff) {
                return char::from(byte);
            }
            next += 1;
            char::from_u32(next - 1).unwrap()
        })
        .collect()
}

#[test]
fn text_becomes_the_reference_tokens_and_text_again() {
    let tokenizer = whisper().tokenizer;
    for case in golden()["tokenizer_cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let tokens = tokenizer.encode(text).unwrap();
        assert_eq!(tokens, ids(&case["ids"]), "{text:?}");
        assert_eq!(tokenizer.decode(&tokens).unwrap(), text);
    }
}

#[test]
fn special_and_suppressed_tokens_are_the_reference_ones() {
    let tokenizer = whisper().tokenizer;
    let expected = &golden()["tokens"];
    let special = &tokenizer.special;
    let found = [
        ("eot", special.eot),
        ("sot", special.sot),
        ("en", special.language_token("en").unwrap()),
        ("translate", special.translate),
        ("transcribe", special.transcribe),
        ("sot_lm", special.sot_lm),
        ("sot_prev", special.sot_prev),
        ("no_speech", special.no_speech),
        ("no_timestamps", special.no_timestamps),
        ("timestamp_begin", special.timestamp_begin),
    ];
    for (name, id) in found {
        assert_eq!(Some(u64::from(id)), expected[name].as_u64(), "{name}");
    }
    assert_eq!(
        tokenizer.blank,
        [ids(&expected["blank"]), vec![special.eot]].concat()
    );
    assert_eq!(tokenizer.non_speech, ids(&expected["non_speech_tokens"]));
    assert_eq!(
        SuppressTokens::default().resolve(&tokenizer),
        ids(&expected["suppressed_default"])
    );
}

#[test]
fn an_unknown_language_is_refused_with_the_known_ones() {
    let tokenizer = whisper().tokenizer;
    let error = tokenizer.special.language_token("xx").unwrap_err();
    assert_eq!(error.code(), "LANGUAGE_UNKNOWN");
    assert!(
        error
            .to_string()
            .contains("\"xx\" is unknown to this model: use one of af, am,"),
        "{error}"
    );
}
