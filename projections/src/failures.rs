//! Failures in a row: the first is logged, the pause between tries grows.

use std::time::Duration;

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(crate) struct Failures {
    pause: Option<Duration>,
}

impl Failures {
    /// How long to wait before the next try.
    pub fn next(&mut self, what: &str, error: &dyn std::error::Error) -> Duration {
        let pause = if let Some(pause) = self.pause {
            (pause * 2).min(PAUSE_MAX)
        } else {
            tracing::error!(projection = what, %error, "folding has stopped; it is tried again until it succeeds");
            PAUSE_MIN
        };
        self.pause = Some(pause);
        pause
    }

    pub fn over(&mut self, what: &str) {
        if self.pause.take().is_some() {
            tracing::info!(projection = what, "folding goes on");
        }
    }
}
