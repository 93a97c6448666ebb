//! When each word was said: the decoder reads the text again, and some of its cross-attention heads look where
//! in the sound each token is.

use tch::{Device, Kind, Tensor};

use super::dtw::dtw;
use super::model::AudioFeatures;
use super::numbers::{float, size};
use super::tokenizer::Task;
use super::words::WordTokens;
use super::{Whisper, WhisperError};

/// Neighbouring positions that the median filter looks at.
const MEDIAN_WIDTH: i64 = 7;
/// Audio positions per second.
const POSITIONS_PER_SECOND: f64 = 50.0;

/// A word with its time in the window.
#[derive(Clone, Debug, PartialEq)]
pub struct WordTiming {
    /// With its leading space.
    pub word: String,
    pub tokens: Vec<u32>,
    /// Seconds from the start of the window.
    pub start: f64,
    pub end: f64,
    /// Mean probability of the tokens.
    pub probability: f64,
}

impl WordTiming {
    pub(super) fn duration(&self) -> f64 {
        self.end - self.start
    }
}

impl Whisper {
    /// Finds the times of `text`, text tokens without timestamps, in one window of which the first `frames`
    /// frames (10 ms) hold sound (`find_alignment` in the reference's `timing.py`).
    pub fn find_alignment(
        &self,
        features: &AudioFeatures,
        (language, task): (&str, Task),
        text: &[u32],
        frames: usize,
    ) -> Result<Vec<WordTiming>, WhisperError> {
        let special = &self.tokenizer.special;
        let positions = (frames / 2).min(self.model.config.max_source_positions);
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let words = self
            .tokenizer
            .split_to_words(&[text, &[special.eot]].concat(), language)?;
        // The last one is the end token.
        let words = words.split_last().map_or([].as_slice(), |(_, words)| words);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let sot = special.sot_sequence(language, task)?;
        let tokens = [sot.as_slice(), &[special.no_timestamps], text, &[special.eot]].concat();
        let context = self.model.config.max_target_positions;
        if tokens.len() > context {
            let reason = format!(
                "{} tokens are more than the {context} that the model reads",
                tokens.len()
            );
            return Err(WhisperError::option("word_timestamps", reason));
        }
        let (logits, attention) = self.model.attend(features, &tokens, &self.alignment_heads)?;
        let probabilities = probabilities(&logits, sot.len(), text, special.eot)?;
        let costs = costs(&attention, sot.len(), size(positions))?;
        Ok(timings(words, &jump_times(&dtw(&costs)), &probabilities))
    }
}

/// The probability of each text token among the text tokens, given the ones before it.
fn probabilities(logits: &Tensor, sot: usize, text: &[u32], eot: u32) -> Result<Vec<f64>, WhisperError> {
    tch::no_grad(|| {
        let ids: Vec<i64> = text.iter().map(|token| i64::from(*token)).collect();
        let ids = Tensor::f_from_slice(&ids)?
            .f_to(logits.device())?
            .f_unsqueeze(1)?;
        let found = logits
            .f_narrow(0, size(sot), size(text.len()))?
            .f_narrow(1, 0, i64::from(eot))?
            .f_softmax(-1, Kind::Float)?
            .f_gather(1, &ids, false)?
            .f_reshape([-1])?
            .f_to_kind(Kind::Double)?
            .f_to(Device::Cpu)?;
        Ok(Vec::try_from(&found)?)
    })
}

/// What it costs to hear each token, from the one before the text to its last, at each position: the less the
/// more attention it has there, compared with the other tokens.
fn costs(attention: &[Tensor], sot: usize, positions: i64) -> Result<Vec<Vec<f32>>, WhisperError> {
    tch::no_grad(|| {
        let tokens = match attention.first() {
            Some(head) => head.size2()?.0,
            None => return Ok(Vec::new()),
        };
        let rows = tokens - size(sot) - 1;
        if positions == 0 {
            return Ok(vec![Vec::new(); usize::try_from(rows).unwrap_or(0)]);
        }
        let mut heads = Vec::with_capacity(attention.len());
        // One by one, since the median filter needs many times the memory of its input.
        for head in attention {
            let weights = head.f_narrow(1, 0, positions)?.f_softmax(-1, Kind::Float)?;
            let (std, mean) = weights.f_std_mean_correction([0_i64].as_slice(), 0, true)?;
            heads.push(median_filter(&weights.f_sub(&mean)?.f_div(&std)?, MEDIAN_WIDTH)?);
        }
        let matrix = Tensor::f_stack(&heads, 0)?.f_mean_dim([0_i64].as_slice(), false, Kind::Float)?;
        let costs = matrix.f_narrow(0, size(sot), rows)?.f_neg()?.f_to(Device::Cpu)?;
        Ok(Vec::<Vec<f32>>::try_from(&costs)?)
    })
}

/// The median of `width` neighbours (odd) along the last dimension of a matrix; beyond both ends it is mirrored.
/// A matrix too narrow to be mirrored stays as it is (`median_filter` in the reference's `timing.py`).
pub fn median_filter(matrix: &Tensor, width: i64) -> Result<Tensor, WhisperError> {
    let half = width / 2;
    if matrix.size2()?.1 <= half {
        return Ok(matrix.shallow_clone());
    }
    let windows = matrix.f_reflection_pad1d([half, half])?.f_unfold(-1, width, 1)?;
    Ok(windows.f_sort(-1, false)?.0.f_select(-1, half)?)
}

/// Seconds at which each token begins.
fn jump_times(path: &[(i64, i64)]) -> Vec<f64> {
    let mut times = Vec::new();
    let mut last = None;
    for (token, position) in path {
        if last != Some(*token) {
            times.push(f64::from(i32::try_from(*position).unwrap_or(i32::MAX)) / POSITIONS_PER_SECOND);
            last = Some(*token);
        }
    }
    times
}

fn timings(words: &[WordTokens], jumps: &[f64], probabilities: &[f64]) -> Vec<WordTiming> {
    let at = |token: usize| jumps.get(token).copied().unwrap_or_default();
    let mut from = 0;
    words
        .iter()
        .map(|word| {
            let to = from + word.tokens.len();
            let of_word = probabilities.get(from..to).unwrap_or_default();
            let timing = WordTiming {
                word: word.word.clone(),
                tokens: word.tokens.clone(),
                start: at(from),
                end: at(to),
                probability: of_word.iter().sum::<f64>() / float(of_word.len().max(1)),
            };
            from = to;
            timing
        })
        .collect()
}
