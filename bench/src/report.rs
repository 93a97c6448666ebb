//! Medians, as a table for people and one JSON line per figure for programs.

use std::io::Write;

use serde_json::json;

use crate::work::{Measured, Target, Work};

/// A line for whoever waits.
///
/// # Errors
/// Standard error is closed.
pub fn progress(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stderr(), "{text}")?;
    Ok(())
}

struct Figure {
    events: u64,
    work: &'static str,
    unit: &'static str,
    target: Target,
    rounds: Vec<Round>,
}

#[derive(Clone, Copy)]
struct Round {
    value: f64,
    stock: Option<f64>,
    baseline: f64,
}

#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// `plain` is the plain insert's rate in the same round.
    pub fn add(&mut self, events: u64, work: &dyn Work, measured: Measured, plain: f64) {
        let target = work.target();
        let baseline = match target {
            Target::OfPlain(_) => plain,
            Target::OfBeside(_) | Target::AtLeastBeside(_) => measured.beside.unwrap_or(plain),
            Target::AtLeast(limit) | Target::AtMost(limit) => limit,
        };
        let round = Round {
            value: measured.value,
            stock: measured.stock,
            baseline,
        };
        let known = self
            .figures
            .iter_mut()
            .find(|figure| figure.events == events && figure.work == work.name());
        match known {
            Some(figure) => figure.rounds.push(round),
            None => self.figures.push(Figure {
                events,
                work: work.name(),
                unit: work.unit(),
                target,
                rounds: vec![round],
            }),
        }
    }

    /// # Errors
    /// Standard output is closed.
    pub fn print(&self) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{:>9}  {:<54} {:>9} {:>11} {:>11} {:>7} {:>7}",
            "size", "work", "stock", "value", "baseline", "ratio", "target"
        )?;
        for figure in &self.figures {
            let stock = figure.median(|round| round.stock);
            writeln!(
                out,
                "{:>9}  {:<54} {:>9} {:>11.1} {:>11.1} {:>7.2} {:>7.2}  {} {}",
                figure.events,
                figure.work,
                stock.map_or("-".to_owned(), |stock| format!("{stock:.0}")),
                figure.value(),
                figure.baseline(),
                figure.ratio(),
                figure.target_ratio(),
                figure.unit,
                if figure.ratio() >= figure.target_ratio() {
                    "reached"
                } else {
                    "missed"
                },
            )?;
        }
        for figure in &self.figures {
            let line = json!({
                "work": figure.work,
                "value": rounded(figure.value()),
                "unit": figure.unit,
                "baseline": rounded(figure.baseline()),
                "ratio": rounded(figure.ratio()),
                "target": figure.target_ratio(),
                "stock": figure.median(|round| round.stock).map(rounded),
                "events": figure.events,
                "rounds": figure.rounds.len(),
            });
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

impl Figure {
    fn median(&self, of: impl Fn(&Round) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.rounds.iter().filter_map(of).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = values.get(middle).copied()?;
        if values.len() % 2 == 1 {
            return Some(upper);
        }
        let lower = values.get(middle.checked_sub(1)?).copied()?;
        Some(f64::midpoint(lower, upper))
    }

    fn value(&self) -> f64 {
        self.median(|round| Some(round.value)).unwrap_or_default()
    }

    fn baseline(&self) -> f64 {
        self.median(|round| Some(round.baseline)).unwrap_or_default()
    }

    /// Higher is better, whatever the unit. Each round is held against its own baseline.
    fn ratio(&self) -> f64 {
        let of = |round: &Round| match self.target {
            Target::OfPlain(_) | Target::OfBeside(_) | Target::AtLeast(_) | Target::AtLeastBeside(_) => {
                round.value / round.baseline
            }
            Target::AtMost(limit) => limit / round.value,
        };
        self.median(|round| Some(of(round))).unwrap_or_default()
    }

    fn target_ratio(&self) -> f64 {
        match self.target {
            Target::OfPlain(share) | Target::OfBeside(share) => share,
            Target::AtLeast(_) | Target::AtMost(_) => 1.0,
            Target::AtLeastBeside(limit) => limit / self.baseline(),
        }
    }
}

/// Three decimals.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
