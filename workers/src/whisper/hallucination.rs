//! Text that was made up in silence: words that are very short, very long or improbable, with silence around
//! them, are dropped and the silence is skipped (`hallucination_silence_threshold` in the reference's
//! `transcribe.py`).

use super::numbers::float;
use super::segments::{Cut, Segment, Window, Word, frame_at, speech_end};

/// Words that are punctuation alone do not count.
const PUNCTUATION: &str = "\"'“¿([{-\"'.。,，!！?？:：”)]}、";
/// Words of a segment that are looked at.
const WORDS_MAX: usize = 8;
const IMPROBABLE: f64 = 0.15;
const SHORT_SECONDS: f64 = 0.133;
const SHORT_WEIGHT: f64 = 15.0;
const LONG_SECONDS: f64 = 2.0;
/// A segment this near to either end of its window, in seconds, has silence on that side.
const EDGE_SECONDS: f64 = 2.0;

/// Whether a window's text stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Kept,
    /// The window is heard again from the place that was found.
    Dropped,
}

/// What is known of the recording around the window.
#[derive(Clone, Copy, Debug)]
pub struct Around {
    pub window: Window,
    /// Frames of the recording.
    pub content_frames: usize,
    /// End of the speech before the window, in seconds.
    pub last_speech: f64,
    /// Silence longer than this is skipped, in seconds.
    pub threshold: f64,
}

/// Drops made-up segments of one window and moves the start of the next one.
pub fn skip_silence(cut: &mut Cut, around: &Around) -> Verdict {
    let (window, threshold) = (around.window, around.threshold);
    if !cut.single_ending
        && let Some(end) = speech_end(&cut.segments).filter(|end| *end > window.start())
    {
        cut.next = if window.full_end() - end > threshold {
            frame_at(end)
        } else {
            window.end_frame()
        };
    }
    // What the window begins with may be made up from the silence before it.
    if let Some(first) = with_words(&cut.segments).filter(|first| is_anomalous(first)) {
        let gap = first.start - window.start();
        if gap > threshold {
            cut.next = window.seek + frame_at(gap);
            return Verdict::Dropped;
        }
    }
    if let Some((place, next)) = first_made_up(&cut.segments, around) {
        cut.segments.truncate(place);
        cut.next = next;
    }
    Verdict::Kept
}

/// The first segment that is anomalous between silences or other anomalous segments, and the frame from which
/// the recording is heard again.
fn first_made_up(segments: &[Segment], around: &Around) -> Option<(usize, usize)> {
    let (window, threshold) = (around.window, around.threshold);
    let (start, full_end) = (window.start(), window.full_end());
    let mut last_end = around.last_speech;
    for (place, segment) in segments.iter().enumerate() {
        if segment.words().is_empty() {
            continue;
        }
        if is_anomalous(segment) {
            let next = with_words(segments.get(place + 1..).unwrap_or_default());
            let next_start = next
                .and_then(|next| next.words().first())
                .map_or(start + window.duration(), |word| word.start);
            let silence_before = segment.start - last_end > threshold
                || segment.start < threshold
                || segment.start - start < EDGE_SECONDS;
            let silence_after = next_start - segment.end > threshold
                || next.is_some_and(is_anomalous)
                || full_end - segment.end < EDGE_SECONDS;
            if silence_before && silence_after {
                let content_end = float(around.content_frames) / 100.0;
                let again = if content_end - segment.end < threshold {
                    around.content_frames
                } else {
                    frame_at((start + 1.0).max(segment.start))
                };
                return Some((place, again));
            }
        }
        last_end = segment.end;
    }
    None
}

fn with_words(segments: &[Segment]) -> Option<&Segment> {
    segments.iter().find(|segment| !segment.words().is_empty())
}

fn is_anomalous(segment: &Segment) -> bool {
    if segment.words().is_empty() {
        return false;
    }
    let words = segment.words().iter();
    let scores: Vec<f64> = words
        .filter(|word| !PUNCTUATION.contains(&word.word))
        .take(WORDS_MAX)
        .map(anomaly)
        .collect();
    let score: f64 = scores.iter().sum();
    score >= 3.0 || score + 0.01 >= float(scores.len())
}

/// How odd a word is: 1 for an improbable one, more for one that is very short or very long.
fn anomaly(word: &Word) -> f64 {
    let duration = word.end - word.start;
    let improbable = if word.probability < IMPROBABLE { 1.0 } else { 0.0 };
    let short = (SHORT_SECONDS - duration).max(0.0) * SHORT_WEIGHT;
    let long = (duration - LONG_SECONDS).max(0.0);
    improbable + short + long
}
