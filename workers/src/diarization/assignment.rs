//! Who said a word: the speaker whose turns overlap it most, or else the nearest one (`assign_word_speakers` in
//! `WhisperX`, with `fill_nearest`).

use super::Turn;
use crate::whisper::Segment;

/// Names the speaker of every segment with text, and of every word. Without turns nobody is named.
///
/// `turns` are in order and do not overlap.
pub fn assign(segments: &mut [Segment], turns: &[Turn]) {
    for segment in segments {
        if !segment.text.is_empty() {
            segment.speaker = speaker(turns, segment.start, segment.end);
        }
        for word in segment.words.iter_mut().flatten() {
            word.speaker = speaker(turns, word.start, word.end);
        }
    }
}

/// Who speaks from `start` to `end`, in seconds. Of equals it is the one who speaks first.
fn speaker(turns: &[Turn], start: f64, end: f64) -> Option<String> {
    let first = turns.partition_point(|turn| turn.end <= start);
    let mut shares: Vec<(&str, f64)> = Vec::new();
    for turn in turns.iter().skip(first).take_while(|turn| turn.start < end) {
        let overlap = turn.end.min(end) - turn.start.max(start);
        match shares.iter_mut().find(|(known, _)| *known == turn.speaker) {
            Some((_, share)) => *share += overlap,
            None => shares.push((&turn.speaker, overlap)),
        }
    }
    let most = shares
        .into_iter()
        .reduce(|kept, next| if next.1 > kept.1 { next } else { kept });
    let name = most
        .map(|(name, _)| name)
        .or_else(|| nearest(turns, first, start, end));
    name.map(str::to_owned)
}

/// The speaker of the turn before `first` or of the one there, whichever is nearer.
fn nearest(turns: &[Turn], first: usize, start: f64, end: f64) -> Option<&str> {
    let after = turns.get(first);
    let before = first.checked_sub(1).and_then(|place| turns.get(place));
    let nearer = |turn: &&Turn| after.is_none_or(|after| start - turn.end <= after.start - end);
    before.filter(nearer).or(after).map(|turn| turn.speaker.as_str())
}
