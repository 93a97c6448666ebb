//! The audio front end: samples at 16 kHz become a log-mel spectrogram, 100 frames per second.
//!
//! As the reference does, the whole file is taken at once, so that the floor, 80 dB below the loudest point,
//! is the same for all windows.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use super::WhisperError;
use super::numbers::{float, narrow};

pub const SAMPLE_RATE: usize = 16_000;
/// Frames of one window of 30 s.
pub const WINDOW_FRAMES: usize = 3000;
/// Samples of one window of 30 s.
pub const WINDOW_SAMPLES: usize = 480_000;
/// Samples from frame to frame.
pub const HOP: usize = 160;
const FFT: usize = 400;
const BINS: usize = FFT / 2 + 1;

/// A log-mel spectrogram, normalised as Whisper wants it.
#[derive(Debug)]
pub struct LogMel {
    pub mels: usize,
    pub frames: usize,
    /// Frame after frame, `mels` values each.
    values: Vec<f32>,
}

impl LogMel {
    /// Takes all samples, followed by `padding` zeros.
    pub fn compute(samples: &[f32], padding: usize, mels: usize) -> Result<Self, WhisperError> {
        let frames = (samples.len() + padding) / HOP;
        let filters = mel_filters(mels);
        let hann: Vec<f32> = (0..FFT).map(hann).collect();
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(FFT);
        let mut scratch = fft.make_scratch_vec();
        let mut input = fft.make_input_vec();
        let mut spectrum: Vec<Complex<f32>> = fft.make_output_vec();
        let mut power = vec![0.0_f32; BINS];
        let mut values = Vec::with_capacity(frames * mels);
        let mut loudest = f32::NEG_INFINITY;

        for frame in 0..frames {
            fill(&mut input, samples, padding, frame);
            for (sample, weight) in input.iter_mut().zip(&hann) {
                *sample *= weight;
            }
            fft.process_with_scratch(&mut input, &mut spectrum, &mut scratch)
                .map_err(|error| WhisperError::unusable("recording", error))?;
            for (power, bin) in power.iter_mut().zip(&spectrum) {
                *power = bin.norm_sqr();
            }
            for filter in &filters {
                let energy: f32 = power
                    .iter()
                    .skip(filter.first)
                    .zip(&filter.weights)
                    .map(|(power, weight)| power * weight)
                    .sum();
                let value = energy.max(1e-10).log10();
                loudest = loudest.max(value);
                values.push(value);
            }
        }
        for value in &mut values {
            *value = (value.max(loudest - 8.0) + 4.0) / 4.0;
        }
        Ok(Self { mels, frames, values })
    }

    /// The values of each frame, mel by mel.
    pub fn columns(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.mels)
    }

    /// A model's input: `mels` × 3000 values, mel after mel, from frame `start` on; where the spectrogram (or
    /// `length`) ends before, it is filled up with zeros as the reference does, not with silence.
    pub fn window(&self, start: usize, length: usize) -> Vec<f32> {
        let mut window = vec![0.0; self.mels * WINDOW_FRAMES];
        let frames = self.columns().skip(start).take(length.min(WINDOW_FRAMES));
        for (frame, column) in frames.enumerate() {
            for (target, value) in window.iter_mut().skip(frame).step_by(WINDOW_FRAMES).zip(column) {
                *target = *value;
            }
        }
        window
    }
}

/// Periodic Hann window.
fn hann(position: usize) -> f32 {
    narrow(0.5 - 0.5 * (std::f64::consts::TAU * float(position) / float(FFT)).cos())
}

/// The samples around the centre of `frame`; beyond both ends the signal is mirrored.
fn fill(input: &mut [f32], samples: &[f32], padding: usize, frame: usize) {
    let half = FFT / 2;
    let centre = frame * HOP;
    if let Some(inside) = centre
        .checked_sub(half)
        .and_then(|start| samples.get(start..start + FFT))
    {
        input.copy_from_slice(inside);
        return;
    }
    let last = (samples.len() + padding).saturating_sub(1);
    for (offset, target) in input.iter_mut().enumerate() {
        // Position relative to the start of the mirrored part, which is `half` samples long.
        let shifted = centre + offset;
        let position = half.abs_diff(shifted);
        let position = if position > last {
            (2 * last).saturating_sub(position)
        } else {
            position
        };
        *target = samples.get(position).copied().unwrap_or(0.0);
    }
}

/// One triangle of the filter bank: weights from FFT bin `first` on.
struct MelFilter {
    first: usize,
    weights: Vec<f32>,
}

/// Slaney's filter bank between 0 Hz and 8 kHz: triangles of equal area on a scale that is linear below 1 kHz
/// and logarithmic above.
fn mel_filters(mels: usize) -> Vec<MelFilter> {
    let top = hertz_to_mel(float(SAMPLE_RATE) / 2.0);
    let edges: Vec<f64> = (0..mels + 2)
        .map(|edge| mel_to_hertz(top * float(edge) / float(mels + 1)))
        .collect();
    let bin_hz = float(SAMPLE_RATE) / float(FFT);
    edges
        .windows(3)
        .map(|edge| {
            let [low, centre, high] = edge else {
                return MelFilter {
                    first: 0,
                    weights: Vec::new(),
                };
            };
            let weights: Vec<f32> = (0..BINS)
                .map(|bin| {
                    let hertz = float(bin) * bin_hz;
                    let rising = (hertz - low) / (centre - low);
                    let falling = (high - hertz) / (high - centre);
                    narrow(rising.min(falling).max(0.0) * 2.0 / (high - low))
                })
                .collect();
            let first = weights.iter().position(|weight| *weight > 0.0).unwrap_or(0);
            let last = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
            MelFilter {
                first,
                weights: weights.get(first..=last).unwrap_or_default().to_vec(),
            }
        })
        .collect()
}

const LINEAR_HZ_PER_MEL: f64 = 200.0 / 3.0;
const BREAK_HZ: f64 = 1000.0;
const BREAK_MEL: f64 = BREAK_HZ / LINEAR_HZ_PER_MEL;

/// ln(6.4) / 27 above the break.
fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn hertz_to_mel(hertz: f64) -> f64 {
    if hertz < BREAK_HZ {
        hertz / LINEAR_HZ_PER_MEL
    } else {
        BREAK_MEL + (hertz / BREAK_HZ).ln() / log_step()
    }
}

fn mel_to_hertz(mel: f64) -> f64 {
    if mel < BREAK_MEL {
        mel * LINEAR_HZ_PER_MEL
    } else {
        BREAK_HZ * (log_step() * (mel - BREAK_MEL)).exp()
    }
}
