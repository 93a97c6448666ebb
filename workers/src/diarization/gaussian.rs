//! Gaussians with full covariance, and how unlike two of them are.

/// Added to the variances of features whose variance over all speech is 1: few frames then have a covariance, too.
const VARIANCE_FLOOR: f64 = 0.01;

/// Count, sum and sum of products of frames: enough for their Gaussian, and they add up.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    pub count: f64,
    sum: Vec<f64>,
    /// The lower triangle, row after row.
    products: Vec<Vec<f64>>,
}

/// The Gaussian of some frames.
#[derive(Clone, Debug)]
pub struct Gaussian {
    mean: Vec<f64>,
    /// Lower triangle of the Cholesky factor of the covariance, row after row.
    factor: Vec<Vec<f64>>,
    /// Logarithm of the determinant of the covariance.
    log_det: f64,
}

impl Statistics {
    /// Of no frames.
    pub fn new(dimensions: usize) -> Self {
        Self {
            count: 0.0,
            sum: vec![0.0; dimensions],
            products: (1..=dimensions).map(|length| vec![0.0; length]).collect(),
        }
    }

    /// Of `frames`, each of `dimensions` values.
    pub fn of<'a>(frames: impl IntoIterator<Item = &'a [f32]>, dimensions: usize) -> Self {
        let mut statistics = Self::new(dimensions);
        let mut wide = Vec::with_capacity(dimensions);
        for frame in frames {
            wide.clear();
            wide.extend(frame.iter().copied().map(f64::from));
            statistics.add(&wide);
        }
        statistics
    }

    fn add(&mut self, frame: &[f64]) {
        self.count += 1.0;
        for (sum, value) in self.sum.iter_mut().zip(frame) {
            *sum += value;
        }
        for (row, left) in self.products.iter_mut().zip(frame) {
            for (product, right) in row.iter_mut().zip(frame) {
                *product += left * right;
            }
        }
    }

    /// Of the frames of both.
    pub fn merged(&self, other: &Self) -> Self {
        let add = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(a, b)| a + b).collect();
        let rows = self.products.iter().zip(&other.products);
        Self {
            count: self.count + other.count,
            sum: add(&self.sum, &other.sum),
            products: rows.map(|(left, right)| add(left, right)).collect(),
        }
    }

    /// The likeliest Gaussian of these frames.
    pub fn gaussian(&self) -> Gaussian {
        let count = self.count.max(1.0);
        let mean: Vec<f64> = self.sum.iter().map(|sum| sum / count).collect();
        let covariance = self.products.iter().zip(&mean).map(|(row, left)| {
            let values = row
                .iter()
                .zip(&mean)
                .map(|(product, right)| product / count - left * right);
            values.collect()
        });
        let (factor, log_det) = cholesky(covariance);
        Gaussian {
            mean,
            factor,
            log_det,
        }
    }

    /// As if there were `most` of these frames at most.
    pub fn capped(&self, most: f64) -> Self {
        let scale = (most / self.count.max(1.0)).min(1.0);
        let scaled = |values: &Vec<f64>| values.iter().map(|value| value * scale).collect();
        Self {
            count: self.count * scale,
            sum: scaled(&self.sum),
            products: self.products.iter().map(scaled).collect(),
        }
    }

    /// How much likelier the frames of both are under two Gaussians than under one, as a log-likelihood ratio.
    pub fn ratio(&self, other: &Self) -> f64 {
        0.5 * (self.merged(other).cost() - self.cost() - other.cost())
    }

    /// Twice the negative log-likelihood of the frames under their own Gaussian, without what is the same for
    /// any Gaussian.
    pub fn cost(&self) -> f64 {
        self.count * self.gaussian().log_det
    }
}

impl Gaussian {
    /// Log-likelihood of a frame, without the constant that all Gaussians of so many dimensions share.
    pub fn log_likelihood(&self, frame: &[f32]) -> f64 {
        let mut solved: Vec<f64> = Vec::with_capacity(self.mean.len());
        let mut distance = 0.0;
        for ((value, mean), row) in frame.iter().zip(&self.mean).zip(&self.factor) {
            let known: f64 = row.iter().zip(&solved).map(|(a, b)| a * b).sum();
            let pivot = row.last().copied().unwrap_or(1.0);
            let next = (f64::from(*value) - mean - known) / pivot;
            distance += next * next;
            solved.push(next);
        }
        -0.5 * (distance + self.log_det)
    }
}

/// The lower factor of a covariance given by the rows of its lower triangle, with the floor added, and the
/// logarithm of the determinant.
fn cholesky(rows: impl Iterator<Item = Vec<f64>>) -> (Vec<Vec<f64>>, f64) {
    let mut factor: Vec<Vec<f64>> = Vec::new();
    let mut log_det = 0.0;
    for values in rows {
        let mut row: Vec<f64> = Vec::with_capacity(values.len());
        for (value, above) in values.iter().zip(&factor) {
            let known: f64 = row.iter().zip(above).map(|(a, b)| a * b).sum();
            row.push((value - known) / above.last().copied().unwrap_or(1.0));
        }
        let variance = values.last().copied().unwrap_or(0.0) + VARIANCE_FLOOR;
        let known: f64 = row.iter().map(|value| value * value).sum();
        // Rounding may take a singular covariance below its floor.
        let pivot = (variance - known).max(VARIANCE_FLOOR / 2.0);
        log_det += pivot.ln();
        row.push(pivot.sqrt());
        factor.push(row);
    }
    (factor, log_det)
}
