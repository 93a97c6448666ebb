//! In which arithmetic a network is computed, and which one pays on this machine.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::WhisperError;
use super::config::ModelConfig;
use super::numbers::size;
use super::weights::Linear;

/// The arithmetic that is asked for; the names are faster-whisper's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, strum::Display, strum::EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ComputeType {
    /// Single precision: the numbers of the reference.
    #[default]
    Float32,
    /// Half precision; on GPUs only.
    Float16,
    Bfloat16,
    /// The decoder's weights in 8 bits, the rest in bfloat16; on processors only.
    Int8,
    /// Whatever is faster: half precision on a GPU, and what a measurement finds on a processor.
    Auto,
}

/// The arithmetic of one half of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum Arithmetic {
    #[strum(serialize = "f32")]
    Float32,
    #[strum(serialize = "f16")]
    Float16,
    #[strum(serialize = "bf16")]
    Bfloat16,
    /// Weights in 8 bits where few rows are read, and bfloat16.
    #[strum(serialize = "int8")]
    Int8,
}

/// What a loaded model is computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precision {
    pub encoder: Arithmetic,
    pub decoder: Arithmetic,
}

/// Another arithmetic than single precision has to be faster by this to be chosen.
const PAYS_FROM: f64 = 1.2;
/// Rows that the encoder's part of the measurement multiplies: a fifth of a window.
const ENCODER_ROWS: i64 = 300;
const REPEATS: usize = 5;

impl Arithmetic {
    /// Of the numbers that go from layer to layer.
    pub fn kind(self) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::Float16 => Kind::Half,
            Self::Bfloat16 | Self::Int8 => Kind::BFloat16,
        }
    }
}

impl Precision {
    pub const fn both(arithmetic: Arithmetic) -> Self {
        Self {
            encoder: arithmetic,
            decoder: arithmetic,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.encoder == self.decoder {
            return write!(formatter, "{}", self.encoder);
        }
        write!(formatter, "{} encoder, {} decoder", self.encoder, self.decoder)
    }
}

impl ComputeType {
    /// What a model of this shape is computed in on `device`; `Auto` measures there.
    pub fn resolve(self, config: &ModelConfig, device: Device) -> Result<Precision, WhisperError> {
        let on_gpu = device != Device::Cpu;
        match self {
            Self::Float32 => Ok(Precision::both(Arithmetic::Float32)),
            Self::Bfloat16 => Ok(Precision::both(Arithmetic::Bfloat16)),
            Self::Float16 | Self::Auto if on_gpu => Ok(Precision::both(Arithmetic::Float16)),
            Self::Float16 => {
                let reason = "float16 is for GPUs: use bfloat16, int8, float32 or auto on the processor";
                Err(WhisperError::option("compute_type", reason))
            }
            Self::Int8 if on_gpu => {
                let reason = "int8 is for processors: use float16, bfloat16, float32 or auto on a GPU";
                Err(WhisperError::option("compute_type", reason))
            }
            Self::Int8 => Ok(Precision {
                encoder: Arithmetic::Bfloat16,
                decoder: Arithmetic::Int8,
            }),
            Self::Auto => measured(config),
        }
    }
}

/// What is faster on this processor: many rows of a wide layer as in the encoder, and one row of the decoder's last
/// layer, which takes most of its time.
fn measured(config: &ModelConfig) -> Result<Precision, WhisperError> {
    tch::no_grad(|| {
        let width = size(config.d_model);
        let faster = |arithmetic, rows: i64, outputs: i64| {
            let weight = Tensor::f_ones([outputs, width], (Kind::Float, Device::Cpu))?;
            let input = Tensor::f_ones([rows, width], (Kind::Float, Device::Cpu))?;
            let plain = time(&Linear::new(&weight, None, Arithmetic::Float32)?, &input)?;
            let other = time(&Linear::new(&weight, None, arithmetic)?, &input)?;
            Ok::<_, WhisperError>(plain.as_secs_f64() > other.as_secs_f64() * PAYS_FROM)
        };
        let choose = |arithmetic, rows, outputs| {
            let chosen = if faster(arithmetic, rows, outputs)? {
                arithmetic
            } else {
                Arithmetic::Float32
            };
            Ok::<_, WhisperError>(chosen)
        };
        Ok(Precision {
            encoder: choose(Arithmetic::Bfloat16, ENCODER_ROWS, width * 4)?,
            decoder: choose(Arithmetic::Int8, 1, size(config.vocab_size))?,
        })
    })
}

/// The fastest of some runs, after one that sets things up.
fn time(layer: &Linear, input: &Tensor) -> Result<Duration, WhisperError> {
    drop(layer.forward(input)?);
    let mut fastest = Duration::MAX;
    for _ in 0..REPEATS {
        let began = Instant::now();
        drop(layer.forward(input)?);
        fastest = fastest.min(began.elapsed());
    }
    Ok(fastest)
}
