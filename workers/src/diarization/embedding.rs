//! A speaker embedding network from a `TorchScript` file: it makes a vector of a voice, and vectors of one voice
//! point the same way.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tch::{CModule, Kind, Tensor};

use crate::whisper::WhisperError;
use crate::whisper::numbers::size;

/// What the network is tried with: a second.
const TRIAL_SAMPLES: usize = 16_000;

/// A loaded file. Clones share the network.
#[derive(Clone, Debug, Serialize)]
pub struct SpeakerModel {
    /// Of the file, lower-case hex.
    pub sha256: String,
    #[serde(skip)]
    network: Arc<CModule>,
    #[serde(skip)]
    name: String,
}

impl SpeakerModel {
    /// Loads the file onto the processor and hears a second of noise with it, so that another network is refused
    /// here.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, WhisperError> {
        let file = file.as_ref();
        let name = file.display().to_string();
        let bytes = std::fs::read(file).map_err(|error| WhisperError::unusable(&name, error))?;
        let mut network = CModule::load_data(&mut bytes.as_slice())
            .map_err(|error| WhisperError::unusable(&name, format!("it is no TorchScript file ({error})")))?;
        network.f_set_eval()?;
        let model = Self {
            sha256: hex::encode(Sha256::digest(&bytes)),
            network: Arc::new(network),
            name,
        };
        // A sawtooth: it is never silent, and the same each time.
        let trial: Vec<f32> = (0..16_u8)
            .cycle()
            .map(|step| f32::from(step) / 64.0)
            .take(TRIAL_SAMPLES)
            .collect();
        model.embed(&trial)?;
        Ok(model)
    }

    /// The embedding of finite samples at 16 kHz, of length 1.
    ///
    /// The network is given (1, samples) in single precision and answers (1, dimensions), (dimensions) or
    /// (1, 1, dimensions).
    pub fn embed(&self, samples: &[f32]) -> Result<Vec<f64>, WhisperError> {
        let unusable = |reason: String| {
            WhisperError::unusable(
                &self.name,
                format!("it is no network of speaker embeddings ({reason})"),
            )
        };
        let heard = tch::no_grad(|| {
            let input = Tensor::from_slice(samples).f_unsqueeze(0)?;
            self.network.forward_ts(&[input])
        });
        let given = heard.map_err(|error| unusable(error.to_string()))?;
        let sizes = given.size();
        if sizes.iter().rev().skip(1).any(|length| *length != 1) || given.numel() < 2 {
            return Err(unusable(format!(
                "of (1, {}) samples it makes a tensor of {sizes:?}; one vector is expected",
                size(samples.len())
            )));
        }
        let values = given.f_to_kind(Kind::Double)?.f_reshape([-1])?;
        let vector = Vec::<f64>::try_from(&values)?;
        let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        if !(length.is_finite() && length > 0.0) {
            return Err(unusable("it makes a vector without a direction".to_owned()));
        }
        Ok(vector.into_iter().map(|value| value / length).collect())
    }
}
