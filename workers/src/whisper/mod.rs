//! Whisper, by the rules of the reference implementation, on libtorch.

pub mod compression;
pub mod config;
pub mod decoding;
mod error;
pub mod fallback;
pub mod filters;
pub mod log_mel;
pub mod model;
mod numbers;
pub mod search;
pub mod tokenizer;
pub mod transcribe;
mod weights;

use std::path::Path;

use tch::Device;

pub use config::ModelFolder;
pub use error::WhisperError;
pub use transcribe::{Progress, Segment, TranscribeOptions, Transcription};

use model::Model;
use tokenizer::WhisperTokenizer;

/// A loaded model folder: network, tokenizer and the proof of which weights they are.
#[derive(Debug)]
pub struct Whisper {
    pub model: Model,
    pub tokenizer: WhisperTokenizer,
    /// SHA-256 of the weights file, lower-case hex.
    pub weights_sha256: String,
}

impl Whisper {
    /// Loads a folder in Hugging Face's layout; takes seconds for large models.
    pub fn load(folder: impl AsRef<Path>, device: Device) -> Result<Self, WhisperError> {
        let folder = ModelFolder::open(folder)?;
        let tokenizer = WhisperTokenizer::load(&folder.tokenizer, &folder.generation)?;
        if !tokenizer.fits(folder.config.vocab_size) {
            let reason = "its special tokens lie beyond the vocabulary of config.json";
            return Err(WhisperError::unusable("generation_config.json", reason));
        }
        let model = Model::load(&folder, device)?;
        let weights_sha256 = folder.weights_sha256()?;
        Ok(Self {
            model,
            tokenizer,
            weights_sha256,
        })
    }
}

/// The first GPU that this libtorch can use, or else the processor.
pub fn best_device() -> Device {
    Device::cuda_if_available()
}
