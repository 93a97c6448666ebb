//! Turns as NIST's Rich Transcription Time Marked file: one line `SPEAKER` per turn.

use super::Turn;

/// The whole file; `recording` names what the turns belong to.
pub fn rttm(recording: &str, turns: &[Turn]) -> String {
    // Fields stand apart by spaces.
    let recording: Vec<&str> = recording.split_whitespace().collect();
    let recording = recording.join("_");
    turns
        .iter()
        .map(|Turn { start, end, speaker }| {
            format!(
                "SPEAKER {recording} 1 {start:.3} {:.3} <NA> <NA> {speaker} <NA> <NA>\n",
                end - start
            )
        })
        .collect()
}
