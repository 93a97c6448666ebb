//! Voices told apart by their cepstra: agglomerative clustering by the Bayesian information criterion (Chen &
//! Gopalakrishnan 1998, with the local penalty of Tritschler & Gopinath 1999), then Viterbi.

use super::changes;
use super::clustering::{Count, agglomerate};
use super::features::{COEFFICIENTS, Cepstra, Stretch};
use super::gaussian::Statistics;
use super::resegmentation::{Course, resegment};
use crate::whisper::WhisperError;
use crate::whisper::numbers::float;

/// The penalty's weight where two clusters are one speaker or two. The criterion itself has 1, and finds a speaker
/// for every mood.
const PENALTY: f64 = 2.2;
/// No cluster counts for more frames than this: 15 s. Else a long talk finds a difference in any voice.
const MOST_FRAMES: f64 = 1500.0;
/// So many clusters are left by the plain criterion, which judges small ones better; more where there
/// may be more speakers.
const ROUGH_CLUSTERS: usize = 10;

/// A cluster, with what the criterion asks of it again and again.
#[derive(Clone)]
struct Voice {
    statistics: Statistics,
    cost: f64,
}

impl Voice {
    fn new(statistics: Statistics) -> Self {
        let cost = statistics.cost();
        Self { statistics, cost }
    }

    fn merged(&self, other: &Self) -> Self {
        Self::new(self.statistics.merged(&other.statistics))
    }

    /// Twice the log-likelihood that two voices gain over one, less the penalty for the second one.
    fn difference(&self, other: &Self, penalty: f64) -> f64 {
        let both = self.statistics.merged(&other.statistics);
        let dimensions = float(COEFFICIENTS);
        let parameters = dimensions + dimensions * (dimensions + 1.0) / 2.0;
        both.cost() - self.cost - other.cost - penalty * parameters * both.count.max(1.0).ln()
    }

    /// As if it had 15 s at most.
    fn capped(&self) -> Self {
        Self::new(self.statistics.capped(MOST_FRAMES))
    }
}

/// The speaker of each frame of each of `regions`, which are in order and apart.
pub fn speakers(samples: &[f32], regions: &[Stretch], count: Count) -> Result<Course, WhisperError> {
    let mut cepstra = Cepstra::compute(samples)?;
    cepstra.normalize(regions);
    let pieces = changes::pieces(&cepstra, regions);
    let voices = pieces
        .iter()
        .map(|(start, end)| Voice::new(Statistics::of(cepstra.range(*start, *end), COEFFICIENTS)));
    let rough = count.most.max(ROUGH_CLUSTERS);
    let found = agglomerate(
        voices.collect(),
        |left, right| left.difference(right, 1.0),
        Voice::merged,
        |left, _| left <= rough,
    );
    // The criterion of one speaker or two judges clusters that hold enough to know a voice by.
    let voices = agglomerate(
        found,
        |left, right| left.capped().difference(&right.capped(), PENALTY),
        Voice::merged,
        |left, least| count.enough(left, least > 0.0),
    );
    let statistics = voices.into_iter().map(|voice| voice.statistics).collect();
    Ok(resegment(&cepstra, (regions, &pieces), statistics, count.least))
}
