//! Voice activity: the spans of speech, the detectors, and transcription of the voiced parts only, one after
//! the other or several at once.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod batched;
mod detectors;
mod parts;
mod recordings;
mod spans;
mod torchscript;
