//! Probabilities of frames to spans of speech (`get_speech_timestamps` in silero-vad's `utils_vad.py`).

use super::VadOptions;
use crate::whisper::numbers::{count, float};

/// Samples of a frame: 32 ms at 16 kHz.
pub const FRAME_SAMPLES: usize = 512;
/// Samples of a millisecond.
const MILLISECOND: usize = 16;
/// A pause longer than this is a place to split speech that is too long, in samples: 98 ms.
const SPLIT_PAUSE: usize = 98 * MILLISECOND;
/// What silence is below speech where nobody says.
const NEG_THRESHOLD_STEP: f64 = 0.15;
const LEAST_NEG_THRESHOLD: f64 = 0.01;

/// A stretch of a recording, in samples at 16 kHz; its end is the first sample after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// The options in samples.
struct Rules {
    threshold: f64,
    neg_threshold: f64,
    min_speech: usize,
    max_speech: Option<usize>,
    min_silence: usize,
}

/// What is known after some frames; places are the first samples of frames.
struct Search {
    rules: Rules,
    found: Vec<Span>,
    /// Where the present speech began.
    start: Option<usize>,
    /// Where it paused, if it has not gone on.
    pause: Option<usize>,
    /// Where its last pause that it may be split at began.
    split: Option<usize>,
    /// Where it went on after that.
    resumed: Option<usize>,
}

/// Spans of speech in a recording of `samples` samples, from the probabilities of its frames. They are in order
/// and do not overlap, lie within the recording, and are longer than the shortest speech and not longer than the
/// longest (both of options that pass [`VadOptions::check`]).
///
/// One rule differs from silero-vad's: a pause splits speech that is too long only if more than the shortest
/// speech lies before it.
pub fn speech_spans(probabilities: &[f64], samples: usize, options: &VadOptions) -> Vec<Span> {
    let mut search = Search {
        rules: Rules::new(options),
        found: Vec::new(),
        start: None,
        pause: None,
        split: None,
        resumed: None,
    };
    for (frame, probability) in probabilities.iter().enumerate() {
        search.step(frame * FRAME_SAMPLES, *probability);
    }
    if let Some(start) = search.start
        && samples.saturating_sub(start) > search.rules.min_speech
    {
        search.found.push(Span { start, end: samples });
    }
    pad(&mut search.found, from_ms(options.speech_pad_ms), samples);
    search.found
}

impl Rules {
    fn new(options: &VadOptions) -> Self {
        let derived = (options.threshold - NEG_THRESHOLD_STEP).max(LEAST_NEG_THRESHOLD);
        let longest = options.max_speech_duration_s.filter(|limit| limit.is_finite());
        let around = FRAME_SAMPLES + 2 * from_ms(options.speech_pad_ms);
        Self {
            threshold: options.threshold,
            neg_threshold: options.neg_threshold.unwrap_or(derived),
            min_speech: from_ms(options.min_speech_duration_ms),
            max_speech: longest.map(|limit| count(limit * 16_000.0).saturating_sub(around)),
            min_silence: from_ms(options.min_silence_duration_ms),
        }
    }
}

impl Search {
    fn step(&mut self, at: usize, probability: f64) {
        let speech = probability >= self.rules.threshold;
        if speech && self.pause.take().is_some() && self.resumed < self.split {
            self.resumed = Some(at);
        }
        let Some(start) = self.start else {
            self.start = speech.then_some(at);
            return;
        };
        if self.rules.max_speech.is_some_and(|longest| at - start > longest) {
            let (split, resumed) = (self.split, self.resumed);
            self.end(start, split.unwrap_or(at));
            if split.is_none() {
                return;
            }
            self.start = resumed.filter(|_| resumed >= split);
        }
        if let Some(start) = self.start
            && probability < self.rules.neg_threshold
        {
            self.silence(start, at);
        }
    }

    /// A silent frame within speech.
    fn silence(&mut self, start: usize, at: usize) {
        let pause = *self.pause.get_or_insert(at);
        let long_enough = pause - start > self.rules.min_speech;
        if at - pause > SPLIT_PAUSE && long_enough {
            self.split = Some(pause);
        }
        if at - pause < self.rules.min_silence {
            return;
        }
        if long_enough {
            self.end(start, pause);
        } else {
            self.forget();
        }
    }

    fn end(&mut self, start: usize, end: usize) {
        self.found.push(Span { start, end });
        self.forget();
    }

    fn forget(&mut self) {
        self.start = None;
        self.pause = None;
        self.split = None;
        self.resumed = None;
    }
}

/// Widens spans by `pad` samples on both sides; silence shorter than two pads is halved between its neighbours.
fn pad(spans: &mut [Span], pad: usize, samples: usize) {
    if let Some(first) = spans.first_mut() {
        first.start = first.start.saturating_sub(pad);
    }
    let mut rest = spans;
    while let [span, after @ ..] = rest {
        if let Some(next) = after.first_mut() {
            let share = ((next.start - span.end) / 2).min(pad);
            span.end += share;
            next.start -= share;
        } else {
            span.end = (span.end + pad).min(samples);
        }
        rest = after;
    }
}

fn from_ms(milliseconds: u32) -> usize {
    usize::try_from(milliseconds)
        .unwrap_or(usize::MAX)
        .saturating_mul(MILLISECOND)
}

/// A count of milliseconds as a float; saturates.
pub(super) fn milliseconds(count: u64) -> f64 {
    float(usize::try_from(count).unwrap_or(usize::MAX))
}
