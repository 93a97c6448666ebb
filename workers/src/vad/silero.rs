//! silero-vad's network (versions 5 and 6) from its `TorchScript` file.
//!
//! The file keeps state from frame to frame by itself: the recurrent state, and the last 64 samples, which it
//! puts before each frame of 512. `reset_states` clears both.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tch::{CModule, IValue, Tensor};

use super::FRAME_SAMPLES;
use crate::whisper::WhisperError;

const SAMPLE_RATE: i64 = 16_000;

/// A loaded file. Clones share the network; only one recording at a time goes through it.
#[derive(Clone, Debug, Serialize)]
pub struct Silero {
    /// Of the file, lower-case hex.
    pub sha256: String,
    #[serde(skip)]
    network: Arc<Mutex<CModule>>,
}

impl Silero {
    /// Loads the file onto the processor and hears one silent frame with it, so that another network is refused
    /// here.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, WhisperError> {
        let file = file.as_ref();
        let unusable = |reason: &dyn std::fmt::Display| {
            let name = file.display().to_string();
            WhisperError::unusable(
                name,
                format!("it is no TorchScript file of silero-vad ({reason})"),
            )
        };
        let bytes =
            std::fs::read(file).map_err(|error| WhisperError::unusable(file.display().to_string(), error))?;
        let mut network = CModule::load_data(&mut bytes.as_slice()).map_err(|error| unusable(&error))?;
        network.f_set_eval()?;
        let silero = Self {
            sha256: hex::encode(Sha256::digest(&bytes)),
            network: Arc::new(Mutex::new(network)),
        };
        let silence = silero
            .probabilities(&[0.0; FRAME_SAMPLES])
            .map_err(|error| unusable(&error))?;
        if !silence.iter().all(|value| (0.0..=1.0).contains(value)) {
            return Err(unusable(&"what it gives is no probability"));
        }
        Ok(silero)
    }

    /// The probability of speech in each frame; the last one is filled up with silence.
    pub fn probabilities(&self, samples: &[f32]) -> Result<Vec<f64>, WhisperError> {
        // A recording that crashed leaves state behind, which the next one clears.
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        tch::no_grad(|| {
            network.method_is::<IValue>("reset_states", &[])?;
            let frames = samples.chunks(FRAME_SAMPLES);
            frames.map(|frame| probability(&network, frame)).collect()
        })
    }
}

fn probability(network: &CModule, frame: &[f32]) -> Result<f64, WhisperError> {
    let mut filled = frame.to_vec();
    filled.resize(FRAME_SAMPLES, 0.0);
    let input = Tensor::from_slice(&filled).f_unsqueeze(0)?;
    let given = network.forward_is(&[IValue::Tensor(input), IValue::Int(SAMPLE_RATE)])?;
    let IValue::Tensor(given) = given else {
        return Err(WhisperError::unusable("silero-vad", "it gives no tensor"));
    };
    if given.numel() != 1 {
        return Err(WhisperError::unusable(
            "silero-vad",
            "it gives more than a number",
        ));
    }
    Ok(given.f_reshape([1])?.f_double_value(&[0])?)
}
