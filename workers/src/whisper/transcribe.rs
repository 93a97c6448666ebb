//! A whole recording to segments with times: window after window, each beginning where the last one's speech
//! ended, with a new try at a higher temperature where a text looks wrong.

use std::ops::ControlFlow;

use serde::Serialize;

use super::decoding::DecodeOptions;
use super::fallback::Thresholds;
use super::hallucination::Verdict;
use super::hearing::Hearing;
use super::log_mel::HOP;
use super::numbers::{last, size};
use super::provenance::Provenance;
use super::segments::{Segment, Window};
use super::tokenizer::Task;
use super::{Whisper, WhisperError};
use crate::diarization::{DiarizationOptions, Turn};
use crate::vad::VadOptions;

/// Text drawn above this temperature does not prompt the next window.
const PROMPT_RESET_TEMPERATURE: f64 = 0.5;
/// Joined to the word after it.
pub const PREPEND_PUNCTUATIONS: &str = "\"'“¿([{-";
/// Joined to the word before it.
pub const APPEND_PUNCTUATIONS: &str = "\"'.。,，!！?？:：”)]}、";

/// How a recording is transcribed; the names are the reference's.
#[derive(Clone, Debug, Serialize)]
pub struct TranscribeOptions {
    /// Whisper's language code; `None` detects it in the first 30 s.
    pub language: Option<String>,
    pub task: Task,
    /// Tried in this order until a text looks right.
    pub temperatures: Vec<f64>,
    pub thresholds: Thresholds,
    /// Shows each window the text before it.
    pub condition_on_previous_text: bool,
    /// Shown to the first window as if it had been said before.
    pub initial_prompt: Option<String>,
    /// Shows `initial_prompt` to every window, before as much of the text as there is room for.
    pub carry_initial_prompt: bool,
    /// Start and end of the parts to hear, in seconds; a last end may be missing. Empty means all.
    pub clip_timestamps: Vec<f64>,
    /// Hears only the parts in which somebody speaks; `None` hears everything.
    pub vad_filter: Option<VadOptions>,
    /// Windows that are decoded at once, none knowing the text before it; needs `vad_filter`. `None` decodes one
    /// after the other.
    pub batch_size: Option<usize>,
    /// Finds the time of every word, and corrects the segments' times by them.
    pub word_timestamps: bool,
    /// With word timestamps: joined to the word after it.
    pub prepend_punctuations: String,
    /// With word timestamps: joined to the word before it.
    pub append_punctuations: String,
    /// With word timestamps: where text looks made up, silence longer than this is skipped, in seconds.
    pub hallucination_silence_threshold: Option<f64>,
    /// Names who speaks; `None` names nobody.
    pub diarization: Option<DiarizationOptions>,
    /// For each window; language, task, temperature and prompt are set by the fields above.
    pub decode: DecodeOptions,
}

/// What was heard in a recording.
#[derive(Clone, Debug, Serialize)]
pub struct Transcription {
    /// All segments' text, joined as the model wrote it.
    pub text: String,
    pub segments: Vec<Segment>,
    /// Who speaks when; `None` where speakers were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<Vec<Turn>>,
    pub language: String,
    pub duration_ms: u64,
    pub made_by: Provenance,
}

/// After each window.
#[derive(Debug)]
pub struct Progress<'a> {
    pub audio_done_ms: u64,
    pub audio_total_ms: u64,
    /// Segments of this window; blank ones included.
    pub segments: &'a [Segment],
}

impl Default for TranscribeOptions {
    fn default() -> Self {
        Self {
            language: None,
            task: Task::Transcribe,
            temperatures: vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
            thresholds: Thresholds::default(),
            condition_on_previous_text: true,
            initial_prompt: None,
            carry_initial_prompt: false,
            clip_timestamps: Vec::new(),
            vad_filter: None,
            batch_size: None,
            word_timestamps: false,
            prepend_punctuations: PREPEND_PUNCTUATIONS.to_owned(),
            append_punctuations: APPEND_PUNCTUATIONS.to_owned(),
            hallucination_silence_threshold: None,
            diarization: None,
            decode: DecodeOptions {
                best_of: 5,
                ..DecodeOptions::new("en")
            },
        }
    }
}

/// Where the transcription is, and what it has found.
struct Run<'a> {
    hearing: Hearing<'a>,
    segments: Vec<Segment>,
    tokens: Vec<u32>,
    /// Tokens before this one do not prompt any more.
    prompt_from: usize,
    /// Tokens of the initial prompt, which are no part of the text.
    prompt_tokens: usize,
    /// End of the last word, in seconds.
    last_speech: f64,
}

impl Whisper {
    /// Transcribes samples at 16 kHz (`transcribe` in the reference's `transcribe.py`). `progress` is told after
    /// each window and may stop the work.
    pub fn transcribe(
        &self,
        samples: &[f32],
        options: &TranscribeOptions,
        progress: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Transcription, WhisperError> {
        options.check()?;
        if let Some(language) = &options.language {
            // Refuses a language or task that the model does not know before any work is done.
            self.tokenizer.special.sot_sequence(language, options.task)?;
        }
        let prompt = self.initial_prompt(options)?;
        let heard = match &options.vad_filter {
            Some(vad) => self.transcribe_voiced(samples, options, vad, prompt, progress)?,
            None => self.transcribe_all(samples, options, prompt, progress)?,
        };
        heard.with_speakers(samples, options.diarization.as_ref())
    }

    /// Hears all samples, with silence; options and prompt are checked.
    pub(super) fn transcribe_all(
        &self,
        samples: &[f32],
        options: &TranscribeOptions,
        prompt: Vec<u32>,
        mut progress: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Transcription, WhisperError> {
        let mut run = Run::new(Hearing::new(self, samples, options)?, prompt);
        let total_ms = milliseconds(samples.len());
        for (start, end) in run.hearing.clips() {
            let mut seek = start;
            while seek < end {
                let known = run.segments.len();
                // A window must go on: a model that breaks the rules of timestamps must not stop the clock.
                seek = run.window(seek, end)?.max(seek + 1);
                let told = progress(&Progress {
                    audio_done_ms: milliseconds(seek.min(end) * HOP).min(total_ms),
                    audio_total_ms: total_ms,
                    segments: run.segments.get(known..).unwrap_or_default(),
                });
                if told.is_break() {
                    return Err(WhisperError::Stopped);
                }
            }
        }
        Ok(Transcription {
            text: run.text()?,
            segments: run.segments,
            turns: None,
            language: run.hearing.language,
            duration_ms: total_ms,
            made_by: self.provenance(options),
        })
    }

    /// The reference drops the start of a longer prompt without a word; here it is refused.
    fn initial_prompt(&self, options: &TranscribeOptions) -> Result<Vec<u32>, WhisperError> {
        let Some(prompt) = &options.initial_prompt else {
            return Ok(Vec::new());
        };
        let tokens = self.tokenizer.encode_prompt(prompt)?;
        let room = self.prompt_room();
        if tokens.len() > room {
            let reason = format!("it has {} tokens, the model has room for {room}", tokens.len());
            return Err(WhisperError::PromptUnusable { reason });
        }
        Ok(tokens)
    }
}

impl TranscribeOptions {
    fn check(&self) -> Result<(), WhisperError> {
        let seconds = |at: &f64| at.is_finite() && *at >= 0.0;
        if !self.clip_timestamps.iter().all(seconds) {
            return Err(WhisperError::option("clip_timestamps", "seconds are 0 or more"));
        }
        if !self.hallucination_silence_threshold.iter().all(seconds) {
            let reason = "seconds are 0 or more";
            return Err(WhisperError::option("hallucination_silence_threshold", reason));
        }
        if !self.temperatures.iter().all(seconds) {
            return Err(WhisperError::option("temperature", "it is 0 or more"));
        }
        self.vad_filter.as_ref().map_or(Ok(()), VadOptions::check)?;
        match self.batch_size {
            Some(0) => return Err(WhisperError::option("batch_size", "it is 1 or more")),
            Some(_) if self.vad_filter.is_none() => {
                let reason = "windows are cut at silence: it needs vad_filter";
                return Err(WhisperError::option("batch_size", reason));
            }
            Some(_) | None => {}
        }
        self.diarization
            .as_ref()
            .map_or(Ok(()), DiarizationOptions::check)?;
        self.decode.check()
    }
}

impl<'a> Run<'a> {
    fn new(hearing: Hearing<'a>, tokens: Vec<u32>) -> Self {
        Self {
            hearing,
            segments: Vec::new(),
            prompt_from: 0,
            prompt_tokens: tokens.len(),
            tokens,
            last_speech: 0.0,
        }
    }

    /// All text so far, without the initial prompt.
    fn text(&self) -> Result<String, WhisperError> {
        let said = self.tokens.get(self.prompt_tokens..).unwrap_or_default();
        self.hearing.whisper.tokenizer.decode_with_special(said)
    }

    /// Hears the window at `seek`; answers the frame to go on from.
    fn window(&mut self, seek: usize, clip_end: usize) -> Result<usize, WhisperError> {
        let window = Window::at(seek, clip_end);
        let features = self.hearing.encode(&[window])?;
        let decoded = self.hearing.decode(&[window], &features, &self.prompt())?;
        let Some(result) = decoded.first() else {
            return Ok(window.end_frame());
        };
        let (verdict, cut) = self
            .hearing
            .cut(window, &features, result, &mut self.last_speech)?;
        if verdict == Verdict::Dropped {
            return Ok(cut.next);
        }
        for mut segment in cut.segments {
            segment.clear_if_blank();
            segment.id = self.segments.len();
            self.tokens.extend(&segment.tokens);
            self.segments.push(segment);
        }
        let options = self.hearing.options;
        if !options.condition_on_previous_text || result.temperature > PROMPT_RESET_TEMPERATURE {
            self.prompt_from = self.tokens.len();
        }
        Ok(cut.next)
    }

    /// Tokens of what was said before the window.
    fn prompt(&self) -> Vec<u32> {
        if !self.hearing.options.carry_initial_prompt {
            return self.tokens.get(self.prompt_from..).unwrap_or_default().to_vec();
        }
        let (initial, said) = self
            .tokens
            .split_at_checked(self.prompt_tokens)
            .unwrap_or_default();
        let from = self.prompt_from.saturating_sub(self.prompt_tokens);
        let said = said.get(from..).unwrap_or_default();
        let room = size(self.hearing.whisper.prompt_room()) - size(initial.len());
        [initial, last(said, room)].concat()
    }
}

/// Playing time of samples at 16 kHz.
pub(super) fn milliseconds(samples: usize) -> u64 {
    u64::try_from(samples).unwrap_or(u64::MAX) / 16
}
