//! What a run found: counts, and what was wrong.

use std::fmt;

/// One line each.
#[derive(Debug, Default)]
pub struct Verdict {
    pub counts: Vec<(String, i64)>,
    pub faults: Vec<String>,
}

impl Verdict {
    pub fn count(&mut self, what: &str, number: i64) {
        self.counts.push((what.to_owned(), number));
    }

    /// Counts what there should be none of.
    pub fn none(&mut self, what: &str, number: i64) {
        self.count(what, number);
        if number != 0 {
            self.faults
                .push(format!("{what}: {number}, there should be none"));
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, number) in &self.counts {
            writeln!(f, "{number:>12}  {what}")?;
        }
        for fault in &self.faults {
            writeln!(f, "FAULT: {fault}")?;
        }
        Ok(())
    }
}
