//! Whole decodings of one window: greedy and by beam search, with every option of the reference.

use serde_json::Value;
use workers::whisper::Whisper;
use workers::whisper::decoding::DecodeOptions;
use workers::whisper::filters::{Filters, TimestampRules, log_sum_exp};
use workers::whisper::suppress::SuppressTokens;

use super::{assert_near, first_window, golden, ids, whisper};

fn options(whisper: &Whisper, given: &Value, language: &str) -> DecodeOptions {
    let tokens = |value: &Value| match value {
        Value::String(text) => whisper.tokenizer.encode(&format!(" {}", text.trim())).unwrap(),
        Value::Array(_) => ids(value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let flag = |name: &str, default: bool| given[name].as_bool().unwrap_or(default);
    let whole = |name: &str| given[name].as_u64().map(|count| usize::try_from(count).unwrap());
    DecodeOptions {
        task: given["task"]
            .as_str()
            .map_or_else(Default::default, |task| task.parse().unwrap()),
        beam_size: whole("beam_size"),
        patience: given["patience"].as_f64().unwrap_or(1.0),
        length_penalty: given["length_penalty"].as_f64(),
        prompt: tokens(&given["prompt"]),
        prefix: tokens(&given["prefix"]),
        without_timestamps: flag("without_timestamps", false),
        suppress_blank: flag("suppress_blank", true),
        suppress_tokens: given["suppress_tokens"].as_str().unwrap_or("-1").parse().unwrap(),
        max_initial_timestamp: given
            .get("max_initial_timestamp")
            .map_or(Some(1.0), Value::as_f64),
        sample_len: whole("sample_len"),
        ..DecodeOptions::new(language)
    }
}

#[test]
fn every_decoding_has_the_reference_tokens_text_and_probabilities() {
    let whisper = whisper();
    let features = first_window(&whisper);
    let golden = golden();
    let cases = golden["decode"].as_object().unwrap();
    let decodings: Vec<_> = cases
        .iter()
        .filter(|(_, case)| !case["options"].is_null())
        .collect();
    assert_eq!(decodings.len(), 14);
    for (name, case) in decodings {
        let language = case["language"].as_str().unwrap();
        let found = whisper
            .decode(&features, &options(&whisper, &case["options"], language))
            .unwrap();
        assert_eq!(found.tokens, ids(&case["tokens"]), "{name}");
        assert_eq!(found.text, case["text"].as_str().unwrap(), "{name}");
        assert_near(
            name,
            found.avg_logprob,
            case["avg_logprob"].as_f64().unwrap(),
            1e-4,
        );
        assert_near(
            name,
            found.compression_ratio,
            case["compression_ratio"].as_f64().unwrap(),
            1e-9,
        );
        let no_speech_prob = case["no_speech_prob"].as_f64().unwrap();
        assert_near(name, found.no_speech_prob, no_speech_prob, 1e-3 * no_speech_prob);
    }
}

/// Draws depend on the generator, so the reference's draws are read one by one and their probability is compared.
#[test]
fn the_probability_of_a_drawn_text_is_the_untempered_one() {
    let whisper = whisper();
    let features = first_window(&whisper);
    let golden = golden();
    let case = &golden["decode"]["sampled_T0.6_torchseed7"];
    let tokens = ids(&case["tokens"]);
    let filters = Filters {
        blank: whisper.tokenizer.blank.clone(),
        suppressed: SuppressTokens::default().resolve(&whisper.tokenizer),
        timestamps: Some(TimestampRules::new(&whisper.tokenizer, Some(1.0))),
    };
    let mut state = whisper.model.start(&features, 40).unwrap();
    let mut logits = whisper
        .model
        .read(&mut state, &[50_258, 50_259, 50_359], &[2])
        .unwrap();
    let mut sum = 0.0;
    for (position, token) in tokens.iter().enumerate() {
        filters.apply(&mut logits[0], &tokens[..position]);
        sum += f64::from(logits[0][usize::try_from(*token).unwrap()]) - log_sum_exp(&logits[0]);
        logits = whisper.model.read(&mut state, &[*token], &[0]).unwrap();
    }
    let length = f64::from(u32::try_from(tokens.len()).unwrap());
    assert_near(
        "avg_logprob",
        sum / (length + 1.0),
        case["avg_logprob"].as_f64().unwrap(),
        1e-4,
    );
}

#[test]
fn a_draw_is_repeatable_and_another_seed_draws_anew() {
    let whisper = whisper();
    let features = first_window(&whisper);
    let draw = |seed: u64| {
        let options = DecodeOptions {
            temperature: 0.8,
            best_of: 3,
            sample_len: Some(12),
            seed,
            ..DecodeOptions::new("en")
        };
        whisper.decode(&features, &options).unwrap()
    };
    assert_eq!(draw(1).tokens, draw(1).tokens);
    assert_ne!(draw(1).tokens, draw(2).tokens);
    assert_near("temperature", draw(1).temperature, 0.8, 0.0);
}
