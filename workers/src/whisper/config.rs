//! The model folder: `config.json` gives the network's shape, `generation_config.json` the special tokens.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::WhisperError;

/// The network's shape, in Hugging Face's words.
#[derive(Clone, Debug, Deserialize)]
pub struct ModelConfig {
    pub vocab_size: usize,
    pub d_model: usize,
    pub encoder_layers: usize,
    pub decoder_layers: usize,
    pub encoder_attention_heads: usize,
    pub decoder_attention_heads: usize,
    pub num_mel_bins: usize,
    pub max_source_positions: usize,
    pub max_target_positions: usize,
}

/// The special tokens that the folder names; the others stand at fixed distances from these.
#[derive(Clone, Debug, Deserialize)]
pub struct GenerationConfig {
    /// Absent in old English-only exports.
    #[serde(default)]
    pub is_multilingual: bool,
    /// `<|en|>` and so on.
    #[serde(default)]
    pub lang_to_id: BTreeMap<String, u32>,
    pub no_timestamps_token_id: u32,
    pub decoder_start_token_id: u32,
    pub eos_token_id: u32,
}

/// A folder whose files exist and whose configuration is sound. The weights are read later.
#[derive(Debug)]
pub struct ModelFolder {
    pub config: ModelConfig,
    pub generation: GenerationConfig,
    pub tokenizer: PathBuf,
    pub weights: PathBuf,
}

impl ModelFolder {
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, WhisperError> {
        let folder = folder.as_ref();
        if !folder.is_dir() {
            return Err(WhisperError::ModelUnknown {
                folder: folder.to_owned(),
            });
        }
        let file = |name: &'static str| {
            let path = folder.join(name);
            if path.is_file() {
                Ok(path)
            } else {
                Err(WhisperError::ModelIncomplete {
                    folder: folder.to_owned(),
                    file: name,
                })
            }
        };
        let weights = file("model.safetensors")?;
        let tokenizer = file("tokenizer.json")?;
        let config: ModelConfig = read_json(&file("config.json")?)?;
        config.check()?;
        let generation = read_json(&file("generation_config.json")?)?;
        Ok(Self {
            config,
            generation,
            tokenizer,
            weights,
        })
    }

    /// SHA-256 of the weights file, lower-case hex.
    pub fn weights_sha256(&self) -> Result<String, WhisperError> {
        let mut file = File::open(&self.weights)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            hasher.update(bytes);
        }
        Ok(hex::encode(hasher.finalize()))
    }
}

impl ModelConfig {
    fn check(&self) -> Result<(), WhisperError> {
        let wrong = |reason: &str| Err(WhisperError::unusable("config.json", reason));
        let divides = |heads: usize| heads > 0 && self.d_model.is_multiple_of(heads);
        if !divides(self.encoder_attention_heads) || !divides(self.decoder_attention_heads) {
            return wrong("d_model is not a multiple of the number of attention heads");
        }
        if self.max_source_positions != 1500 {
            return wrong("max_source_positions must be 1500 (30 s)");
        }
        if !matches!(self.num_mel_bins, 80 | 128) {
            return wrong("num_mel_bins must be 80 or 128");
        }
        if self.max_target_positions < 8 || self.encoder_layers == 0 || self.decoder_layers == 0 {
            return wrong("the network has no layers or no room for text");
        }
        Ok(())
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, WhisperError> {
    let text = std::fs::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|error| WhisperError::unusable(path.display().to_string(), error))
}
