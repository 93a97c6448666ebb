//! A model folder as the hub has them: configuration, tokenizer, and weights in one file or in shards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tch::Device;

use super::WhisperError;
use super::config::{GenerationConfig, ModelConfig};
use super::provenance::ModelDigest;
use super::weights::{SHARD_INDEX, SINGLE_FILE, Weights};

const CONFIG: &str = "config.json";
const GENERATION: &str = "generation_config.json";
const TOKENIZER: &str = "tokenizer.json";
const VOCABULARY: &str = "vocab.json";
const MERGES: &str = "merges.txt";

/// A folder whose files exist and whose configuration is sound. The weights are read later.
#[derive(Debug)]
pub struct ModelFolder {
    pub path: PathBuf,
    pub config: ModelConfig,
    pub generation: GenerationConfig,
    pub tokenizer: TokenizerFiles,
    weights: WeightFiles,
}

/// The tokenizer's files, names within the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenizerFiles {
    /// `tokenizer.json`.
    Json,
    /// `vocab.json` and `merges.txt`, as older exports have them.
    VocabularyAndMerges,
}

#[derive(Debug)]
enum WeightFiles {
    Single,
    Sharded {
        /// Which file holds which tensor.
        map: BTreeMap<String, String>,
        shards: Vec<String>,
    },
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

impl ModelFolder {
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, WhisperError> {
        let folder = folder.as_ref();
        if !folder.is_dir() {
            return Err(WhisperError::ModelUnknown {
                folder: folder.to_owned(),
            });
        }
        let weights = WeightFiles::find(folder)?;
        let tokenizer = TokenizerFiles::find(folder)?;
        let config: ModelConfig = read_json(&present(folder, CONFIG)?)?;
        config.check()?;
        let generation: GenerationConfig = read_json(&present(folder, GENERATION)?)?;
        generation.check()?;
        Ok(Self {
            path: folder.to_owned(),
            config,
            generation,
            tokenizer,
            weights,
        })
    }

    /// All tensors, still in the precision of the files.
    pub fn read_weights(&self, device: Device) -> Result<Weights, WhisperError> {
        match &self.weights {
            WeightFiles::Single => Weights::read_single(&self.path, device),
            WeightFiles::Sharded { map, shards } => Weights::read_shards(&self.path, map, shards, device),
        }
    }

    /// The SHA-256 of every file that the model is made from.
    pub fn digest(&self) -> Result<ModelDigest, WhisperError> {
        let mut weights = BTreeMap::new();
        for file in self.weights.names() {
            weights.insert(file.to_owned(), sha256(&self.path.join(file))?);
        }
        let mut others = BTreeMap::new();
        for file in [CONFIG, GENERATION].iter().chain(self.tokenizer.names()) {
            others.insert((*file).to_owned(), sha256(&self.path.join(file))?);
        }
        Ok(ModelDigest::new(weights, others))
    }
}

impl TokenizerFiles {
    fn find(folder: &Path) -> Result<Self, WhisperError> {
        if folder.join(TOKENIZER).is_file() {
            return Ok(Self::Json);
        }
        if folder.join(VOCABULARY).is_file() {
            present(folder, MERGES)?;
            return Ok(Self::VocabularyAndMerges);
        }
        present(folder, TOKENIZER).map(|_| Self::Json)
    }

    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Json => &[TOKENIZER],
            Self::VocabularyAndMerges => &[VOCABULARY, MERGES],
        }
    }
}

impl WeightFiles {
    fn find(folder: &Path) -> Result<Self, WhisperError> {
        if folder.join(SINGLE_FILE).is_file() || !folder.join(SHARD_INDEX).is_file() {
            return present(folder, SINGLE_FILE).map(|_| Self::Single);
        }
        let index: ShardIndex = read_json(&folder.join(SHARD_INDEX))?;
        let shards: BTreeSet<String> = index.weight_map.values().cloned().collect();
        for shard in &shards {
            // A shard must not reach out of the folder.
            if shard.contains(['/', '\\']) || !shard.ends_with(".safetensors") {
                let reason = format!("weight_map names the file {shard:?}");
                return Err(WhisperError::unusable(SHARD_INDEX, reason));
            }
            present(folder, shard)?;
        }
        Ok(Self::Sharded {
            map: index.weight_map,
            shards: shards.into_iter().collect(),
        })
    }

    fn names(&self) -> Vec<&str> {
        match self {
            Self::Single => vec![SINGLE_FILE],
            Self::Sharded { shards, .. } => shards.iter().map(String::as_str).collect(),
        }
    }
}

fn present(folder: &Path, file: &str) -> Result<PathBuf, WhisperError> {
    let path = folder.join(file);
    if path.is_file() {
        Ok(path)
    } else {
        Err(WhisperError::ModelIncomplete {
            folder: folder.to_owned(),
            file: file.to_owned(),
        })
    }
}

fn sha256(path: &Path) -> Result<String, WhisperError> {
    let mut file = File::open(path)?;
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

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, WhisperError> {
    let text = std::fs::read_to_string(path)?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    serde_json::from_str(&text).map_err(|error| {
        let reason = error.to_string();
        // What is missing stands in the reason already.
        let key = key_at(&text, &error).filter(|_| !reason.starts_with("missing field"));
        let key = key.map_or_else(String::new, |key| format!("{key}: "));
        WhisperError::unusable(file, key + &reason)
    })
}

/// The key whose value is wrong, where both stand on one line.
fn key_at<'a>(text: &'a str, error: &serde_json::Error) -> Option<&'a str> {
    let line = text.lines().nth(error.line().checked_sub(1)?)?;
    let (before, _) = line.get(..error.column())?.rsplit_once("\":")?;
    before.rsplit_once('"').map(|(_, key)| key)
}
