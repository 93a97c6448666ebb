//! What a person sees of a transcription under way: a bar and the text so far on a terminal, a line per window
//! elsewhere.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use workers::whisper::writers::clock;
use workers::whisper::{Progress, Segment};

const STYLE: &str = "{bar:30} {percent}% of the recording, {elapsed} gone, {eta} left";

/// On standard error, so that standard output holds the transcript alone.
pub struct Terminal {
    bar: Option<ProgressBar>,
}

impl Terminal {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(STYLE);
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar }
    }

    pub fn tell(&self, progress: &Progress<'_>) {
        let Some(bar) = &self.bar else {
            // Progress is a courtesy: a closed pipe must not stop the work.
            let _ = writeln!(
                std::io::stderr(),
                "{} s of {} s",
                progress.audio_done_ms / 1000,
                progress.audio_total_ms.div_ceil(1000)
            );
            return;
        };
        for line in progress.segments.iter().filter_map(line) {
            bar.println(line);
        }
        bar.set_length(progress.audio_total_ms);
        bar.set_position(progress.audio_done_ms);
    }

    pub fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// As the reference shows it; nothing for a blank segment.
fn line(segment: &Segment) -> Option<String> {
    let text = segment.text.trim();
    (!text.is_empty()).then(|| format!("[{} --> {}] {text}", clock(segment.start), clock(segment.end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_times_and_text() {
        let mut segment = Segment {
            id: 0,
            seek: 0,
            start: 61.5,
            end: 3_725.25,
            text: " well".to_owned(),
            tokens: Vec::new(),
            temperature: 0.0,
            avg_logprob: 0.0,
            compression_ratio: 1.0,
            no_speech_prob: 0.0,
            words: None,
            speaker: None,
        };
        assert_eq!(
            line(&segment).as_deref(),
            Some("[01:01.500 --> 01:02:05.250] well")
        );
        segment.text.clear();
        assert_eq!(line(&segment), None);
    }
}
