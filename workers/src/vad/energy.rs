//! Voice activity by energy: a frame well over the noise around it is taken for speech.
//!
//! The noise floor runs along with the recording: it is the level that a tenth of the frames within 10 s lie
//! below, as in minimum statistics (Martin 2001), so a fan or a hum is soon part of it. The distance from the
//! floor in dB becomes a probability by a logistic curve; the two thresholds of the spans then are a hysteresis.

use super::FRAME_SAMPLES;
use crate::whisper::numbers::float;

/// Frames that share a floor: about a second.
const BLOCK: usize = 32;
/// Blocks on either side that the floor is taken from.
const REACH: usize = 10;
/// The floor is the level that one of this many frames lies below.
const QUIET_SHARE: usize = 10;
/// Over the floor by this a frame is speech as likely as not, in dB.
const EVEN_DB: f64 = 6.0;
/// Steepness of the curve, in dB: the usual thresholds 0.5 and 0.35 lie 1.5 dB apart.
const SLOPE_DB: f64 = 2.5;
/// No floor lies below this, in dB of full scale: whatever is as quiet is silence, in any recording.
const LOWEST_FLOOR_DB: f64 = -65.0;
/// No floor lies farther below the loudest frames than this, in dB.
const RANGE_DB: f64 = 45.0;
/// The level of digital silence, in dB of full scale.
const SILENCE_DB: f64 = -120.0;

/// The probability of speech in each frame.
pub fn probabilities(samples: &[f32]) -> Vec<f64> {
    let levels: Vec<f64> = samples.chunks(FRAME_SAMPLES).map(level).collect();
    // The loudest hundredth is left out: a knock is not the level of a recording.
    let loudest = quantile(&levels, 1, 100).unwrap_or(SILENCE_DB);
    let lowest = (loudest - RANGE_DB).max(LOWEST_FLOOR_DB);
    let mut found = Vec::with_capacity(levels.len());
    for (block, frames) in levels.chunks(BLOCK).enumerate() {
        let first = block.saturating_sub(REACH) * BLOCK;
        let end = ((block + REACH + 1) * BLOCK).min(levels.len());
        let around = levels.get(first..end).unwrap_or_default();
        let floor = quantile(around, QUIET_SHARE - 1, QUIET_SHARE)
            .unwrap_or(lowest)
            .max(lowest);
        found.extend(frames.iter().map(|level| probability(level - floor)));
    }
    found
}

/// Of a frame so many dB over the floor.
fn probability(over_floor: f64) -> f64 {
    1.0 / (1.0 + ((EVEN_DB - over_floor) / SLOPE_DB).exp())
}

/// Power of a frame around its mean in dB of full scale; samples that are no numbers count as silence.
fn level(frame: &[f32]) -> f64 {
    let sound = |sample: &f32| Some(f64::from(*sample)).filter(|sample| sample.is_finite());
    let length = float(frame.len());
    let mean = frame.iter().filter_map(sound).sum::<f64>() / length;
    let power: f64 = frame
        .iter()
        .filter_map(sound)
        .map(|sample| (sample - mean).powi(2))
        .sum();
    (10.0 * (power / length).log10()).max(SILENCE_DB)
}

/// The level that `share` of `all` frames lie above; `None` without frames.
fn quantile(levels: &[f64], share: usize, all: usize) -> Option<f64> {
    let mut sorted = levels.to_vec();
    sorted.sort_by(|left, right| right.total_cmp(left));
    sorted.get(sorted.len() * share / all).copied()
}
