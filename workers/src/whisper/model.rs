//! The network: an encoder of sound, and a decoder of text that remembers what it has read (KV cache).

use std::collections::HashMap;
use std::fmt;

use tch::{Device, Kind, Tensor};

use super::WhisperError;
use super::config::{ModelConfig, ModelFolder};
use super::log_mel::WINDOW_FRAMES;
use super::numbers::size;
use super::weights::{LayerNorm, Linear, Weights};

pub struct Model {
    pub config: ModelConfig,
    pub device: Device,
    encoder: Encoder,
    decoder: Decoder,
}

struct Encoder {
    conv1: Linear,
    conv2: Linear,
    /// Fixed sinusoids, (positions, width).
    positions: Tensor,
    blocks: Vec<EncoderBlock>,
    norm: LayerNorm,
}

struct EncoderBlock {
    attention_norm: LayerNorm,
    query_key_value: Linear,
    attention_out: Linear,
    mlp: Mlp,
}

struct Decoder {
    tokens: Tensor,
    positions: Tensor,
    blocks: Vec<DecoderBlock>,
    norm: LayerNorm,
}

struct DecoderBlock {
    attention_norm: LayerNorm,
    query_key_value: Linear,
    attention_out: Linear,
    cross_norm: LayerNorm,
    cross_query: Linear,
    cross_key_value: Linear,
    cross_out: Linear,
    mlp: Mlp,
}

struct Mlp {
    norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
}

/// What the encoder heard in one window: (1, positions, width).
pub struct AudioFeatures(Tensor);

/// The decoder's memory of one window and of the tokens read so far, for one or more rows of text.
pub struct DecoderState {
    rows: i64,
    /// Tokens that every row has read.
    length: i64,
    /// Keys and values per layer: (rows, heads, capacity, width of a head).
    own: Vec<(Tensor, Tensor)>,
    /// Keys and values of the sound per layer: (1, heads, positions, width of a head).
    sound: Vec<(Tensor, Tensor)>,
}

impl Model {
    pub fn load(folder: &ModelFolder, device: Device) -> Result<Self, WhisperError> {
        let tensors = Tensor::read_safetensors(&folder.weights)
            .map_err(|error| WhisperError::unusable(folder.weights.display().to_string(), error))?;
        Self::from_tensors(folder.config.clone(), tensors.into_iter().collect(), device)
    }

    /// Builds the network from tensors by Hugging Face's names.
    pub fn from_tensors(
        config: ModelConfig,
        tensors: HashMap<String, Tensor>,
        device: Device,
    ) -> Result<Self, WhisperError> {
        tch::no_grad(|| {
            let mut weights = Weights::new(tensors, device);
            let encoder = Encoder::take(&mut weights, &config)?;
            let decoder = Decoder::take(&mut weights, &config)?;
            Ok(Self {
                config,
                device,
                encoder,
                decoder,
            })
        })
    }

    /// Hears one window: `num_mel_bins` × 3000 log-mel values, mel after mel.
    pub fn encode(&self, mel: &[f32]) -> Result<AudioFeatures, WhisperError> {
        tch::no_grad(|| {
            let shape = [1, size(self.config.num_mel_bins), size(WINDOW_FRAMES)];
            let input = Tensor::f_from_slice(mel)?.f_reshape(shape)?.f_to(self.device)?;
            let heads = self.config.encoder_attention_heads;
            Ok(AudioFeatures(self.encoder.forward(&input, heads)?))
        })
    }

    /// A fresh memory of one row for what was heard, with room for `capacity` tokens.
    pub fn start(&self, features: &AudioFeatures, capacity: usize) -> Result<DecoderState, WhisperError> {
        tch::no_grad(|| {
            let heads = size(self.config.decoder_attention_heads);
            let head_width = size(self.config.d_model) / heads;
            let room = size(capacity.min(self.config.max_target_positions));
            let (mut own, mut sound) = (Vec::new(), Vec::new());
            for block in &self.decoder.blocks {
                let empty = || Tensor::f_zeros([1, heads, room, head_width], (Kind::Float, self.device));
                own.push((empty()?, empty()?));
                let [key, value] = split_heads(&block.cross_key_value.forward(&features.0)?, heads)?;
                sound.push((key.f_contiguous()?, value.f_contiguous()?));
            }
            Ok(DecoderState {
                rows: 1,
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
            let hidden = self
                .decoder
                .forward(&ids, state, size(self.config.decoder_attention_heads))?;
            let wanted: Vec<i64> = wanted.iter().map(|position| size(*position)).collect();
            let wanted = Tensor::f_from_slice(&wanted)?.f_to(self.device)?;
            let hidden = hidden.f_index_select(1, &wanted)?;
            let logits = hidden.f_linear(&self.decoder.tokens, None::<Tensor>)?;
            let logits = logits
                .f_reshape([-1, size(self.config.vocab_size)])?
                .f_to(Device::Cpu)?;
            Ok(Vec::<Vec<f32>>::try_from(&logits)?)
        })
    }
}

impl DecoderState {
    /// Makes the rows anew, each a copy of the named old one.
    pub fn select_rows(&mut self, rows: &[usize]) -> Result<(), WhisperError> {
        let selected: Vec<i64> = rows.iter().map(|row| size(*row)).collect();
        if selected.iter().copied().eq(0..self.rows) {
            return Ok(());
        }
        tch::no_grad(|| {
            for (key, value) in &mut self.own {
                let index = Tensor::f_from_slice(&selected)?.f_to(key.device())?;
                *key = key.f_index_select(0, &index)?;
                *value = value.f_index_select(0, &index)?;
            }
            self.rows = size(selected.len());
            Ok(())
        })
    }
}

impl AudioFeatures {
    /// (positions, width) as one row of values.
    pub fn to_vec(&self) -> Result<Vec<f32>, WhisperError> {
        Ok(Vec::try_from(&self.0.f_reshape([-1])?.f_to(Device::Cpu)?)?)
    }
}

impl Encoder {
    fn take(weights: &mut Weights, config: &ModelConfig) -> Result<Self, WhisperError> {
        let width = config.d_model;
        let mut conv = |name: &str, inputs: usize| {
            let weight = weights.take(&format!("model.encoder.{name}.weight"), &[width, inputs, 3])?;
            let bias = Some(weights.take(&format!("model.encoder.{name}.bias"), &[width])?);
            Ok::<_, WhisperError>(Linear { weight, bias })
        };
        let conv1 = conv("conv1", config.num_mel_bins)?;
        let conv2 = conv("conv2", width)?;
        let positions = weights.take(
            "model.encoder.embed_positions.weight",
            &[config.max_source_positions, width],
        )?;
        let blocks = (0..config.encoder_layers)
            .map(|layer| {
                let name = format!("model.encoder.layers.{layer}");
                Ok(EncoderBlock {
                    attention_norm: weights.layer_norm(&format!("{name}.self_attn_layer_norm"), width)?,
                    query_key_value: weights.projections(
                        &format!("{name}.self_attn"),
                        &["q", "k", "v"],
                        width,
                    )?,
                    attention_out: weights.linear(&format!("{name}.self_attn.out_proj"), width, width)?,
                    mlp: Mlp::take(weights, &name, width)?,
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

    fn forward(&self, mel: &Tensor, heads: usize) -> Result<Tensor, WhisperError> {
        let conv = |layer: &Linear, input: &Tensor, stride: i64| {
            input
                .f_conv1d(&layer.weight, layer.bias.as_ref(), [stride], [1], [1], 1)?
                .f_gelu("none")
        };
        let sound = conv(&self.conv2, &conv(&self.conv1, mel, 1)?, 2)?;
        let mut sound = sound.f_transpose(1, 2)?.f_add(&self.positions)?;
        for block in &self.blocks {
            let input = block.attention_norm.forward(&sound)?;
            let [query, key, value] = split_heads(&block.query_key_value.forward(&input)?, size(heads))?;
            let attended = attend(&query, &key, &value, false)?;
            sound = sound.f_add(&block.attention_out.forward(&attended)?)?;
            sound = block.mlp.add(&sound)?;
        }
        self.norm.forward(&sound)
    }
}

impl Decoder {
    fn take(weights: &mut Weights, config: &ModelConfig) -> Result<Self, WhisperError> {
        let width = config.d_model;
        let tokens = weights.take("model.decoder.embed_tokens.weight", &[config.vocab_size, width])?;
        let positions = weights.take(
            "model.decoder.embed_positions.weight",
            &[config.max_target_positions, width],
        )?;
        let blocks = (0..config.decoder_layers)
            .map(|layer| {
                let name = format!("model.decoder.layers.{layer}");
                Ok(DecoderBlock {
                    attention_norm: weights.layer_norm(&format!("{name}.self_attn_layer_norm"), width)?,
                    query_key_value: weights.projections(
                        &format!("{name}.self_attn"),
                        &["q", "k", "v"],
                        width,
                    )?,
                    attention_out: weights.linear(&format!("{name}.self_attn.out_proj"), width, width)?,
                    cross_norm: weights.layer_norm(&format!("{name}.encoder_attn_layer_norm"), width)?,
                    cross_query: weights.linear(&format!("{name}.encoder_attn.q_proj"), width, width)?,
                    cross_key_value: weights.projections(
                        &format!("{name}.encoder_attn"),
                        &["k", "v"],
                        width,
                    )?,
                    cross_out: weights.linear(&format!("{name}.encoder_attn.out_proj"), width, width)?,
                    mlp: Mlp::take(weights, &name, width)?,
                })
            })
            .collect::<Result<_, WhisperError>>()?;
        let norm = weights.layer_norm("model.decoder.layer_norm", width)?;
        Ok(Self {
            tokens,
            positions,
            blocks,
            norm,
        })
    }

    fn forward(&self, ids: &Tensor, state: &mut DecoderState, heads: i64) -> Result<Tensor, WhisperError> {
        let count = ids.size2()?.1;
        let positions = self.positions.f_narrow(0, state.length, count)?;
        let mut text = Tensor::f_embedding(&self.tokens, ids, -1, false, false)?.f_add(&positions)?;
        let read = state.length + count;
        let memory = state.own.iter().zip(&state.sound);
        for (block, ((keys, values), (sound_keys, sound_values))) in self.blocks.iter().zip(memory) {
            let input = block.attention_norm.forward(&text)?;
            let [query, key, value] = split_heads(&block.query_key_value.forward(&input)?, heads)?;
            keys.f_narrow(2, state.length, count)?.f_copy_(&key)?;
            values.f_narrow(2, state.length, count)?.f_copy_(&value)?;
            // With one token there is nothing later to hide; with more, nothing came before them.
            let attended = attend(
                &query,
                &keys.f_narrow(2, 0, read)?,
                &values.f_narrow(2, 0, read)?,
                count > 1,
            )?;
            text = text.f_add(&block.attention_out.forward(&attended)?)?;

            let input = block.cross_norm.forward(&text)?;
            let [query] = split_heads(&block.cross_query.forward(&input)?, heads)?;
            let rows = [state.rows, -1, -1, -1];
            let (keys, values) = (
                sound_keys.f_expand(rows, false)?,
                sound_values.f_expand(rows, false)?,
            );
            let attended = attend(&query, &keys, &values, false)?;
            text = text.f_add(&block.cross_out.forward(&attended)?)?;
            text = block.mlp.add(&text)?;
        }
        state.length = read;
        self.norm.forward(&text)
    }
}

impl Mlp {
    fn take(weights: &mut Weights, name: &str, width: usize) -> Result<Self, WhisperError> {
        Ok(Self {
            norm: weights.layer_norm(&format!("{name}.final_layer_norm"), width)?,
            widen: weights.linear(&format!("{name}.fc1"), 4 * width, width)?,
            narrow: weights.linear(&format!("{name}.fc2"), width, 4 * width)?,
        })
    }

    fn add(&self, input: &Tensor) -> Result<Tensor, WhisperError> {
        let wide = self.widen.forward(&self.norm.forward(input)?)?.f_gelu("none")?;
        Ok(input.f_add(&self.narrow.forward(&wide)?)?)
    }
}

/// (rows, n, parts · width) to `PARTS` tensors of (rows, heads, n, width of a head).
fn split_heads<const PARTS: usize>(joined: &Tensor, heads: i64) -> Result<[Tensor; PARTS], WhisperError> {
    let (rows, count, width) = joined.size3()?;
    let head_width = width / size(PARTS) / heads;
    let parts = joined
        .f_reshape([rows, count, size(PARTS), heads, head_width])?
        .f_permute([2, 0, 3, 1, 4])?;
    let mut split = Vec::with_capacity(PARTS);
    for part in 0..PARTS {
        split.push(parts.f_select(0, size(part))?);
    }
    split
        .try_into()
        .map_err(|_| WhisperError::unusable("model", "attention heads do not divide the width"))
}

/// Scaled dot-product attention over all heads, joined again to (rows, n, width).
fn attend(query: &Tensor, key: &Tensor, value: &Tensor, causal: bool) -> Result<Tensor, WhisperError> {
    let attended =
        Tensor::f_scaled_dot_product_attention(query, key, value, None::<Tensor>, 0.0, causal, None, false)?;
    let (rows, heads, count, head_width) = attended.size4()?;
    Ok(attended
        .f_transpose(1, 2)?
        .f_reshape([rows, count, heads * head_width])?)
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
