//! Transcription of the voiced parts only.

use std::ops::ControlFlow;

use super::log_mel::{HOP, SAMPLE_RATE};
use super::numbers::{count, float};
use super::segments::{Segment, frame_at};
use super::transcribe::{Progress, TranscribeOptions, Transcription, milliseconds};
use super::{Whisper, WhisperError};
use crate::vad::{Parts, Span, VadOptions};

/// ISO 639-2's code for what nobody can tell.
const UNDETERMINED: &str = "und";
const WINDOW_SECONDS: f64 = 30.0;
const SAMPLES_PER_MS: usize = SAMPLE_RATE / 1000;

impl Whisper {
    /// Joins the parts in which `vad` hears speech, transcribes them, and restores all times. Where there is no
    /// speech nothing is run, and the language is the one asked for, or `und`.
    pub(super) fn transcribe_voiced(
        &self,
        samples: &[f32],
        options: &TranscribeOptions,
        vad: &VadOptions,
        prompt: Vec<u32>,
        mut progress: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Transcription, WhisperError> {
        let total_ms = milliseconds(samples.len());
        let pad = usize::try_from(vad.speech_pad_ms).unwrap_or(usize::MAX);
        let clips = clips(&options.clip_timestamps, samples.len());
        let spans = match options.batch_size {
            Some(_) => within_windows(vad).detect(samples)?,
            None => vad.detect(samples)?,
        };
        let parts = Parts::new(&spans, pad.saturating_mul(SAMPLES_PER_MS), &clips);
        if parts.is_empty() {
            return self.nothing_said(options, total_ms, progress);
        }
        let joined = parts.join(samples);
        let inner = TranscribeOptions {
            clip_timestamps: Vec::new(),
            ..options.clone()
        };
        let told = |told: &Progress<'_>| {
            let segments: Vec<Segment> = told.segments.iter().map(|each| parts.restore(each)).collect();
            progress(&Progress {
                audio_done_ms: done(&parts, told, total_ms),
                audio_total_ms: total_ms,
                segments: &segments,
            })
        };
        let heard = match options.batch_size {
            Some(batch_size) => {
                let places = parts.ends(&spans);
                self.transcribe_batched(&joined, &places, &inner, &prompt, batch_size, told)?
            }
            None => self.transcribe_all(&joined, &inner, prompt, told)?,
        };
        Ok(Transcription {
            segments: heard.segments.iter().map(|each| parts.restore(each)).collect(),
            duration_ms: total_ms,
            made_by: self.provenance(options),
            ..heard
        })
    }

    /// What comes of a recording in which nobody speaks.
    fn nothing_said(
        &self,
        options: &TranscribeOptions,
        duration_ms: u64,
        mut progress: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Transcription, WhisperError> {
        let told = progress(&Progress {
            audio_done_ms: duration_ms,
            audio_total_ms: duration_ms,
            segments: &[],
        });
        if told.is_break() {
            return Err(WhisperError::Stopped);
        }
        let known = match &options.language {
            Some(language) => language,
            None if self.tokenizer.special.is_multilingual() => UNDETERMINED,
            None => "en",
        };
        Ok(Transcription {
            text: String::new(),
            segments: Vec::new(),
            turns: None,
            language: known.to_owned(),
            duration_ms,
            made_by: self.provenance(options),
        })
    }
}

/// Speech that is longer than a window is split, at a pause if it has one.
fn within_windows(vad: &VadOptions) -> VadOptions {
    let longest = vad.max_speech_duration_s.unwrap_or(f64::INFINITY);
    VadOptions {
        max_speech_duration_s: Some(longest.min(WINDOW_SECONDS)),
        ..vad.clone()
    }
}

/// How far the recording is heard, silence after the last part included.
fn done(parts: &Parts, told: &Progress<'_>, total_ms: u64) -> u64 {
    if told.audio_done_ms >= told.audio_total_ms {
        return total_ms;
    }
    let joined = usize::try_from(told.audio_done_ms).unwrap_or(usize::MAX);
    let seconds = parts.time(float(joined) / 1000.0);
    u64::try_from(count(seconds * 1000.0)).map_or(total_ms, |ms| ms.min(total_ms))
}

/// The parts to hear, from their starts and ends in seconds; all where none are given.
fn clips(timestamps: &[f64], samples: usize) -> Vec<Span> {
    if timestamps.is_empty() {
        return vec![Span {
            start: 0,
            end: samples,
        }];
    }
    let at = |seconds: &f64| frame_at(*seconds).saturating_mul(HOP).min(samples);
    let pairs = timestamps.chunks(2);
    pairs
        .filter_map(|pair| {
            let (start, end) = (pair.first()?, pair.get(1));
            Some(Span {
                start: at(start),
                end: end.map_or(samples, at),
            })
        })
        .collect()
}
