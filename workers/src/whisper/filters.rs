//! What the decoder may write next: rules that strike out logits, in the reference's order.

use super::numbers::{index, token};
use super::tokenizer::WhisperTokenizer;

/// The rules of one decoding.
#[derive(Clone, Debug)]
pub struct Filters {
    /// Struck out for the first sampled token only.
    pub blank: Vec<u32>,
    /// Never written.
    pub suppressed: Vec<u32>,
    pub timestamps: Option<TimestampRules>,
}

/// Timestamps come in pairs around text, do not go back, and begin early.
#[derive(Clone, Copy, Debug)]
pub struct TimestampRules {
    pub eot: u32,
    pub no_timestamps: u32,
    pub timestamp_begin: u32,
    /// Latest first timestamp, in steps of 20 ms.
    pub max_initial: Option<u32>,
}

impl TimestampRules {
    /// `max_initial` in seconds; `None` or 0 sets no limit.
    pub fn new(tokenizer: &WhisperTokenizer, max_initial: Option<f64>) -> Self {
        let special = &tokenizer.special;
        let steps = max_initial
            .filter(|seconds| *seconds > 0.0)
            .map(|seconds| seconds / 0.02);
        Self {
            eot: special.eot,
            no_timestamps: special.no_timestamps,
            timestamp_begin: special.timestamp_begin,
            max_initial: steps.map(|steps| token(super::numbers::count(steps))),
        }
    }
}

impl Filters {
    /// Strikes out logits, given the tokens sampled so far.
    pub fn apply(&self, logits: &mut [f32], sampled: &[u32]) {
        if sampled.is_empty() {
            forbid_all(logits, &self.blank);
        }
        forbid_all(logits, &self.suppressed);
        if let Some(rules) = &self.timestamps {
            rules.apply(logits, sampled);
        }
    }
}

impl TimestampRules {
    fn apply(&self, logits: &mut [f32], sampled: &[u32]) {
        forbid(logits, self.no_timestamps..self.no_timestamps + 1);
        let is_timestamp = |token: u32| token >= self.timestamp_begin;
        let (last, before_last) = match sampled {
            [] => (None, None),
            [last] => (Some(*last), None),
            [.., before_last, last] => (Some(*last), Some(*before_last)),
        };
        let last_is = last.is_some_and(is_timestamp);
        let before_last_is = before_last.is_none_or(is_timestamp);
        if last_is && before_last_is {
            // A pair is complete, or the first one stands: text must follow.
            forbid(logits, self.timestamp_begin..u32::MAX);
        } else if last_is {
            // A text has ended: the next segment's start must follow, or the end.
            forbid(logits, 0..self.eot);
        }
        if let Some(latest) = sampled.iter().rev().copied().find(|token| is_timestamp(*token)) {
            // The start of the next segment may equal the last end; an end lies after its start.
            let lowest = if last_is && !before_last_is {
                latest
            } else {
                latest + 1
            };
            forbid(logits, self.timestamp_begin..lowest);
        }
        if sampled.is_empty() {
            forbid(logits, 0..self.timestamp_begin);
            if let Some(max_initial) = self.max_initial {
                forbid(logits, self.timestamp_begin + max_initial + 1..u32::MAX);
            }
        }
        self.prefer_timestamps(logits);
    }

    /// If all timestamps together are likelier than the likeliest other token, one of them must follow.
    fn prefer_timestamps(&self, logits: &mut [f32]) {
        let (others, timestamps) = logits.split_at_mut(index(self.timestamp_begin).min(logits.len()));
        let best_other = others.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if log_sum_exp(timestamps) > f64::from(best_other) {
            others.fill(f32::NEG_INFINITY);
        }
    }
}

/// ln Σ exp, in double precision; −∞ for nothing but −∞.
pub fn log_sum_exp(logits: &[f32]) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if largest == f32::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    f64::from(largest) + sum.ln()
}

fn forbid(logits: &mut [f32], tokens: std::ops::Range<u32>) {
    let end = index(tokens.end).min(logits.len());
    if let Some(range) = logits.get_mut(index(tokens.start).min(end)..end) {
        range.fill(f32::NEG_INFINITY);
    }
}

fn forbid_all(logits: &mut [f32], tokens: &[u32]) {
    for token in tokens {
        forbid(logits, *token..*token + 1);
    }
}
