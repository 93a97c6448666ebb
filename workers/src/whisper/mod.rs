//! Whisper, by the rules of the reference implementation, on libtorch.

pub mod alignment;
mod batched;
pub mod compression;
pub mod compute;
pub mod config;
mod decoder;
pub mod decoding;
pub mod dtw;
mod encoder;
mod error;
pub mod fallback;
pub mod filters;
pub mod folder;
mod hallucination;
mod hearing;
pub mod languages;
mod layers;
pub mod log_mel;
pub mod model;
pub(crate) mod numbers;
pub mod provenance;
pub mod search;
mod segments;
pub mod suppress;
mod texts;
pub mod tokenizer;
pub mod transcribe;
mod voiced;
pub mod weights;
pub mod word_timestamps;
pub mod words;
pub mod writers;

use std::path::Path;

use tch::Device;

pub use compute::ComputeType;
pub use error::WhisperError;
pub use folder::ModelFolder;
pub use segments::{Segment, Word};
pub use transcribe::{Progress, TranscribeOptions, Transcription};

use model::Model;
use provenance::ModelDigest;
use tokenizer::WhisperTokenizer;

/// A loaded model folder: network, tokenizer and the proof of which files they come from.
#[derive(Debug)]
pub struct Whisper {
    pub model: Model,
    pub tokenizer: WhisperTokenizer,
    /// Layer and head of the cross-attention heads that tell when words are said.
    pub alignment_heads: Vec<(usize, usize)>,
    pub digest: ModelDigest,
}

impl Whisper {
    /// Loads a folder in Hugging Face's layout, to compute in single precision; takes seconds for large models.
    pub fn load(folder: impl AsRef<Path>, device: Device) -> Result<Self, WhisperError> {
        Self::load_as(folder, device, ComputeType::Float32)
    }

    /// As `load`, to compute in another arithmetic.
    pub fn load_as(
        folder: impl AsRef<Path>,
        device: Device,
        compute_type: ComputeType,
    ) -> Result<Self, WhisperError> {
        let folder = ModelFolder::open(folder)?;
        let tokenizer = WhisperTokenizer::load(&folder)?;
        if !tokenizer.fits(folder.config.vocab_size) {
            let reason = format!(
                "no_timestamps_token_id and 1,501 timestamps after it lie beyond the vocab_size {} of config.json",
                folder.config.vocab_size
            );
            return Err(WhisperError::unusable("generation_config.json", reason));
        }
        let precision = compute_type.resolve(&folder.config, device)?;
        let weights = folder.read_weights(device)?;
        let model = Model::new(folder.config.clone(), weights, device, precision)?;
        Ok(Self {
            model,
            tokenizer,
            alignment_heads: folder.generation.alignment_heads(&folder.config),
            digest: folder.digest()?,
        })
    }
}

/// The first GPU that this libtorch can use, or else the processor.
pub fn best_device() -> Device {
    Device::cuda_if_available()
}
