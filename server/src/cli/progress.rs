//! Progress of long work on standard error: a bar on a terminal, now and then a line elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);

pub struct Progress {
    what: &'static str,
    bar: Option<ProgressBar>,
    told: Instant,
}

/// Bars of works that go on at the same time, below each other.
#[derive(Default)]
pub struct Bars(MultiProgress);

impl Bars {
    pub fn bar(&self, what: &'static str) -> Progress {
        let mut progress = Progress::new(what);
        progress.bar = progress.bar.map(|bar| self.0.add(bar));
        progress
    }
}

impl Progress {
    pub fn new(what: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} {msg}, {per_sec}, {eta} left");
            let bar = ProgressBar::new(0).with_message(what);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self {
            what,
            bar,
            told: Instant::now(),
        }
    }

    pub fn at(&mut self, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            tracing::info!(done, total, "{}", self.what);
        }
    }

    pub fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
