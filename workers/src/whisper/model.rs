//! The network: an encoder of sound, and a decoder of text that remembers what it has read (KV cache).

use std::fmt;

use tch::{Device, Tensor};

use super::WhisperError;
use super::compute::Precision;
use super::config::ModelConfig;
use super::decoder::{CrossAttention, Decoder};
use super::encoder::Encoder;
use super::layers::split_heads;
use super::log_mel::WINDOW_FRAMES;
use super::numbers::size;
use super::weights::Weights;

pub struct Model {
    pub config: ModelConfig,
    pub device: Device,
    pub precision: Precision,
    encoder: Encoder,
    decoder: Decoder,
}

/// What the encoder heard in one window or several: (windows, positions, width).
pub struct AudioFeatures(Tensor);

/// The decoder's memory of one window or several and of the tokens read so far, for one or more rows of text each.
pub struct DecoderState {
    pub(super) windows: i64,
    /// Of all windows, window after window, each with as many.
    pub(super) rows: i64,
    /// Tokens that every row has read.
    pub(super) length: i64,
    /// Keys and values per layer: (rows, heads, capacity, width of a head).
    pub(super) own: Vec<(Tensor, Tensor)>,
    /// Keys and values of the sound per layer: (windows, heads, positions, width of a head).
    pub(super) sound: Vec<(Tensor, Tensor)>,
}

impl Model {
    /// Builds the network from tensors by Hugging Face's names; a tensor that the shape of `config` has no place
    /// for is refused.
    pub fn new(
        config: ModelConfig,
        mut weights: Weights,
        device: Device,
        precision: Precision,
    ) -> Result<Self, WhisperError> {
        tch::no_grad(|| {
            weights.compute_in(precision.encoder);
            let encoder = Encoder::take(&mut weights, &config)?;
            weights.compute_in(precision.decoder);
            let decoder = Decoder::take(&mut weights, &config)?;
            weights.end()?;
            Ok(Self {
                config,
                device,
                precision,
                encoder,
                decoder,
            })
        })
    }

    /// Hears one window: `num_mel_bins` × 3000 log-mel values, mel after mel.
    pub fn encode(&self, mel: &[f32]) -> Result<AudioFeatures, WhisperError> {
        self.encode_batch(&[mel])
    }

    /// Hears several windows at once.
    pub fn encode_batch(&self, mels: &[impl AsRef<[f32]>]) -> Result<AudioFeatures, WhisperError> {
        tch::no_grad(|| {
            let shape = [1, size(self.config.num_mel_bins), size(WINDOW_FRAMES)];
            let inputs = mels
                .iter()
                .map(|mel| Tensor::f_from_slice(mel.as_ref())?.f_reshape(shape))
                .collect::<Result<Vec<_>, _>>()?;
            let input = Tensor::f_cat(&inputs, 0)?.f_to(self.device)?;
            let heads = self.config.encoder_attention_heads;
            Ok(AudioFeatures(self.encoder.forward(&input, heads)?))
        })
    }

    /// A fresh memory of one row per window for what was heard, with room for `capacity` tokens.
    pub fn start(&self, features: &AudioFeatures, capacity: usize) -> Result<DecoderState, WhisperError> {
        tch::no_grad(|| {
            let heads = size(self.config.decoder_attention_heads);
            let head_width = size(self.config.d_model) / heads;
            let room = size(capacity.min(self.config.max_target_positions));
            let kind = self.precision.decoder.kind();
            let (windows, _, _) = features.0.size3()?;
            let (mut own, mut sound) = (Vec::new(), Vec::new());
            for block in &self.decoder.blocks {
                let empty = || Tensor::f_zeros([windows, heads, room, head_width], (kind, self.device));
                own.push((empty()?, empty()?));
                let [key, value] = split_heads(&block.cross_key_value.forward(&features.0)?, heads)?;
                sound.push((key.f_contiguous()?, value.f_contiguous()?));
            }
            Ok(DecoderState {
                windows,
                rows: windows,
                length: 0,
                own,
                sound,
            })
        })
    }

    /// Reads `tokens`, the same number for each row, row after row, and gives the logits at the `wanted`
    /// positions (counted within these tokens) of every row: row after row, position after position.
    ///
    /// More than one token per row can be read at the beginning only.
    pub fn read(
        &self,
        state: &mut DecoderState,
        tokens: &[u32],
        wanted: &[usize],
    ) -> Result<Vec<Vec<f32>>, WhisperError> {
        tch::no_grad(|| {
            let ids: Vec<i64> = tokens.iter().map(|token| i64::from(*token)).collect();
            let ids = Tensor::f_from_slice(&ids)?
                .f_reshape([state.rows, -1])?
                .f_to(self.device)?;
            let hidden =
                self.decoder
                    .forward(&ids, state, size(self.config.decoder_attention_heads), None)?;
            let wanted: Vec<i64> = wanted.iter().map(|position| size(*position)).collect();
            let wanted = Tensor::f_from_slice(&wanted)?.f_to(self.device)?;
            let hidden = hidden.f_index_select(1, &wanted)?;
            let logits = self.decoder.logits(&hidden)?;
            let logits = logits
                .f_reshape([-1, size(self.config.vocab_size)])?
                .f_to(Device::Cpu)?;
            Ok(Vec::<Vec<f32>>::try_from(&logits)?)
        })
    }

    /// Reads `tokens` at once and looks at where `heads`, pairs of layer and head, attend in the sound.
    ///
    /// Gives the logits, (tokens, vocabulary), and per head the attention before its softmax, (tokens, audio
    /// positions).
    pub fn attend(
        &self,
        features: &AudioFeatures,
        tokens: &[u32],
        heads: &[(usize, usize)],
    ) -> Result<(Tensor, Vec<Tensor>), WhisperError> {
        tch::no_grad(|| {
            let mut state = self.start(features, tokens.len())?;
            let ids: Vec<i64> = tokens.iter().map(|token| i64::from(*token)).collect();
            let ids = Tensor::f_from_slice(&ids)?
                .f_reshape([1, -1])?
                .f_to(self.device)?;
            let mut seen = CrossAttention::new(heads);
            let count = size(self.config.decoder_attention_heads);
            let hidden = self.decoder.forward(&ids, &mut state, count, Some(&mut seen))?;
            let logits = self.decoder.logits(&hidden)?;
            Ok((logits.f_select(0, 0)?, seen.logits))
        })
    }
}

impl DecoderState {
    pub fn rows_per_window(&self) -> usize {
        usize::try_from(self.rows / self.windows.max(1)).unwrap_or(1)
    }

    /// Keeps the named windows only, and makes their rows anew, each a copy of the named old one: the same number
    /// for each window, window after window.
    pub fn select(&mut self, windows: &[usize], rows: &[usize]) -> Result<(), WhisperError> {
        tch::no_grad(|| {
            if !is_all(windows, self.windows) {
                select_all(&mut self.sound, windows)?;
                self.windows = size(windows.len());
            }
            if !is_all(rows, self.rows) {
                select_all(&mut self.own, rows)?;
                self.rows = size(rows.len());
            }
            Ok(())
        })
    }
}

/// Whether all of `count` are selected, in their order.
fn is_all(selected: &[usize], count: i64) -> bool {
    selected.iter().map(|each| size(*each)).eq(0..count)
}

/// Copies what is selected of the first dimension, layer after layer.
fn select_all(layers: &mut [(Tensor, Tensor)], selected: &[usize]) -> Result<(), WhisperError> {
    let selected: Vec<i64> = selected.iter().map(|each| size(*each)).collect();
    for (key, value) in layers {
        let index = Tensor::f_from_slice(&selected)?.f_to(key.device())?;
        *key = key.f_index_select(0, &index)?;
        *value = value.f_index_select(0, &index)?;
    }
    Ok(())
}

impl AudioFeatures {
    /// What was heard in the named windows.
    pub fn select(&self, windows: &[usize]) -> Result<Self, WhisperError> {
        let selected: Vec<i64> = windows.iter().map(|window| size(*window)).collect();
        let index = Tensor::f_from_slice(&selected)?.f_to(self.0.device())?;
        Ok(Self(self.0.f_index_select(0, &index)?))
    }

    /// (windows, positions, width) as one row of values.
    pub fn to_vec(&self) -> Result<Vec<f32>, WhisperError> {
        Ok(Vec::try_from(&self.0.f_reshape([-1])?.f_to(Device::Cpu)?)?)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Model")
            .field("config", &self.config)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}
