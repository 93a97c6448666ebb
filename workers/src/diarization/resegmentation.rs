//! Whose voice each frame is, once the voices are known: the likeliest course of speakers (Viterbi), and from it
//! the voices anew.

use super::features::{COEFFICIENTS, Cepstra, Stretch};
use super::gaussian::{Gaussian, Statistics};

/// What a change of speaker costs, as a log-likelihood: in the middle of speech, and in a pause.
const CHANGE_COST: f64 = 60.0;
const PAUSE_CHANGE_COST: f64 = 20.0;
/// Frames follow each other too closely to be counted as if each were new.
const FRAME_WEIGHT: f64 = 0.3;
const ROUNDS: usize = 3;

/// The number of the speaker of each frame, region by region.
pub type Course = Vec<Vec<usize>>;

/// The speaker of each frame of the regions, from the `voices` that are known. The regions are made up of the
/// pieces. A voice that nobody has in the end is gone; if that would leave fewer than `least`, borders stay where
/// they were.
pub fn resegment(
    cepstra: &Cepstra,
    (regions, pieces): (&[Stretch], &[Stretch]),
    voices: Vec<Statistics>,
    least: usize,
) -> Course {
    let mut course = by_piece(cepstra, (regions, pieces), &gaussians(&voices));
    let mut known = gather(cepstra, regions, &mut course, voices.len());
    for _ in 0..ROUNDS {
        let mut next = likeliest(cepstra, regions, &gaussians(&known));
        let voices = gather(cepstra, regions, &mut next, known.len());
        if next == course || voices.len() < least {
            break;
        }
        (course, known) = (next, voices);
    }
    course
}

fn gaussians(voices: &[Statistics]) -> Vec<Gaussian> {
    voices.iter().map(Statistics::gaussian).collect()
}

/// Each piece as a whole has the voice that it is likeliest of.
fn by_piece(cepstra: &Cepstra, (regions, pieces): (&[Stretch], &[Stretch]), voices: &[Gaussian]) -> Course {
    let mut frames = pieces.iter().flat_map(|(start, end)| {
        let likelihood = |voice: &Gaussian| {
            let frames = cepstra.range(*start, *end);
            frames.map(|frame| voice.log_likelihood(frame)).sum::<f64>()
        };
        let (speaker, _) = highest(voices.iter().map(likelihood));
        std::iter::repeat_n(speaker, end - start)
    });
    let lengths = regions.iter().map(|(start, end)| end - start);
    lengths
        .map(|length| frames.by_ref().take(length).collect())
        .collect()
}

/// The statistics of each speaker's frames. Speakers without any are left out, and the course is numbered anew.
fn gather(
    cepstra: &Cepstra,
    regions: &[Stretch],
    course: &mut [Vec<usize>],
    speakers: usize,
) -> Vec<Statistics> {
    let mut found = vec![Statistics::new(COEFFICIENTS); speakers];
    for ((start, _), speakers) in regions.iter().zip(course.iter()) {
        let mut from = *start;
        for run in speakers.chunk_by(|left, right| left == right) {
            let until = from + run.len();
            if let Some(known) = run.first().and_then(|speaker| found.get_mut(*speaker)) {
                *known = known.merged(&Statistics::of(cepstra.range(from, until), COEFFICIENTS));
            }
            from = until;
        }
    }
    let mut left = 0;
    let numbers: Vec<usize> = found
        .iter()
        .map(|voice| {
            let number = left;
            left += usize::from(voice.count > 0.0);
            number
        })
        .collect();
    for speaker in course.iter_mut().flatten() {
        *speaker = numbers.get(*speaker).copied().unwrap_or_default();
    }
    found.retain(|voice| voice.count > 0.0);
    found
}

/// Viterbi over the frames of all regions in turn.
fn likeliest(cepstra: &Cepstra, regions: &[Stretch], voices: &[Gaussian]) -> Course {
    let mut scores = vec![0.0; voices.len()];
    // For each frame and speaker, who spoke in the frame before.
    let mut back: Vec<Vec<u16>> = Vec::new();
    for (start, end) in regions {
        for (place, frame) in cepstra.range(*start, *end).enumerate() {
            let cost = if place == 0 {
                PAUSE_CHANGE_COST
            } else {
                CHANGE_COST
            };
            let (leader, best) = highest(scores.iter().copied());
            let leader = u16::try_from(leader).unwrap_or(u16::MAX);
            let stays = |score: f64| score >= best - cost;
            let from = (0..).zip(&scores);
            back.push(
                from.map(|(own, score)| if stays(*score) { own } else { leader })
                    .collect(),
            );
            for (score, voice) in scores.iter_mut().zip(voices) {
                // Less the best, so that they stay small.
                *score = score.max(best - cost) - best + FRAME_WEIGHT * voice.log_likelihood(frame);
            }
        }
    }
    let (mut speaker, _) = highest(scores.into_iter());
    let mut backwards = Vec::with_capacity(back.len());
    for from in back.iter().rev() {
        backwards.push(speaker);
        speaker = from.get(speaker).copied().map_or(0, usize::from);
    }
    let mut frames = backwards.into_iter().rev();
    let lengths = regions.iter().map(|(start, end)| end - start);
    lengths
        .map(|length| frames.by_ref().take(length).collect())
        .collect()
}

/// The place of the first of the highest scores, and the score.
fn highest(scores: impl Iterator<Item = f64>) -> (usize, f64) {
    let first = scores
        .enumerate()
        .reduce(|kept, next| if next.1 > kept.1 { next } else { kept });
    first.unwrap_or((0, 0.0))
}
