//! Turns as NIST's Rich Transcription Time Marked file: one line `SPEAKER` per turn.

use std::fmt::Write;

use super::Turn;

/// The whole file; `recording` names what the turns belong to.
pub fn rttm(recording: &str, turns: &[Turn]) -> String {
    // Fields stand apart by spaces.
    let recording: Vec<&str> = recording.split_whitespace().collect();
    let recording = recording.join("_");
    let mut file = String::new();
    for Turn { start, end, speaker } in turns {
        let length = end - start;
        // Writing into a string cannot fail.
        let _ = writeln!(
            file,
            "SPEAKER {recording} 1 {start:.3} {length:.3} <NA> <NA> {speaker} <NA> <NA>"
        );
    }
    file
}
