//! Voice activity detection: where in a recording somebody speaks.
//!
//! A detector gives each frame of 32 ms a probability of speech; silero-vad's rules make spans of them. Whisper
//! then hears the spans only, joined, and its times are restored.

mod energy;
mod parts;
mod silero;
mod spans;

use std::path::Path;

use serde::Serialize;

use crate::whisper::WhisperError;

pub use parts::Parts;
pub use silero::Silero;
pub use spans::{FRAME_SAMPLES, Span, speech_spans};

/// What tells speech from silence.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Detector {
    /// The energy of frames over a running noise floor. Needs no model.
    Energy,
    /// silero-vad's network.
    Silero(Silero),
}

/// How speech is found; names and defaults are those of silero-vad, faster-whisper and Whisper-WebUI.
#[derive(Clone, Debug, Serialize)]
pub struct VadOptions {
    pub detector: Detector,
    /// A frame at least this probable is speech.
    pub threshold: f64,
    /// A frame less probable than this is silence; between the two a frame is what the one before it was.
    /// `None` is `threshold` − 0.15, and 0.01 at least.
    pub neg_threshold: Option<f64>,
    /// Shorter speech is dropped, in milliseconds.
    pub min_speech_duration_ms: u32,
    /// Longer speech is split, at a pause of more than 98 ms if it has one, in seconds; `None` is no limit.
    pub max_speech_duration_s: Option<f64>,
    /// Shorter silence does not end speech, in milliseconds.
    pub min_silence_duration_ms: u32,
    /// Speech is widened by this on both sides, in milliseconds.
    pub speech_pad_ms: u32,
}

impl Default for VadOptions {
    fn default() -> Self {
        Self {
            detector: Detector::Energy,
            threshold: 0.5,
            neg_threshold: None,
            min_speech_duration_ms: 250,
            max_speech_duration_s: None,
            min_silence_duration_ms: 2000,
            speech_pad_ms: 400,
        }
    }
}

impl Detector {
    /// silero-vad's `TorchScript` file, `silero_vad.jit`.
    pub fn silero(file: impl AsRef<Path>) -> Result<Self, WhisperError> {
        Silero::load(file).map(Self::Silero)
    }

    /// The probability of speech in each frame of 512 samples at 16 kHz; the last frame is filled up with silence.
    pub fn probabilities(&self, samples: &[f32]) -> Result<Vec<f64>, WhisperError> {
        match self {
            Self::Energy => Ok(energy::probabilities(samples)),
            Self::Silero(silero) => silero.probabilities(samples),
        }
    }
}

impl VadOptions {
    /// Refuses thresholds that are no probabilities or stand in the wrong order, and a longest speech that has
    /// no room for the shortest and its padding.
    pub fn check(&self) -> Result<(), WhisperError> {
        let probability = |value: f64| (0.0..=1.0).contains(&value);
        if !probability(self.threshold) {
            return Err(WhisperError::option("threshold", "it lies between 0 and 1"));
        }
        if !self
            .neg_threshold
            .is_none_or(|value| probability(value) && value <= self.threshold)
        {
            let reason = "it lies between 0 and the threshold";
            return Err(WhisperError::option("neg_threshold", reason));
        }
        // Two frames, so that a split leaves more than the shortest speech.
        let least = u64::from(self.speech_pad_ms) * 2 + u64::from(self.min_speech_duration_ms) + 64;
        let enough = |seconds: f64| !seconds.is_nan() && seconds * 1000.0 >= spans::milliseconds(least);
        if !self.max_speech_duration_s.is_none_or(enough) {
            let reason = format!(
                "it is at least {least} ms: min_speech_duration_ms, twice speech_pad_ms, and two frames of 32 ms"
            );
            return Err(WhisperError::option("max_speech_duration_s", reason));
        }
        Ok(())
    }

    /// Where somebody speaks.
    pub fn detect(&self, samples: &[f32]) -> Result<Vec<Span>, WhisperError> {
        let probabilities = self.detector.probabilities(samples)?;
        Ok(speech_spans(&probabilities, samples.len(), self))
    }
}
