//! Rules that need no network: fallback, compression ratio, timestamps.

use workers::whisper::compression::compression_ratio;
use workers::whisper::fallback::Thresholds;
use workers::whisper::filters::{Filters, TimestampRules};

use super::{assert_near, golden};

#[test]
fn the_fallback_and_the_skip_of_silence_follow_the_truth_table() {
    let golden = golden();
    let thresholds = Thresholds::default();
    let table = golden["fallback_truth"].as_array().unwrap();
    assert_eq!(table.len(), 18);
    for case in table {
        let number = |name: &str| case[name].as_f64().unwrap();
        let (ratio, logprob, silence) = (
            number("compression_ratio"),
            number("avg_logprob"),
            number("no_speech_prob"),
        );
        let again = thresholds.needs_fallback(ratio, logprob, silence);
        assert_eq!(Some(again), case["needs_fallback"].as_bool(), "{case}");
        assert_eq!(
            Some(thresholds.skips(logprob, silence)),
            case["skip_window"].as_bool(),
            "{case}"
        );
    }
}

#[test]
fn a_repetitive_text_compresses_as_in_the_reference() {
    for case in golden()["compression_ratio_cases"].as_array().unwrap() {
        let ratio = compression_ratio(case["text"].as_str().unwrap());
        assert_near("ratio", ratio, case["ratio"].as_f64().unwrap(), 1e-9);
    }
}

/// Text tokens 0 to 3, end 4, no-timestamps 5, timestamps 6 to 15.
const RULES: TimestampRules = TimestampRules {
    eot: 4,
    no_timestamps: 5,
    timestamp_begin: 6,
    max_initial: Some(2),
};

/// The tokens that are still allowed after `sampled`, from logits that favour text.
fn allowed(sampled: &[u32]) -> Vec<u32> {
    let filters = Filters {
        blank: vec![0],
        suppressed: vec![1],
        timestamps: Some(RULES),
    };
    let mut logits = [20.0_f32; 16];
    logits[6..].fill(0.0);
    filters.apply(&mut logits, sampled);
    (0..16_u32)
        .zip(logits)
        .filter(|(_, logit)| *logit > f32::NEG_INFINITY)
        .map(|(token, _)| token)
        .collect()
}

#[test]
fn a_text_begins_with_an_early_timestamp() {
    assert_eq!(allowed(&[]), [6, 7, 8]);
}

#[test]
fn text_follows_a_first_timestamp_and_a_pair() {
    assert_eq!(allowed(&[7]), [0, 2, 3, 4]);
    assert_eq!(allowed(&[7, 2, 9, 9]), [0, 2, 3, 4]);
}

#[test]
fn a_segment_ends_after_it_began() {
    assert_eq!(allowed(&[7, 2]), [0, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15]);
}

#[test]
fn the_next_segment_begins_where_the_last_ended_or_later() {
    assert_eq!(allowed(&[7, 2, 9]), [4, 9, 10, 11, 12, 13, 14, 15]);
}

#[test]
fn timestamps_that_are_likelier_together_than_any_text_are_taken() {
    let mut logits = [0.0_f32; 16];
    let filters = Filters {
        blank: vec![],
        suppressed: vec![],
        timestamps: Some(RULES),
    };
    filters.apply(&mut logits, &[7, 2]);
    assert!(
        logits[..6].iter().all(|logit| *logit == f32::NEG_INFINITY),
        "{logits:?}"
    );
}
