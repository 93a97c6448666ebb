//! Times of the joined parts become times of the recording.

#![expect(clippy::float_cmp, reason = "restored times are rounded to milliseconds")]

use workers::vad::{Parts, Span};
use workers::whisper::{Segment, Word};

const SECOND: usize = 16_000;
const ALL: Span = Span {
    start: 0,
    end: 10 * SECOND,
};

/// From 1 s to 2 s and from 4 s to 5 s, with 100 ms of silence at the ends.
fn parts(clips: &[Span]) -> Parts {
    let spans = [(SECOND, 2 * SECOND), (4 * SECOND, 5 * SECOND)];
    Parts::new(&spans.map(|(start, end)| Span { start, end }), 1600, clips)
}

fn segment(start: f64, end: f64, words: &[(f64, f64)]) -> Segment {
    let words: Vec<Word> = words
        .iter()
        .map(|(start, end)| Word {
            word: " word".to_owned(),
            start: *start,
            end: *end,
            probability: 1.0,
            speaker: None,
        })
        .collect();
    Segment {
        id: 0,
        seek: 0,
        start,
        end,
        text: " word".to_owned(),
        tokens: Vec::new(),
        temperature: 0.0,
        avg_logprob: 0.0,
        compression_ratio: 1.0,
        no_speech_prob: 0.0,
        speaker: None,
        words: (!words.is_empty()).then_some(words),
    }
}

fn assert_restored(segment: &Segment, start: f64, end: f64) {
    let restored = parts(&[ALL]).restore(segment);
    let near = (restored.start - start).abs() < 1e-9 && (restored.end - end).abs() < 1e-9;
    assert!(near, "{restored:?}, not {start} to {end}");
}

#[test]
fn times_move_by_the_silence_before_them() {
    let parts = parts(&[ALL]);
    let restored = [0.0, 0.5, 1.0, 1.5, 2.0, 9.0].map(|at| parts.time(at));
    assert_eq!(restored, [1.0, 1.5, 4.0, 4.5, 5.0, 5.0]);
    let later = Segment {
        seek: 150,
        ..segment(1.5, 1.6, &[])
    };
    assert_eq!(parts.restore(&later).seek, 450);
}

#[test]
fn the_voiced_samples_are_joined() {
    let samples: Vec<f32> = (0_u8..200)
        .flat_map(|number| vec![f32::from(number); 800])
        .collect();
    let joined = parts(&[ALL]).join(&samples);
    assert_eq!(joined.len(), 2 * SECOND);
    assert_eq!(joined.first(), Some(&20.0));
    assert_eq!(joined.get(SECOND - 1), Some(&39.0));
    assert_eq!(joined.get(SECOND), Some(&80.0));
    assert!(parts(&[]).is_empty());
}

#[test]
fn a_segment_without_words_ends_before_silence_and_begins_after_it() {
    assert_restored(&segment(0.2, 1.0, &[]), 1.2, 2.0);
    assert_restored(&segment(1.0, 1.8, &[]), 4.0, 4.8);
    // In the silence that a part ends or begins with.
    assert_restored(&segment(0.95, 1.8, &[]), 4.0, 4.8);
    assert_restored(&segment(0.2, 1.05, &[]), 1.2, 2.0);
    // Said on both sides.
    assert_restored(&segment(0.2, 1.8, &[]), 1.2, 4.8);
    // Instants, and what lies after the end.
    assert_restored(&segment(1.0, 1.0, &[]), 4.0, 4.0);
    assert_restored(&segment(1.9, 9.0, &[]), 4.9, 5.0);
}

#[test]
fn a_word_lies_in_the_part_of_its_middle() {
    let both = segment(0.5, 1.5, &[(0.5, 0.9), (0.9, 1.06), (1.06, 1.5)]);
    assert_restored(&both, 1.5, 4.5);
    let words = parts(&[ALL]).restore(&both).words.unwrap();
    let times: Vec<(f64, f64)> = words.iter().map(|word| (word.start, word.end)).collect();
    assert_eq!(times, [(1.5, 1.9), (1.9, 2.0), (4.06, 4.5)]);
    // A segment goes where its words are.
    assert_restored(&segment(0.9, 1.5, &[(0.96, 1.5)]), 4.0, 4.5);
}

#[test]
fn only_what_lies_in_clips_is_heard() {
    let clips = [(3 * SECOND / 2, 3 * SECOND), (9 * SECOND / 2, 10 * SECOND)];
    let parts = parts(&clips.map(|(start, end)| Span { start, end }));
    assert_eq!(parts.join(&vec![0.0; 6 * SECOND]).len(), SECOND);
    assert_eq!(
        [0.0, 0.4, 0.5, 0.9].map(|at| parts.time(at)),
        [1.5, 1.9, 4.5, 4.9]
    );
}

#[test]
fn spans_that_touch_are_one_part() {
    let spans = [(0, 1000), (1001, 2000), (2000, 3000)];
    let parts = Parts::new(&spans.map(|(start, end)| Span { start, end }), 0, &[ALL]);
    assert_eq!(parts.join(&vec![0.0; SECOND]).len(), 3000);
}
