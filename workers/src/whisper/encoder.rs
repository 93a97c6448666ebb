//! The encoder: a log-mel spectrogram becomes one vector per 20 ms.

use tch::Tensor;

use super::WhisperError;
use super::config::ModelConfig;
use super::layers::{Mlp, SelfAttention, attend};
use super::numbers::size;
use super::weights::{Conv, LayerNorm, Weights};

pub struct Encoder {
    conv1: Conv,
    conv2: Conv,
    /// Fixed sinusoids, (positions, width).
    positions: Tensor,
    blocks: Vec<EncoderBlock>,
    norm: LayerNorm,
}

struct EncoderBlock {
    attention: SelfAttention,
    mlp: Mlp,
}

impl Encoder {
    pub fn take(weights: &mut Weights, config: &ModelConfig) -> Result<Self, WhisperError> {
        let width = config.d_model;
        let inner = config.encoder_inner();
        let conv1 = weights.conv("model.encoder.conv1", width, config.num_mel_bins)?;
        let conv2 = weights.conv("model.encoder.conv2", width, width)?;
        let positions = weights.take(
            "model.encoder.embed_positions.weight",
            &[config.max_source_positions, width],
        )?;
        let blocks = (0..config.encoder_layers)
            .map(|layer| {
                let name = format!("model.encoder.layers.{layer}");
                Ok(EncoderBlock {
                    attention: SelfAttention::take(weights, &name, width)?,
                    mlp: Mlp::take(weights, &name, width, inner)?,
                })
            })
            .collect::<Result<_, WhisperError>>()?;
        let norm = weights.layer_norm("model.encoder.layer_norm", width)?;
        Ok(Self {
            conv1,
            conv2,
            positions,
            blocks,
            norm,
        })
    }

    pub fn forward(&self, mel: &Tensor, heads: usize) -> Result<Tensor, WhisperError> {
        let sound = self.conv1.forward(mel, 1)?.f_gelu("none")?;
        let sound = self.conv2.forward(&sound, 2)?.f_gelu("none")?;
        let mut sound = sound.f_transpose(1, 2)?.f_add(&self.positions)?;
        for block in &self.blocks {
            let [query, key, value] = block.attention.read(&sound, size(heads))?;
            sound = block
                .attention
                .add(&sound, &attend(&query, &key, &value, false)?)?;
            sound = block.mlp.add(&sound)?;
        }
        self.norm.forward(&sound)
    }
}
