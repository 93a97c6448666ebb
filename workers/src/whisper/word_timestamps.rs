//! Puts the words of a window into its segments, and corrects times that the attention gets wrong
//! (`add_word_timestamps` in the reference's `timing.py`).

use super::alignment::WordTiming;
use super::segments::{Segment, Word};

/// No word is expected to take longer than twice this, in seconds.
const TYPICAL_DURATION_MAX: f64 = 0.7;
const SENTENCE_ENDS: &str = ".。!！?？";
/// A first or last word that reaches further than this beyond its segment is cut to it, in seconds.
const OVERLAP_MAX: f64 = 0.5;

/// Joins punctuation to the words it belongs to. What is in `prepended` goes to the word after it where a space
/// stands before it, what is in `appended` to the word before. A word that was joined to another one stays with
/// no text and no tokens (`merge_punctuations` in the reference's `timing.py`).
pub fn merge_punctuations(alignment: &mut [WordTiming], prepended: &str, appended: &str) {
    let mut following = alignment.len().saturating_sub(1);
    for previous in (0..following).rev() {
        let Some((head, tail)) = alignment.split_at_mut_checked(following) else {
            break;
        };
        let (Some(mark), Some(word)) = (head.get_mut(previous), tail.first_mut()) else {
            break;
        };
        if mark.word.starts_with(' ') && prepended.contains(mark.word.trim()) {
            word.word.insert_str(0, &std::mem::take(&mut mark.word));
            word.tokens.splice(0..0, std::mem::take(&mut mark.tokens));
        } else {
            following = previous;
        }
    }
    let mut previous = 0;
    for following in 1..alignment.len() {
        let Some((head, tail)) = alignment.split_at_mut_checked(following) else {
            break;
        };
        let (Some(word), Some(mark)) = (head.get_mut(previous), tail.first_mut()) else {
            break;
        };
        if !word.word.ends_with(' ') && appended.contains(&mark.word) {
            word.word.push_str(&std::mem::take(&mut mark.word));
            word.tokens.append(&mut mark.tokens);
        } else {
            previous = following;
        }
    }
}

/// How long words take in this window.
#[derive(Clone, Copy)]
struct Durations {
    median: f64,
    max: f64,
}

impl Durations {
    /// Words that take no time do not count.
    fn of(alignment: &[WordTiming]) -> Self {
        let mut durations: Vec<f64> = alignment
            .iter()
            .map(WordTiming::duration)
            .filter(|duration| *duration != 0.0)
            .collect();
        durations.sort_by(f64::total_cmp);
        let middle = durations.len() / 2;
        let at = |place: usize| durations.get(place).copied().unwrap_or_default();
        let median = if durations.is_empty() {
            0.0
        } else if durations.len().is_multiple_of(2) {
            f64::midpoint(at(middle - 1), at(middle))
        } else {
            at(middle)
        };
        let median = median.min(TYPICAL_DURATION_MAX);
        Self {
            median,
            max: median * 2.0,
        }
    }
}

/// Shortens a mark that ends a sentence, or the word after one, to twice the usual duration.
fn truncate_at_sentences(alignment: &mut [WordTiming], durations: Durations) {
    let ends = |word: &str| SENTENCE_ENDS.contains(word);
    for place in 1..alignment.len() {
        let after_end = alignment
            .get(place - 1)
            .is_some_and(|previous| ends(&previous.word));
        let Some(word) = alignment.get_mut(place) else {
            break;
        };
        if word.duration() > durations.max {
            if ends(&word.word) {
                word.end = word.start + durations.max;
            } else if after_end {
                word.start = word.end - durations.max;
            }
        }
    }
}

/// Gives each segment of one window its words, and times that agree with them. `offset` is the window's start,
/// `last_speech` the end of the speech before it, both in seconds from the start of the recording; `eot` ends the
/// text tokens. Without an alignment every segment has no words.
pub fn add_word_timestamps(
    segments: &mut [Segment],
    mut alignment: Vec<WordTiming>,
    (prepended, appended): (&str, &str),
    offset: f64,
    mut last_speech: f64,
    eot: u32,
) {
    let durations = Durations::of(&alignment);
    if alignment.iter().any(|word| word.duration() != 0.0) {
        truncate_at_sentences(&mut alignment, durations);
    }
    merge_punctuations(&mut alignment, prepended, appended);
    let mut left = alignment.into_iter();
    for segment in segments {
        let wanted = segment.tokens.iter().filter(|token| **token < eot).count();
        let mut words = Vec::new();
        let mut taken = 0;
        while taken < wanted
            && let Some(timing) = left.next()
        {
            taken += timing.tokens.len();
            if !timing.word.is_empty() {
                words.push(Word {
                    start: hundredths(offset + timing.start),
                    end: hundredths(offset + timing.end),
                    word: timing.word,
                    probability: timing.probability,
                    speaker: None,
                });
            }
        }
        if !words.is_empty() {
            shorten_after_pause(&mut words, durations, last_speech);
            agree(segment, &mut words, durations.median);
            last_speech = segment.end;
        }
        segment.words = Some(words);
    }
}

/// After a pause the first words must not reach back into it: neither the first alone nor the first two together
/// take longer than twice what is usual.
fn shorten_after_pause(words: &mut [Word], durations: Durations, last_speech: f64) {
    let Durations { median, max } = durations;
    let (first, second) = match words {
        [] => return,
        [first] => (first, None),
        [first, second, ..] => (first, Some(second)),
    };
    let both_long = second
        .as_ref()
        .is_some_and(|second| second.end - first.start > max * 2.0);
    if first.end - last_speech <= median * 4.0 || !(first.end - first.start > max || both_long) {
        return;
    }
    if let Some(second) = second
        && second.end - second.start > max
    {
        let boundary = (second.end / 2.0).max(second.end - max);
        first.end = boundary;
        second.start = boundary;
    }
    first.start = (first.end - max).max(0.0);
}

/// The segment begins and ends with its words, unless the timestamps say that the first or last word is much
/// shorter.
fn agree(segment: &mut Segment, words: &mut [Word], median: f64) {
    if let Some(first) = words.first_mut() {
        if segment.start < first.end && segment.start - OVERLAP_MAX > first.start {
            first.start = (first.end - median).min(segment.start).max(0.0);
        } else {
            segment.start = first.start;
        }
    }
    if let Some(last) = words.last_mut() {
        if segment.end > last.start && segment.end + OVERLAP_MAX < last.end {
            last.end = (last.start + median).max(segment.end);
        } else {
            segment.end = last.end;
        }
    }
}

/// Rounds to hundredths of a second as Python does: by the exact binary value, not by a product with 100 that is
/// itself rounded.
fn hundredths(seconds: f64) -> f64 {
    let text = format!("{seconds:.2}");
    text.parse().unwrap_or(seconds)
}
