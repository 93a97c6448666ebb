//! Speaker diarization: who speaks when, and who says which word.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod command;
mod edges;
mod embeddings;
mod error_rate;
mod talks;
#[path = "../vad/torchscript.rs"]
mod torchscript;
mod words;
