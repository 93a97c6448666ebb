//! Voice activity: the spans of speech, the detectors, and transcription of the voiced parts only.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod detectors;
mod parts;
mod recordings;
mod spans;
mod torchscript;
