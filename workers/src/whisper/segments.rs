//! Segments: one window's tokens are cut at its timestamps.

use serde::Serialize;

use super::decoding::Decoded;
use super::log_mel::{HOP, SAMPLE_RATE, WINDOW_FRAMES};
use super::numbers::{count, float, index};
use super::tokenizer::WhisperTokenizer;
use super::{Transcription, Whisper, WhisperError};

/// Frames of the spectrogram per timestamp step of 20 ms.
const FRAMES_PER_STEP: usize = 2;
const SECONDS_PER_STEP: f64 = 0.02;
const FRAMES_PER_SECOND: f64 = 100.0;

/// A stretch of speech as Whisper gives it.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// Who says most of it; `None` where speakers were not asked for, and of a blank segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// `None` where word timestamps were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<Word>>,
}

/// A word with its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Word {
    /// With its leading space and its punctuation.
    pub word: String,
    /// Seconds from the start of the recording.
    pub start: f64,
    pub end: f64,
    /// Mean probability of its tokens.
    pub probability: f64,
    /// Who says it; `None` where speakers were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
}

/// The part of the recording that is heard at once.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// First frame.
    pub seek: usize,
    /// Frames that are heard, 3000 at most.
    pub length: usize,
}

/// What a window's tokens were cut into.
#[derive(Debug)]
pub struct Cut {
    pub segments: Vec<Segment>,
    /// Frame at which the next window begins.
    pub next: usize,
    /// Whether the text ends with one timestamp: nothing is said after it.
    pub single_ending: bool,
}

impl Window {
    /// As much as is heard at once from the frame `seek`, up to the frame `end`.
    pub fn at(seek: usize, end: usize) -> Self {
        Self {
            seek,
            length: WINDOW_FRAMES.min(end.saturating_sub(seek)),
        }
    }

    /// Seconds from the start of the recording.
    pub fn start(self) -> f64 {
        float(self.seek * HOP) / float(SAMPLE_RATE)
    }

    /// Where a full window would end, in seconds from the start of the recording.
    pub fn full_end(self) -> f64 {
        float((self.seek + WINDOW_FRAMES) * HOP) / float(SAMPLE_RATE)
    }

    /// Seconds that are heard.
    pub fn duration(self) -> f64 {
        float(self.length * HOP) / float(SAMPLE_RATE)
    }

    pub fn end_frame(self) -> usize {
        self.seek + self.length
    }
}

/// The nearest frame; ties go to the even one, as in Python.
pub fn frame_at(seconds: f64) -> usize {
    count(seconds * FRAMES_PER_SECOND)
}

/// End of the last word, or of the last segment where there are no words, in seconds.
pub fn speech_end(segments: &[Segment]) -> Option<f64> {
    let words = segments
        .iter()
        .rev()
        .flat_map(|segment| segment.words().iter().rev());
    words
        .map(|word| word.end)
        .next()
        .or_else(|| segments.last().map(|segment| segment.end))
}

impl Segment {
    /// No words where none were asked for.
    pub fn words(&self) -> &[Word] {
        self.words.as_deref().unwrap_or_default()
    }

    /// Clears a segment that takes no time or has no text; it stays in the list.
    pub(super) fn clear_if_blank(&mut self) {
        #[expect(clippy::float_cmp, reason = "the same timestamp gives the same float")]
        let instant = self.start == self.end;
        if instant || self.text.trim().is_empty() {
            self.text.clear();
            self.tokens.clear();
            if let Some(words) = &mut self.words {
                words.clear();
            }
        }
    }

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

/// Where a window's tokens are cut: after the first of two timestamps in a row, and at the end if one timestamp
/// stands there alone. Empty if there is no pair.
fn places(tokens: &[u32], begin: u32, single_ending: bool) -> Vec<usize> {
    let mut places: Vec<usize> = tokens
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair.iter().all(|token| *token >= begin))
        .map(|(position, _)| position + 1)
        .collect();
    if single_ending && !places.is_empty() {
        places.push(tokens.len());
    }
    places
}

impl Whisper {
    /// Cuts a window's tokens into segments at its pairs of timestamps (`transcribe` in the reference's
    /// `transcribe.py`). Tokens after the last pair are dropped: the next window hears them again.
    pub(super) fn cut(&self, window: Window, result: &Decoded) -> Result<Cut, WhisperError> {
        let begin = self.tokenizer.special.timestamp_begin;
        let offset = window.start();
        let tokens = &result.tokens;
        let steps = |token: u32| token.saturating_sub(begin);
        let seconds = |token: u32| offset + f64::from(steps(token)) * SECONDS_PER_STEP;
        let single_ending = matches!(tokens.as_slice(), [.., text, last] if *text < begin && *last >= begin);
        let make = |times, tokens| segment(&self.tokenizer, window, times, tokens, result);

        let places = places(tokens, begin, single_ending);
        let mut segments = Vec::new();
        let mut next = window.end_frame();
        if places.is_empty() {
            let last = tokens.iter().rev().find(|token| **token >= begin);
            let duration = last
                .filter(|token| **token != begin)
                .map_or(window.duration(), |token| {
                    f64::from(steps(*token)) * SECONDS_PER_STEP
                });
            segments.push(make((offset, offset + duration), tokens)?);
        }
        let mut from = 0;
        for place in places {
            let slice = tokens.get(from..place).unwrap_or_default();
            if let (Some(first), Some(last)) = (slice.first(), slice.last()) {
                segments.push(make((seconds(*first), seconds(*last)), slice)?);
                if !single_ending {
                    next = window.seek + index(steps(*last)) * FRAMES_PER_STEP;
                }
            }
            from = place;
        }
        Ok(Cut {
            segments,
            next,
            single_ending,
        })
    }
}

/// Its number is given later: not every segment stays.
fn segment(
    tokenizer: &WhisperTokenizer,
    window: Window,
    (start, end): (f64, f64),
    tokens: &[u32],
    result: &Decoded,
) -> Result<Segment, WhisperError> {
    Ok(Segment {
        id: 0,
        seek: window.seek,
        start,
        end,
        text: tokenizer.decode(tokens)?,
        tokens: tokens.to_vec(),
        temperature: result.temperature,
        avg_logprob: result.avg_logprob,
        compression_ratio: result.compression_ratio,
        no_speech_prob: result.no_speech_prob,
        speaker: None,
        words: None,
    })
}
