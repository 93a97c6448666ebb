//! The voiced parts of a recording, joined to a shorter one; times in that one become times in the recording
//! again (`SpeechTimestampsMap` and `restore_speech_timestamps` in faster-whisper).

use super::Span;
use crate::whisper::numbers::{count, float};
use crate::whisper::{Segment, Word};

const SAMPLES_PER_SECOND: f64 = 16_000.0;
const FRAMES_PER_SECOND: f64 = 100.0;

/// What is left of a recording without its silence.
#[derive(Debug)]
pub struct Parts(Vec<Part>);

/// All places are in samples at 16 kHz.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// In the recording.
    span: Span,
    /// Where it ends in the joined recording.
    joined_end: usize,
    /// Silence that it begins with.
    lead: usize,
    /// Silence that it ends with.
    tail: usize,
}

impl Part {
    /// Where it begins in the joined recording.
    fn joined_start(self) -> usize {
        self.joined_end - (self.span.end - self.span.start)
    }

    /// A time of the joined recording in this part, in seconds of the recording, rounded to milliseconds. A time
    /// outside becomes the part's nearer end.
    fn restore(self, seconds: f64) -> f64 {
        let sample = seconds * SAMPLES_PER_SECOND - float(self.joined_start()) + float(self.span.start);
        let within = sample.clamp(float(self.span.start), float(self.span.end));
        (within / SAMPLES_PER_SECOND * 1000.0).round() / 1000.0
    }
}

impl Parts {
    /// The parts of `spans` that lie in one of `clips`, clip after clip. Spans have `pad` samples of silence at
    /// either end; those with nothing between them become one.
    pub fn new(spans: &[Span], pad: usize, clips: &[Span]) -> Self {
        let mut whole: Vec<Span> = Vec::new();
        for span in spans {
            match whole.last_mut() {
                // Halved silence may leave one sample over.
                Some(last) if span.start <= last.end + 1 => last.end = span.end,
                Some(_) | None => whole.push(*span),
            }
        }
        let mut parts = Vec::new();
        let mut joined_end = 0;
        for clip in clips {
            for span in &whole {
                let (start, end) = (span.start.max(clip.start), span.end.min(clip.end));
                if start < end {
                    joined_end += end - start;
                    parts.push(Part {
                        span: Span { start, end },
                        joined_end,
                        lead: if start == span.start { pad } else { 0 },
                        tail: if end == span.end { pad } else { 0 },
                    });
                }
            }
        }
        Self(parts)
    }

    /// Whether nobody speaks.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The voiced parts of `samples`, one after the other.
    pub fn join(&self, samples: &[f32]) -> Vec<f32> {
        let parts = self.0.iter().map(|part| part.span.start..part.span.end);
        parts
            .flat_map(|range| samples.get(range).unwrap_or_default())
            .copied()
            .collect()
    }

    /// Where `spans`, those that the parts are made of, end in the joined recording, and where that ends itself, in
    /// rising order.
    pub fn ends(&self, spans: &[Span]) -> Vec<usize> {
        let mut ends = Vec::new();
        for part in &self.0 {
            let inside = spans
                .iter()
                .filter(|span| part.span.start < span.end && span.end < part.span.end);
            ends.extend(inside.map(|span| part.joined_start() + span.end - part.span.start));
            ends.push(part.joined_end);
        }
        ends
    }

    /// A time of the joined recording in the recording, both in seconds. A time where two parts meet belongs to
    /// the later one.
    pub fn time(&self, seconds: f64) -> f64 {
        self.part(self.starting(seconds))
            .map_or(seconds, |part| part.restore(seconds))
    }

    /// A segment of the joined recording with the recording's times.
    ///
    /// A word lies in the part of its middle. A segment lies in the parts of its first and last word; one
    /// without words does not begin in the silence that a part ends with, nor end in the silence that one
    /// begins with, where another part follows or precedes.
    pub fn restore(&self, segment: &Segment) -> Segment {
        let middle = |word: &Word| self.starting(f64::midpoint(word.start, word.end));
        let words = segment.words();
        let (first, last) = match (words.first(), words.last()) {
            (Some(first), Some(last)) => (middle(first), middle(last)),
            (None, _) | (_, None) => self.reach(segment.start, segment.end),
        };
        let mut restored = segment.clone();
        for word in restored.words.iter_mut().flatten() {
            if let Some(part) = self.part(middle(word)) {
                (word.start, word.end) = (part.restore(word.start), part.restore(word.end));
            }
        }
        if let (Some(first), Some(last)) = (self.part(first), self.part(last)) {
            restored.start = first.restore(segment.start);
            restored.end = last.restore(segment.end);
        }
        let seek = self.time(float(segment.seek) / FRAMES_PER_SECOND);
        restored.seek = count(seek * FRAMES_PER_SECOND);
        restored
    }

    /// First and last part of what lies between two times of the joined recording.
    fn reach(&self, start: f64, end: f64) -> (usize, usize) {
        let (start, end) = (count(start * SAMPLES_PER_SECOND), count(end * SAMPLES_PER_SECOND));
        let mut first = self.0.partition_point(|part| part.joined_end <= start);
        let mut last = self.0.partition_point(|part| part.joined_end < end).max(first);
        if first < last
            && self
                .part(first)
                .is_some_and(|part| start + part.tail >= part.joined_end)
        {
            first += 1;
        }
        if first < last
            && self
                .part(last)
                .is_some_and(|part| end <= part.joined_start() + part.lead)
        {
            last -= 1;
        }
        (first, last)
    }

    /// The part at a time of the joined recording; the later one where two meet.
    fn starting(&self, seconds: f64) -> usize {
        let sample = count(seconds * SAMPLES_PER_SECOND);
        self.0.partition_point(|part| part.joined_end <= sample)
    }

    /// The last part where there are not so many.
    fn part(&self, index: usize) -> Option<Part> {
        self.0.get(index).or(self.0.last()).copied()
    }
}
