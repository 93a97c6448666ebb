//! The transcription worker: hears recordings with Whisper models, alone or for jobs from the broker.
//!
//! The only crate that links libtorch. It knows no database: a job brings links to its audio and its result.

pub mod diarization;
pub mod serve;
pub mod vad;
pub mod whisper;
