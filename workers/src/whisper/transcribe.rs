//! A whole recording to segments with times: window after window, each beginning where the last one's speech
//! ended, with a new try at a higher temperature where a text looks wrong.

use std::ops::ControlFlow;

use super::decoding::{DecodeOptions, Decoded};
use super::fallback::Thresholds;
use super::log_mel::{HOP, LogMel, SAMPLE_RATE, WINDOW_FRAMES, WINDOW_SAMPLES};
use super::numbers::{count, float, size};
use super::tokenizer::Task;
use super::{Whisper, WhisperError};

/// Frames of the spectrogram per timestamp step of 20 ms.
const FRAMES_PER_STEP: usize = 2;
const SECONDS_PER_STEP: f64 = 0.02;
/// Text drawn above this temperature does not prompt the next window.
const PROMPT_RESET_TEMPERATURE: f64 = 0.5;

#[derive(Clone, Debug)]
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
    /// Start and end of the parts to hear, in seconds; a last end may be missing. Empty means all.
    pub clip_timestamps: Vec<f64>,
    /// For each window; language, task, temperature and prompt are set by the fields above.
    pub decode: DecodeOptions,
}

/// A stretch of speech as Whisper gives it.
#[derive(Clone, Debug)]
pub struct Segment {
    pub id: usize,
    /// Frame (10 ms) at which its window began.
    pub seek: usize,
    /// Seconds from the start of the recording.
    pub start: f64,
    pub end: f64,
    /// With its leading space; blank segments have none.
    pub text: String,
    pub tokens: Vec<u32>,
    pub temperature: f64,
    pub avg_logprob: f64,
    pub compression_ratio: f64,
    pub no_speech_prob: f64,
}

#[derive(Clone, Debug)]
pub struct Transcription {
    pub language: String,
    pub duration_ms: u64,
    /// All segments' text, joined as the model wrote it.
    pub text: String,
    pub segments: Vec<Segment>,
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
            clip_timestamps: Vec::new(),
            decode: DecodeOptions {
                best_of: 5,
                ..DecodeOptions::new("en")
            },
        }
    }
}

/// Where the transcription is, and what it has found.
struct Run<'a> {
    whisper: &'a Whisper,
    options: &'a TranscribeOptions,
    language: String,
    mel: LogMel,
    /// Frames that hold sound rather than padding.
    content_frames: usize,
    segments: Vec<Segment>,
    tokens: Vec<u32>,
    /// Tokens before this one do not prompt any more.
    prompt_from: usize,
    /// Tokens of the initial prompt, which are no part of the text.
    prompt_tokens: usize,
}

impl Whisper {
    /// Transcribes samples at 16 kHz. `progress` is told after each window and may stop the work.
    pub fn transcribe(
        &self,
        samples: &[f32],
        options: &TranscribeOptions,
        mut progress: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Transcription, WhisperError> {
        let mel = LogMel::compute(samples, WINDOW_SAMPLES, self.model.config.num_mel_bins)?;
        let language = match &options.language {
            Some(language) => language.clone(),
            None => {
                self.detect_language(&self.model.encode(&mel.window(0, WINDOW_FRAMES))?)?
                    .0
            }
        };
        // Refuses a language or task that the model does not know before any work is done.
        self.tokenizer.special.sot_sequence(&language, options.task)?;
        let tokens = match &options.initial_prompt {
            Some(prompt) => self.tokenizer.encode(&format!(" {}", prompt.trim()))?,
            None => Vec::new(),
        };
        let content_frames = mel.frames - WINDOW_FRAMES;
        let prompt_tokens = tokens.len();
        let mut run = Run {
            whisper: self,
            options,
            language,
            mel,
            content_frames,
            segments: Vec::new(),
            tokens,
            prompt_from: 0,
            prompt_tokens,
        };
        let total_ms = milliseconds(samples.len());
        for (start, end) in run.clips() {
            let mut seek = start;
            while seek < end {
                let known = run.segments.len();
                seek += run.window(seek, end)?;
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
        let text = self
            .tokenizer
            .decode(run.tokens.get(run.prompt_tokens..).unwrap_or_default())?;
        Ok(Transcription {
            language: run.language,
            duration_ms: total_ms,
            text,
            segments: run.segments,
        })
    }
}

impl Run<'_> {
    /// The parts to hear, in frames.
    fn clips(&self) -> Vec<(usize, usize)> {
        let mut points: Vec<usize> = self
            .options
            .clip_timestamps
            .iter()
            .map(|at| count(at * 100.0))
            .collect();
        if points.is_empty() {
            points.push(0);
        }
        if points.len() % 2 == 1 {
            points.push(self.content_frames);
        }
        points
            .chunks_exact(2)
            .filter_map(|pair| match pair {
                [start, end] => Some((*start, (*end).min(self.content_frames))),
                _ => None,
            })
            .collect()
    }

    /// Hears the window at `seek`; answers how many frames to go on.
    fn window(&mut self, seek: usize, clip_end: usize) -> Result<usize, WhisperError> {
        let length = WINDOW_FRAMES.min(clip_end - seek);
        let result = self.decode_with_fallback(seek, length)?;
        if self
            .options
            .thresholds
            .skips(result.avg_logprob, result.no_speech_prob)
        {
            return Ok(length);
        }
        let (found, advance) = self.cut(seek, length, &result)?;
        for segment in found {
            self.tokens.extend(&segment.tokens);
            self.segments.push(segment);
        }
        if !self.options.condition_on_previous_text || result.temperature > PROMPT_RESET_TEMPERATURE {
            self.prompt_from = self.tokens.len();
        }
        // The end of a segment lies after its start, so this is never 0; a model that breaks the rule must
        // not stop the clock.
        Ok(advance.max(1))
    }

    fn decode_with_fallback(&self, seek: usize, length: usize) -> Result<Decoded, WhisperError> {
        let features = self.whisper.model.encode(&self.mel.window(seek, length))?;
        let mut options = DecodeOptions {
            language: self.language.clone(),
            task: self.options.task,
            prompt: self.tokens.get(self.prompt_from..).unwrap_or_default().to_vec(),
            ..self.options.decode.clone()
        };
        let mut kept = None;
        for (attempt, temperature) in self.options.temperatures.iter().enumerate() {
            options.temperature = *temperature;
            options.seed = (size(seek).unsigned_abs() << 8) | size(attempt).unsigned_abs();
            let decoded = self.whisper.decode(&features, &options)?;
            let again = self.options.thresholds.needs_fallback(
                decoded.compression_ratio,
                decoded.avg_logprob,
                decoded.no_speech_prob,
            );
            kept = Some(decoded);
            if !again {
                break;
            }
        }
        match kept {
            Some(decoded) => Ok(decoded),
            None => self.whisper.decode(&features, &options),
        }
    }

    /// Cuts a window's tokens into segments at its pairs of timestamps; answers how many frames to go on.
    fn cut(
        &self,
        seek: usize,
        length: usize,
        result: &Decoded,
    ) -> Result<(Vec<Segment>, usize), WhisperError> {
        let begin = self.whisper.tokenizer.special.timestamp_begin;
        let offset = float(seek * HOP) / float(SAMPLE_RATE);
        let tokens = &result.tokens;
        let steps = |token: u32| token.saturating_sub(begin);
        let seconds = |token: u32| offset + f64::from(steps(token)) * SECONDS_PER_STEP;
        let single_ending = matches!(tokens.as_slice(), [.., text, last] if *text < begin && *last >= begin);
        let mut cuts: Vec<usize> = tokens
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| pair.iter().all(|token| *token >= begin))
            .map(|(position, _)| position + 1)
            .collect();

        if cuts.is_empty() {
            let last = tokens
                .iter()
                .rev()
                .find(|token| **token >= begin)
                .filter(|token| **token != begin);
            let duration = last.map_or(float(length * HOP) / float(SAMPLE_RATE), |token| {
                f64::from(steps(*token)) * SECONDS_PER_STEP
            });
            let segment = self.segment(0, seek, (offset, offset + duration), tokens, result)?;
            return Ok((vec![segment], length));
        }
        if single_ending {
            cuts.push(tokens.len());
        }
        let mut segments = Vec::new();
        let mut from = 0;
        let mut last_end = 0;
        for cut in cuts {
            let slice = tokens.get(from..cut).unwrap_or_default();
            if let (Some(first), Some(last)) = (slice.first(), slice.last()) {
                let times = (seconds(*first), seconds(*last));
                segments.push(self.segment(segments.len(), seek, times, slice, result)?);
                last_end = usize::try_from(steps(*last)).unwrap_or(0);
            }
            from = cut;
        }
        let advance = if single_ending {
            length
        } else {
            last_end * FRAMES_PER_STEP
        };
        Ok((segments, advance))
    }

    fn segment(
        &self,
        number: usize,
        seek: usize,
        (start, end): (f64, f64),
        tokens: &[u32],
        result: &Decoded,
    ) -> Result<Segment, WhisperError> {
        let text = self.whisper.tokenizer.decode(tokens)?;
        #[expect(clippy::float_cmp, reason = "the same timestamp gives the same float")]
        let blank = start == end || text.trim().is_empty();
        Ok(Segment {
            id: self.segments.len() + number,
            seek,
            start,
            end,
            text: if blank { String::new() } else { text },
            tokens: if blank { Vec::new() } else { tokens.to_vec() },
            temperature: result.temperature,
            avg_logprob: result.avg_logprob,
            compression_ratio: result.compression_ratio,
            no_speech_prob: result.no_speech_prob,
        })
    }
}

impl Segment {
    /// As the product keeps it: whole milliseconds, trimmed text; `None` for a blank one.
    pub fn to_domain(&self, index: u32) -> Option<domain::transcript::Segment> {
        let text = self.text.trim();
        let ms = |seconds: f64| u64::try_from(count(seconds * 1000.0)).unwrap_or(u64::MAX);
        (!text.is_empty()).then(|| domain::transcript::Segment {
            index,
            start_ms: ms(self.start),
            end_ms: ms(self.end),
            text: text.to_owned(),
        })
    }
}

impl Transcription {
    /// As the product stores it, blank segments left out.
    pub fn to_domain(&self) -> domain::transcript::Transcript {
        let mut segments = Vec::new();
        for segment in &self.segments {
            let index = u32::try_from(segments.len()).unwrap_or(u32::MAX);
            segments.extend(segment.to_domain(index));
        }
        domain::transcript::Transcript {
            language: self.language.clone(),
            duration_ms: self.duration_ms,
            text: self.text.trim().to_owned(),
            segments,
        }
    }
}

/// Playing time of samples at 16 kHz.
fn milliseconds(samples: usize) -> u64 {
    u64::try_from(samples).unwrap_or(u64::MAX) / 16
}
