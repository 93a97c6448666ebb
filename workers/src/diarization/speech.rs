//! Where somebody speaks, in frames of 10 ms.

use super::features::{HOP, Stretch};
use crate::vad::{Detector, VadOptions};
use crate::whisper::WhisperError;

/// First frame and end of each region with speech, in order and apart, in whole frames of the recording. Finer than
/// what Whisper hears: a short pause already ends a region.
pub fn regions(detector: &Detector, samples: &[f32]) -> Result<Vec<Stretch>, WhisperError> {
    let options = VadOptions {
        detector: detector.clone(),
        min_speech_duration_ms: 90,
        min_silence_duration_ms: 200,
        speech_pad_ms: 50,
        ..VadOptions::default()
    };
    let spans = options.detect(samples)?.into_iter();
    Ok(spans
        .map(|span| (span.start / HOP, span.end / HOP))
        .filter(|(start, end)| start < end)
        .collect())
}
