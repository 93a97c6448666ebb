//! Choosing tokens from logits: the likeliest, drawn by chance, or by beam search.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::filters::log_sum_exp;
use super::numbers::{count, float, index, narrow, token};

/// One text under way. `tokens` are the sampled ones alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub tokens: Vec<u32>,
    /// Sum of the log-probabilities of the tokens.
    pub sum_logprob: f64,
}

/// How the next tokens are chosen.
pub enum Search {
    /// One row, the likeliest token each time.
    Greedy,
    /// `rows` texts drawn at a temperature.
    Sample {
        rows: usize,
        temperature: f64,
        random: Box<StdRng>,
    },
    Beam(Beam),
}

/// The state of a beam search over one window.
pub struct Beam {
    size: usize,
    candidates_max: usize,
    finished: Vec<Row>,
}

/// What to do after a step.
pub struct Step {
    pub rows: Vec<Row>,
    /// For each row, the old row that it continues.
    pub sources: Vec<usize>,
    pub complete: bool,
}

impl Search {
    pub fn sample(rows: usize, temperature: f64, seed: u64) -> Self {
        Self::Sample {
            rows: rows.max(1),
            temperature,
            random: Box::new(StdRng::seed_from_u64(seed)),
        }
    }

    /// `patience` of 1 stops as soon as `size` texts have ended.
    pub fn beam(size: usize, patience: f64) -> Self {
        let candidates_max = count(float(size) * patience).max(1);
        Self::Beam(Beam {
            size,
            candidates_max,
            finished: Vec::new(),
        })
    }

    /// How many rows go on after the first step.
    pub fn rows(&self) -> usize {
        match self {
            Self::Greedy => 1,
            Self::Sample { rows, .. } => *rows,
            Self::Beam(beam) => beam.size,
        }
    }

    /// Continues `rows`, given the filtered logits of each.
    pub fn step(&mut self, rows: &[Row], logits: &[Vec<f32>], eot: u32) -> Step {
        match self {
            Self::Greedy => each(rows, logits, eot, argmax),
            Self::Sample {
                temperature, random, ..
            } => each(rows, logits, eot, |logits| draw(logits, *temperature, random)),
            Self::Beam(beam) => beam.step(rows, logits, eot),
        }
    }

    /// All texts found; sampled tokens without the end token.
    pub fn finish(self, rows: Vec<Row>, eot: u32) -> Vec<Row> {
        let mut found = match self {
            Self::Greedy | Self::Sample { .. } => rows,
            Self::Beam(beam) => beam.finish(rows),
        };
        for row in &mut found {
            if let Some(end) = row.tokens.iter().position(|token| *token == eot) {
                row.tokens.truncate(end);
            }
        }
        found
    }
}

/// Appends one chosen token to each row; a row that has ended keeps ending at no cost.
fn each(rows: &[Row], logits: &[Vec<f32>], eot: u32, mut choose: impl FnMut(&[f32]) -> u32) -> Step {
    let rows: Vec<Row> = rows
        .iter()
        .zip(logits)
        .map(|(row, logits)| {
            let mut row = row.clone();
            if row.tokens.last() == Some(&eot) {
                row.tokens.push(eot);
                return row;
            }
            let chosen = choose(logits);
            row.sum_logprob += log_probability(logits, chosen);
            row.tokens.push(chosen);
            row
        })
        .collect();
    let complete = rows.iter().all(|row| row.tokens.last() == Some(&eot));
    Step {
        sources: (0..rows.len()).collect(),
        rows,
        complete,
    }
}

fn log_probability(logits: &[f32], chosen: u32) -> f64 {
    let logit = logits.get(index(chosen)).copied().unwrap_or(f32::NEG_INFINITY);
    f64::from(logit) - log_sum_exp(logits)
}

/// The first of the largest.
fn argmax(logits: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, logit) in logits.iter().enumerate() {
        if *logit > best.1 {
            best = (id, *logit);
        }
    }
    token(best.0)
}

/// Draws from softmax(logits / temperature).
fn draw(logits: &[f32], temperature: f64, random: &mut StdRng) -> u32 {
    let tempered: Vec<f32> = logits
        .iter()
        .map(|logit| narrow(f64::from(*logit) / temperature))
        .collect();
    let total = log_sum_exp(&tempered);
    let mut left: f64 = random.random();
    let mut last = None;
    for (id, logit) in tempered
        .iter()
        .enumerate()
        .filter(|(_, logit)| **logit > f32::NEG_INFINITY)
    {
        left -= (f64::from(*logit) - total).exp();
        last = Some(id);
        if left < 0.0 {
            break;
        }
    }
    token(last.unwrap_or(0))
}

impl Beam {
    fn step(&mut self, rows: &[Row], logits: &[Vec<f32>], eot: u32) -> Step {
        let mut ended: Vec<Row> = Vec::new();
        let mut next = Step {
            rows: Vec::new(),
            sources: Vec::new(),
            complete: false,
        };
        for (row, source) in self.candidates(rows, logits) {
            if row.tokens.last() == Some(&eot) {
                ended.push(row);
            } else {
                next.rows.push(row);
                next.sources.push(source);
                if next.rows.len() == self.size {
                    break;
                }
            }
        }
        // Both lists are in descending order of score.
        let room = self.candidates_max.saturating_sub(self.finished.len());
        self.finished.extend(ended.into_iter().take(room));
        next.complete = self.finished.len() >= self.candidates_max || next.rows.is_empty();
        next
    }

    /// The `size` + 1 best continuations of every row, best first; equal texts count once.
    fn candidates(&self, rows: &[Row], logits: &[Vec<f32>]) -> Vec<(Row, usize)> {
        let mut found: Vec<(Row, usize)> = Vec::new();
        let mut places: HashMap<Vec<u32>, usize> = HashMap::new();
        for (source, (row, logits)) in rows.iter().zip(logits).enumerate() {
            let total = log_sum_exp(logits);
            for (id, logit) in largest(logits, self.size + 1) {
                let mut tokens = row.tokens.clone();
                tokens.push(token(id));
                let row = Row {
                    tokens,
                    sum_logprob: row.sum_logprob + f64::from(logit) - total,
                };
                if let Some(known) = places.get(&row.tokens).and_then(|place| found.get_mut(*place)) {
                    *known = (row, source);
                } else {
                    places.insert(row.tokens.clone(), found.len());
                    found.push((row, source));
                }
            }
        }
        found.sort_by(|a, b| b.0.sum_logprob.total_cmp(&a.0.sum_logprob));
        found
    }

    /// Fills up with the best texts that have not ended.
    fn finish(mut self, mut rows: Vec<Row>) -> Vec<Row> {
        rows.sort_by(|a, b| b.sum_logprob.total_cmp(&a.sum_logprob));
        let missing = self.size.saturating_sub(self.finished.len());
        self.finished.extend(rows.into_iter().take(missing));
        self.finished
    }
}

/// The `wanted` largest logits, largest first.
fn largest(logits: &[f32], wanted: usize) -> Vec<(usize, f32)> {
    let mut best: Vec<(usize, f32)> = Vec::with_capacity(wanted + 1);
    for (id, logit) in logits.iter().copied().enumerate() {
        if best.len() == wanted && best.last().is_some_and(|worst| logit <= worst.1) {
            continue;
        }
        let place = best.partition_point(|known| known.1 >= logit);
        best.insert(place, (id, logit));
        best.truncate(wanted);
    }
    best
}
