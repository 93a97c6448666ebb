//! Voices told apart by a network's embeddings: agglomerative clustering by the mean cosine distance.

use super::changes;
use super::clustering::{Count, agglomerate};
use super::embedding::SpeakerModel;
use super::features::{Cepstra, HOP, Stretch};
use super::resegmentation::Course;
use crate::whisper::WhisperError;
use crate::whisper::numbers::float;

/// Frames of what the network hears at once, at most: more may hold two voices, and takes more memory.
const LONGEST: usize = 300;
/// Frames of a piece that takes part in clustering: shorter ones say little, and follow the clusters found.
const TELLING: usize = 100;

/// A cluster: the sum of its embeddings, each of length 1.
struct Voice {
    sum: Vec<f64>,
    pieces: usize,
}

impl Voice {
    fn merged(&self, other: &Self) -> Self {
        Self {
            sum: self
                .sum
                .iter()
                .zip(&other.sum)
                .map(|(left, right)| left + right)
                .collect(),
            pieces: self.pieces + other.pieces,
        }
    }

    /// The mean cosine distance of its embeddings to the other's: 0 where they point the same way, 2 where they
    /// point away from each other.
    fn distance(&self, other: &Self) -> f64 {
        1.0 - dot(&self.sum, &other.sum) / float(self.pieces * other.pieces)
    }
}

/// The speaker of each frame of each of `regions`, which are in order and apart. Voices whose mean cosine distance
/// is above `threshold` differ.
pub fn speakers(
    samples: &[f32],
    regions: &[Stretch],
    count: Count,
    model: &SpeakerModel,
    threshold: f64,
) -> Result<Course, WhisperError> {
    let mut cepstra = Cepstra::compute(samples)?;
    cepstra.normalize(regions);
    let pieces: Vec<Stretch> = changes::pieces(&cepstra, regions)
        .into_iter()
        .flat_map(shortened)
        .collect();
    drop(cepstra);
    let heard = pieces.iter().map(|(start, end)| {
        let piece = samples.get(start * HOP..end * HOP).unwrap_or_default();
        // Networks have a least length: a shorter piece is heard again and again.
        let long: Vec<f32> = piece
            .iter()
            .copied()
            .cycle()
            .take(piece.len().max(TELLING * HOP))
            .collect();
        model.embed(&long)
    });
    let embeddings = heard.collect::<Result<Vec<_>, _>>()?;
    let length = |piece: &Stretch| piece.1 - piece.0;
    let telling = pieces.iter().filter(|piece| length(piece) >= TELLING).count();
    // Fewer than there are to be speakers tell nothing: then all take part.
    let shortest = if telling > count.least { TELLING } else { 0 };
    let voices = pieces
        .iter()
        .zip(&embeddings)
        .filter(|(piece, _)| length(piece) >= shortest);
    let voices = voices.map(|(_, embedding)| Voice {
        sum: embedding.clone(),
        pieces: 1,
    });
    let found = agglomerate(voices.collect(), Voice::distance, Voice::merged, |left, least| {
        count.enough(left, least > threshold)
    });
    let mut frames = pieces
        .iter()
        .zip(&embeddings)
        .flat_map(|(piece, embedding)| std::iter::repeat_n(nearest(&found, embedding), length(piece)));
    let regions = regions.iter();
    Ok(regions
        .map(|region| frames.by_ref().take(length(region)).collect())
        .collect())
}

/// The voice that an embedding points to most; the first of equals.
fn nearest(voices: &[Voice], embedding: &[f64]) -> usize {
    let towards = voices
        .iter()
        .map(|voice| dot(&voice.sum, embedding) / dot(&voice.sum, &voice.sum).sqrt());
    let first = towards
        .enumerate()
        .reduce(|kept, next| if next.1 > kept.1 { next } else { kept });
    first.map_or(0, |(place, _)| place)
}

/// A piece in equal parts that are short enough to be heard at once.
fn shortened((start, end): Stretch) -> Vec<Stretch> {
    let parts = (end - start).div_ceil(LONGEST).max(1);
    let edge = |part: usize| start + (end - start) * part / parts;
    (0..parts).map(|part| (edge(part), edge(part + 1))).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}
