//! What encoder and decoder have in common: attention over heads and to the own input, and the feed-forward block.

use tch::Tensor;

use super::WhisperError;
use super::numbers::size;
use super::weights::{LayerNorm, Linear, Weights};

/// The weights of a block's attention to its own input.
pub struct SelfAttention {
    pub norm: LayerNorm,
    pub query_key_value: Linear,
    pub out: Linear,
}

impl SelfAttention {
    pub fn take(weights: &mut Weights, name: &str, width: usize) -> Result<Self, WhisperError> {
        let attention = format!("{name}.self_attn");
        Ok(Self {
            norm: weights.layer_norm(&format!("{attention}_layer_norm"), width)?,
            query_key_value: weights.projections(&attention, &["q", "k", "v"], width)?,
            out: weights.linear(&format!("{attention}.out_proj"), width, width)?,
        })
    }

    /// Queries, keys and values of `input`, each (rows, heads, n, width of a head).
    pub fn read(&self, input: &Tensor, heads: i64) -> Result<[Tensor; 3], WhisperError> {
        split_heads(&self.query_key_value.forward(&self.norm.forward(input)?)?, heads)
    }

    /// `input` with what was attended to, (rows, n, width).
    pub fn add(&self, input: &Tensor, attended: &Tensor) -> Result<Tensor, WhisperError> {
        Ok(input.f_add(&self.out.forward(attended)?)?)
    }
}

pub struct Mlp {
    norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
}

impl Mlp {
    pub fn take(weights: &mut Weights, name: &str, width: usize, inner: usize) -> Result<Self, WhisperError> {
        Ok(Self {
            norm: weights.layer_norm(&format!("{name}.final_layer_norm"), width)?,
            widen: weights.linear(&format!("{name}.fc1"), inner, width)?,
            narrow: weights.linear(&format!("{name}.fc2"), width, inner)?,
        })
    }

    pub fn add(&self, input: &Tensor) -> Result<Tensor, WhisperError> {
        let wide = self.widen.forward(&self.norm.forward(input)?)?.f_gelu("none")?;
        Ok(input.f_add(&self.narrow.forward(&wide)?)?)
    }
}

/// (rows, n, parts · width) to `PARTS` tensors of (rows, heads, n, width of a head).
pub fn split_heads<const PARTS: usize>(joined: &Tensor, heads: i64) -> Result<[Tensor; PARTS], WhisperError> {
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
pub fn attend(query: &Tensor, key: &Tensor, value: &Tensor, causal: bool) -> Result<Tensor, WhisperError> {
    let attended =
        Tensor::f_scaled_dot_product_attention(query, key, value, None::<Tensor>, 0.0, causal, None, false)?;
    let (rows, heads, count, head_width) = attended.size4()?;
    Ok(attended
        .f_transpose(1, 2)?
        .f_reshape([rows, count, heads * head_width])?)
}
