//! When a window's text looks wrong and is tried again, and when it is taken for silence.

/// When a text looks wrong. `None` disables a test.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Thresholds {
    /// A text that compresses better than this repeats itself.
    pub compression_ratio: Option<f64>,
    /// A text less probable than this on average is guesswork.
    pub avg_logprob: Option<f64>,
    /// Above this, improbable text means silence.
    pub no_speech_prob: Option<f64>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            compression_ratio: Some(2.4),
            avg_logprob: Some(-1.0),
            no_speech_prob: Some(0.6),
        }
    }
}

impl Thresholds {
    /// Whether a text should be tried again at a higher temperature.
    pub fn needs_fallback(&self, compression_ratio: f64, avg_logprob: f64, no_speech_prob: f64) -> bool {
        let improbable = self.avg_logprob.is_some_and(|threshold| avg_logprob < threshold);
        let repetitive = self
            .compression_ratio
            .is_some_and(|threshold| compression_ratio > threshold);
        let silent = self
            .no_speech_prob
            .is_some_and(|threshold| no_speech_prob > threshold);
        (repetitive || improbable) && !(silent && improbable)
    }

    /// Whether a window holds no speech and its text is dropped.
    pub fn skips(&self, avg_logprob: f64, no_speech_prob: f64) -> bool {
        let silent = self
            .no_speech_prob
            .is_some_and(|threshold| no_speech_prob > threshold);
        let probable = self.avg_logprob.is_some_and(|threshold| avg_logprob > threshold);
        silent && !probable
    }
}
