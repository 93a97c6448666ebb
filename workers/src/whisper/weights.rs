//! Takes tensors out of a model file by Hugging Face's names, checking each shape.

use std::collections::HashMap;

use tch::{Device, Kind, Tensor};

use super::WhisperError;
use super::numbers::size;

pub struct Weights {
    tensors: HashMap<String, Tensor>,
    device: Device,
}

pub struct Linear {
    pub weight: Tensor,
    pub bias: Option<Tensor>,
}

pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl Weights {
    pub fn new(tensors: HashMap<String, Tensor>, device: Device) -> Self {
        Self { tensors, device }
    }

    /// The tensor `name` in single precision on the model's device.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, WhisperError> {
        let Some(tensor) = self.tensors.remove(name) else {
            return Err(WhisperError::unusable(
                "model.safetensors",
                format!("{name} is missing"),
            ));
        };
        let expected: Vec<i64> = shape.iter().map(|length| size(*length)).collect();
        let found = tensor.size();
        if found != expected {
            let reason = format!("{name} has shape {found:?}, config.json calls for {expected:?}");
            return Err(WhisperError::unusable("model.safetensors", reason));
        }
        Ok(tensor.f_to_kind(Kind::Float)?.f_to(self.device)?.f_contiguous()?)
    }

    pub fn linear(&mut self, name: &str, outputs: usize, inputs: usize) -> Result<Linear, WhisperError> {
        let weight = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = Some(self.take(&format!("{name}.bias"), &[outputs])?);
        Ok(Linear { weight, bias })
    }

    pub fn layer_norm(&mut self, name: &str, width: usize) -> Result<LayerNorm, WhisperError> {
        let weight = self.take(&format!("{name}.weight"), &[width])?;
        let bias = self.take(&format!("{name}.bias"), &[width])?;
        Ok(LayerNorm { weight, bias })
    }

    /// Several projections of the same input as one; the key projection has no bias, which is a bias of zeros.
    pub fn projections(&mut self, name: &str, parts: &[&str], width: usize) -> Result<Linear, WhisperError> {
        let mut weights = Vec::new();
        let mut biases = Vec::new();
        for part in parts {
            weights.push(self.take(&format!("{name}.{part}_proj.weight"), &[width, width])?);
            biases.push(if *part == "k" {
                Tensor::f_zeros([size(width)], (Kind::Float, self.device))?
            } else {
                self.take(&format!("{name}.{part}_proj.bias"), &[width])?
            });
        }
        Ok(Linear {
            weight: Tensor::f_cat(&weights, 0)?,
            bias: Some(Tensor::f_cat(&biases, 0)?),
        })
    }
}

impl Linear {
    pub fn forward(&self, input: &Tensor) -> Result<Tensor, WhisperError> {
        Ok(input.f_linear(&self.weight, self.bias.as_ref())?)
    }
}

impl LayerNorm {
    pub fn forward(&self, input: &Tensor) -> Result<Tensor, WhisperError> {
        Ok(input.f_layer_norm(
            self.weight.size(),
            Some(&self.weight),
            Some(&self.bias),
            1e-5,
            false,
        )?)
    }
}
