//! The decoder: tokens and what was heard become the hidden states that logits come from.

use tch::{Kind, Tensor};

use super::WhisperError;
use super::config::ModelConfig;
use super::layers::{Mlp, SelfAttention, attend, split_heads};
use super::model::DecoderState;
use super::numbers::{float, size};
use super::weights::{LayerNorm, Linear, Weights};

pub struct Decoder {
    /// The last layer, (vocabulary, width), whose weights are also those of the tokens.
    tokens: Linear,
    positions: Tensor,
    pub blocks: Vec<DecoderBlock>,
    norm: LayerNorm,
}

/// Watches some heads of the cross-attention while tokens are read.
pub struct CrossAttention<'a> {
    heads: &'a [(usize, usize)],
    /// In the order of `heads`' layers: (tokens, audio positions), before the softmax.
    pub logits: Vec<Tensor>,
}

pub struct DecoderBlock {
    attention: SelfAttention,
    cross_norm: LayerNorm,
    cross_query: Linear,
    pub cross_key_value: Linear,
    cross_out: Linear,
    mlp: Mlp,
}

impl<'a> CrossAttention<'a> {
    pub fn new(heads: &'a [(usize, usize)]) -> Self {
        Self {
            heads,
            logits: Vec::new(),
        }
    }

    /// `query` is (1, heads, tokens, width of a head), `keys` (1, heads, audio positions, width of a head).
    fn look(&mut self, layer: usize, query: &Tensor, keys: &Tensor) -> Result<(), WhisperError> {
        for (_, head) in self.heads.iter().filter(|(wanted, _)| *wanted == layer) {
            let of = |tensor: &Tensor| {
                tensor
                    .f_select(0, 0)?
                    .f_select(0, size(*head))?
                    .f_to_kind(Kind::Float)
            };
            let (query, keys) = (of(query)?, of(keys)?);
            let scale = float(usize::try_from(query.size2()?.1).unwrap_or(1)).powf(-0.5);
            let logits = query.f_matmul(&keys.f_transpose(0, 1)?)?.f_mul_scalar(scale)?;
            self.logits.push(logits);
        }
        Ok(())
    }
}

impl Decoder {
    pub fn take(weights: &mut Weights, config: &ModelConfig) -> Result<Self, WhisperError> {
        let width = config.d_model;
        let inner = config.decoder_inner();
        let tokens = weights.embedding(config.vocab_size, width)?;
        let positions = weights.take(
            "model.decoder.embed_positions.weight",
            &[config.max_target_positions, width],
        )?;
        let blocks = (0..config.decoder_layers)
            .map(|layer| {
                let name = format!("model.decoder.layers.{layer}");
                Ok(DecoderBlock {
                    attention: SelfAttention::take(weights, &name, width)?,
                    cross_norm: weights.layer_norm(&format!("{name}.encoder_attn_layer_norm"), width)?,
                    cross_query: weights.linear(&format!("{name}.encoder_attn.q_proj"), width, width)?,
                    cross_key_value: weights.projections(
                        &format!("{name}.encoder_attn"),
                        &["k", "v"],
                        width,
                    )?,
                    cross_out: weights.linear(&format!("{name}.encoder_attn.out_proj"), width, width)?,
                    mlp: Mlp::take(weights, &name, width, inner)?,
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

    /// Logits of hidden states, in single precision.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor, WhisperError> {
        Ok(self.tokens.forward(hidden)?.f_to_kind(Kind::Float)?)
    }

    /// Hidden states of `ids`, (rows, tokens, width); `state` remembers them, `seen` watches.
    pub fn forward(
        &self,
        ids: &Tensor,
        state: &mut DecoderState,
        heads: i64,
        mut seen: Option<&mut CrossAttention<'_>>,
    ) -> Result<Tensor, WhisperError> {
        let count = ids.size2()?.1;
        let positions = self.positions.f_narrow(0, state.length, count)?;
        let mut text = Tensor::f_embedding(&self.tokens.weight, ids, -1, false, false)?.f_add(&positions)?;
        let read = state.length + count;
        let memory = state.own.iter().zip(&state.sound);
        let layers = self.blocks.iter().zip(memory).enumerate();
        for (layer, (block, ((keys, values), (sound_keys, sound_values)))) in layers {
            let [query, key, value] = block.attention.read(&text, heads)?;
            keys.f_narrow(2, state.length, count)?.f_copy_(&key)?;
            values.f_narrow(2, state.length, count)?.f_copy_(&value)?;
            // With one token there is nothing later to hide; with more, nothing came before them.
            let attended = attend(
                &query,
                &keys.f_narrow(2, 0, read)?,
                &values.f_narrow(2, 0, read)?,
                count > 1,
            )?;
            text = block.attention.add(&text, &attended)?;

            let input = block.cross_norm.forward(&text)?;
            let [query] = split_heads(&block.cross_query.forward(&input)?, heads)?;
            if let Some(seen) = &mut seen {
                seen.look(layer, &query, sound_keys)?;
            }
            let query = if state.rows == state.windows {
                query
            } else {
                // Rows of a window, with one token each, ask as if they were tokens of one row.
                let (rows, heads, _, head_width) = query.size4()?;
                query
                    .f_reshape([state.windows, rows / state.windows, heads, head_width])?
                    .f_transpose(1, 2)?
            };
            let attended =
                attend(&query, sound_keys, sound_values, false)?.f_reshape([state.rows, count, -1])?;
            text = text.f_add(&block.cross_out.forward(&attended)?)?;
            text = block.mlp.add(&text)?;
        }
        state.length = read;
        self.norm.forward(&text)
    }
}
