//! What is known of a voice in each frame of 10 ms: mel-frequency cepstral coefficients (Davis & Mermelstein 1980).

use crate::whisper::WhisperError;
use crate::whisper::log_mel::LogMel;
use crate::whisper::numbers::{float, narrow};

/// Samples from frame to frame, at 16 kHz.
pub const HOP: usize = 160;
const MELS: usize = 40;
/// Coefficients 1 to 19; coefficient 0 is the loudness, which tells distances, not voices.
pub const COEFFICIENTS: usize = 19;

/// The first frame of a stretch of a recording, and the first one after it.
pub type Stretch = (usize, usize);

/// Cepstra of a recording.
#[derive(Debug)]
pub struct Cepstra {
    /// Frame after frame, 19 values each.
    values: Vec<f32>,
}

impl Cepstra {
    /// From finite samples at 16 kHz: a frame for each whole 10 ms.
    pub fn compute(samples: &[f32]) -> Result<Self, WhisperError> {
        let spectrogram = LogMel::compute(samples, 0, MELS)?;
        let cosines: Vec<Vec<f32>> = (1..=COEFFICIENTS).map(cosines).collect();
        let mut values = Vec::with_capacity(spectrogram.frames * COEFFICIENTS);
        for mels in spectrogram.columns() {
            let coefficient = |row: &Vec<f32>| {
                mels.iter()
                    .zip(row)
                    .map(|(mel, weight)| mel * weight)
                    .sum::<f32>()
            };
            values.extend(cosines.iter().map(coefficient));
        }
        Ok(Self { values })
    }

    /// The frames from `start` to before `end`.
    pub fn range(&self, start: usize, end: usize) -> impl Iterator<Item = &[f32]> {
        let values = self
            .values
            .get(start * COEFFICIENTS..(end * COEFFICIENTS).min(self.values.len()));
        values.unwrap_or_default().chunks_exact(COEFFICIENTS)
    }

    /// Scales each coefficient to a mean of 0 and a variance of 1 over the frames of `spans`.
    pub fn normalize(&mut self, spans: &[Stretch]) {
        let (mut count, mut sums, mut squares) = (0.0, vec![0.0; COEFFICIENTS], vec![0.0; COEFFICIENTS]);
        for (start, end) in spans {
            for frame in self.range(*start, *end) {
                count += 1.0;
                for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(frame) {
                    let value = f64::from(*value);
                    *sum += value;
                    *square += value * value;
                }
            }
        }
        let count: f64 = f64::max(count, 1.0);
        let scales: Vec<(f32, f32)> = sums
            .iter()
            .zip(&squares)
            .map(|(sum, square)| {
                let mean = sum / count;
                let variance = (square / count - mean * mean).max(1e-12);
                (narrow(mean), narrow(1.0 / variance.sqrt()))
            })
            .collect();
        for frame in self.values.chunks_exact_mut(COEFFICIENTS) {
            for (value, (mean, scale)) in frame.iter_mut().zip(&scales) {
                *value = (*value - mean) * scale;
            }
        }
    }
}

/// A row of the discrete cosine transform (DCT-II).
fn cosines(coefficient: usize) -> Vec<f32> {
    let angle = std::f64::consts::PI * float(coefficient) / float(MELS);
    (0..MELS)
        .map(|mel| narrow((angle * (float(mel) + 0.5)).cos()))
        .collect()
}
