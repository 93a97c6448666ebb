//! The speaker of each frame as turns with stable labels.

use super::Turn;
use super::features::Stretch;
use crate::whisper::numbers::float;

/// A shorter pause within what one speaker says is part of the turn, in frames (0.3 s, as in NIST's evaluations).
const PAUSE: usize = 30;
const FRAMES_PER_SECOND: f64 = 100.0;

/// Turns of the speakers of each frame of `regions`; who speaks first is `SPEAKER_00`.
pub fn turns(regions: &[Stretch], course: &[Vec<usize>]) -> Vec<Turn> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for ((start, _), speakers) in regions.iter().zip(course) {
        let mut from = *start;
        for run in speakers.chunk_by(|left, right| left == right) {
            let end = from + run.len();
            let speaker = run.first().copied().unwrap_or_default();
            match runs.last_mut() {
                Some((known, _, until)) if *known == speaker && from < *until + PAUSE => *until = end,
                Some(_) | None => runs.push((speaker, from, end)),
            }
            from = end;
        }
    }
    let mut order: Vec<usize> = Vec::new();
    runs.into_iter()
        .map(|(speaker, start, end)| {
            let number = order
                .iter()
                .position(|known| *known == speaker)
                .unwrap_or_else(|| {
                    order.push(speaker);
                    order.len() - 1
                });
            Turn {
                start: float(start) / FRAMES_PER_SECOND,
                end: float(end) / FRAMES_PER_SECOND,
                speaker: format!("SPEAKER_{number:02}"),
            }
        })
        .collect()
}
