//! What made a text: enough to make it again.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tch::Device;

use super::Whisper;
use super::transcribe::TranscribeOptions;

/// The rules that this implementation follows.
const RULES: &str = "openai-whisper 20250625";
/// Of the arithmetic.
pub const PRECISION: &str = "f32";

/// SHA-256 of a model's files, lower-case hex.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModelDigest {
    /// Of the weights. For one file it is that file's; for shards it is the one of their list, a line
    /// `digest  name` per file in the order of the names, as `sha256sum` writes it.
    pub weights_sha256: String,
    /// Of every file by its name, tokenizer and configuration included.
    pub files: BTreeMap<String, String>,
}

/// What ran. The same recording, model and provenance give the same text.
#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    pub model: ModelDigest,
    pub parameters: TranscribeOptions,
    /// Of the arithmetic, for example `f32`.
    pub precision: &'static str,
    /// For example `cpu` or `cuda:0`.
    pub device: String,
    /// Of libtorch on the processor; sums are split between them.
    pub threads: i32,
    pub versions: Versions,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Versions {
    pub worker: &'static str,
    /// That the worker was built against.
    pub libtorch: &'static str,
    /// Whose rules it follows.
    pub rules: &'static str,
}

impl ModelDigest {
    /// From the digests of the weight files and of all other files.
    pub fn new(weights: BTreeMap<String, String>, others: BTreeMap<String, String>) -> Self {
        let mut each = weights.iter();
        let weights_sha256 = if let (Some((_, only)), None) = (each.next(), each.next()) {
            only.clone()
        } else {
            let mut list = Sha256::new();
            for (name, digest) in &weights {
                list.update(format!("{digest}  {name}\n"));
            }
            hex::encode(list.finalize())
        };
        Self {
            weights_sha256,
            files: weights.into_iter().chain(others).collect(),
        }
    }
}

impl Whisper {
    pub(super) fn provenance(&self, options: &TranscribeOptions) -> Provenance {
        Provenance {
            model: self.digest.clone(),
            parameters: options.clone(),
            precision: PRECISION,
            device: device_name(self.model.device),
            threads: tch::get_num_threads(),
            versions: Versions {
                worker: env!("CARGO_PKG_VERSION"),
                libtorch: env!("LIBTORCH_VERSION"),
                rules: RULES,
            },
        }
    }
}

/// As libtorch names it.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".to_owned(),
        Device::Cuda(number) => format!("cuda:{number}"),
        Device::Mps => "mps".to_owned(),
        Device::Vulkan => "vulkan".to_owned(),
    }
}
