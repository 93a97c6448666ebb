//! Where the voice may change: speech is cut there, so that each piece has one voice.

use super::features::{COEFFICIENTS, Cepstra, Stretch};
use super::gaussian::Statistics;

/// Frames on either side of a point that are compared.
const WINDOW: usize = 150;
/// Frames from point to point.
const STEP: usize = 10;
/// Frames of a piece, at least, where its region has so many.
const SHORTEST: usize = 50;
/// Points on either side that a cut is compared with.
const REACH: usize = SHORTEST / STEP;

/// Cuts regions of speech, from frame to frame, at the points where the frames before and after are less alike
/// than at any point within half a second (the generalised likelihood ratio, Gish 1991). No threshold: too many
/// cuts are mended by clustering, a missing one is not.
pub fn pieces(cepstra: &Cepstra, regions: &[Stretch]) -> Vec<Stretch> {
    regions.iter().flat_map(|region| cut(cepstra, *region)).collect()
}

fn cut(cepstra: &Cepstra, (start, end): Stretch) -> Vec<Stretch> {
    let points: Vec<usize> = (start + SHORTEST..(end + 1).saturating_sub(SHORTEST))
        .step_by(STEP)
        .collect();
    let ratios: Vec<f64> = points
        .iter()
        .map(|point| ratio(cepstra, (start, end), *point))
        .collect();
    let mut pieces = Vec::new();
    let mut from = start;
    for (place, (point, here)) in points.iter().zip(&ratios).enumerate() {
        let (before, after) = ratios.split_at(place);
        // Of equal points the first is the place.
        let above_before = before.iter().rev().take(REACH).all(|ratio| ratio < here);
        if above_before && after.iter().take(REACH + 1).all(|ratio| ratio <= here) {
            pieces.push((from, *point));
            from = *point;
        }
    }
    pieces.push((from, end));
    pieces
}

/// How much likelier the frames around a point are under two Gaussians than under one, per frame.
fn ratio(cepstra: &Cepstra, (start, end): Stretch, point: usize) -> f64 {
    let half = WINDOW.min(point - start).min(end - point);
    let before = Statistics::of(cepstra.range(point - half, point), COEFFICIENTS);
    let after = Statistics::of(cepstra.range(point, point + half), COEFFICIENTS);
    before.ratio(&after) / (before.count + after.count).max(1.0)
}
