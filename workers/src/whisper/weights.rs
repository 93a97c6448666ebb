//! Takes tensors out of a model's files by Hugging Face's names, checking each shape.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::WhisperError;
use super::compute::Arithmetic;
use super::numbers::size;

/// The file of an unsharded model.
pub const SINGLE_FILE: &str = "model.safetensors";
/// Says which file holds which tensor of a sharded model.
pub const SHARD_INDEX: &str = "model.safetensors.index.json";
/// A copy of the token embedding in some exports: Whisper's last layer is tied to it.
const TIED: &str = "proj_out.weight";
const EMBEDDING: &str = "model.decoder.embed_tokens.weight";

/// All tensors of a model that have not been taken yet.
pub struct Weights {
    /// By name, with the file that holds it.
    tensors: BTreeMap<String, (Tensor, String)>,
    /// The file that ought to hold a tensor that is missing.
    listed_in: &'static str,
    device: Device,
    /// Of the layers that are made.
    arithmetic: Arithmetic,
}

/// A linear layer. What goes in may be of any float kind; what comes out is of the layer's.
pub struct Linear {
    /// (outputs, inputs).
    pub weight: Tensor,
    bias: Option<Tensor>,
    quantized: Option<Quantized>,
}

/// Weights in 8 bits, one scale per output.
struct Quantized {
    weight: Tensor,
    scales: Tensor,
}

/// A convolution over time with a kernel of 3.
pub struct Conv {
    weight: Tensor,
    bias: Tensor,
}

/// More rows at a time are read faster in bfloat16.
const QUANTIZED_ROWS_MAX: i64 = 4;

pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl Weights {
    /// Tensors that came from no file.
    pub fn new(tensors: HashMap<String, Tensor>, device: Device) -> Self {
        let named = tensors.into_iter();
        Self {
            tensors: named
                .map(|(name, tensor)| (name, (tensor, SINGLE_FILE.to_owned())))
                .collect(),
            listed_in: SINGLE_FILE,
            device,
            arithmetic: Arithmetic::Float32,
        }
    }

    /// Reads the one file of an unsharded model.
    pub fn read_single(folder: &Path, device: Device) -> Result<Self, WhisperError> {
        Ok(Self {
            tensors: read(folder, SINGLE_FILE)?.collect(),
            listed_in: SINGLE_FILE,
            device,
            arithmetic: Arithmetic::Float32,
        })
    }

    /// Reads all files of a sharded model; `map` tells the file of each tensor.
    ///
    /// A shard must hold what the index says and nothing else.
    pub fn read_shards(
        folder: &Path,
        map: &BTreeMap<String, String>,
        shards: &[String],
        device: Device,
    ) -> Result<Self, WhisperError> {
        let mut tensors = BTreeMap::new();
        for shard in shards {
            for (name, entry) in read(folder, shard)? {
                if map.get(&name) != Some(shard) {
                    let reason = format!("{name} is not listed for this file in {SHARD_INDEX}");
                    return Err(WhisperError::unusable(shard, reason));
                }
                tensors.insert(name, entry);
            }
        }
        if let Some((name, shard)) = map.iter().find(|(name, _)| !tensors.contains_key(*name)) {
            let reason = format!("{name} is missing, which {SHARD_INDEX} says is here");
            return Err(WhisperError::unusable(shard, reason));
        }
        Ok(Self {
            tensors,
            listed_in: SHARD_INDEX,
            device,
            arithmetic: Arithmetic::Float32,
        })
    }

    /// Layers that are made from now on compute in `arithmetic`.
    pub(super) fn compute_in(&mut self, arithmetic: Arithmetic) {
        self.arithmetic = arithmetic;
    }

    /// The tensor `name` in single precision on the model's device.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, WhisperError> {
        if name == EMBEDDING {
            self.untie(shape)?;
        }
        let Some((tensor, file)) = self.tensors.remove(name) else {
            return Err(WhisperError::unusable(
                self.listed_in,
                format!("{name} is missing"),
            ));
        };
        let expected: Vec<i64> = shape.iter().map(|length| size(*length)).collect();
        let found = tensor.size();
        if found != expected {
            let reason = format!("{name} has shape {found:?}, config.json calls for {expected:?}");
            return Err(WhisperError::unusable(file, reason));
        }
        if !tensor.is_floating_point() {
            let reason = format!("{name} holds {:?} where floats belong", tensor.kind());
            return Err(WhisperError::unusable(file, reason));
        }
        Ok(tensor.f_to_kind(Kind::Float)?.f_to(self.device)?.f_contiguous()?)
    }

    /// Drops the last layer's own copy of the token embedding. A copy that differs belongs to another network.
    fn untie(&mut self, shape: &[usize]) -> Result<(), WhisperError> {
        let Some((copy, file)) = self.tensors.remove(TIED) else {
            return Ok(());
        };
        let expected: Vec<i64> = shape.iter().map(|length| size(*length)).collect();
        let same = match self.tensors.get(EMBEDDING) {
            Some((embedding, _)) => copy.size() == expected && copy.f_equal(embedding)?,
            None => true,
        };
        if same {
            return Ok(());
        }
        let reason = format!("{TIED} differs from {EMBEDDING}: Whisper's last layer is tied to it");
        Err(WhisperError::unusable(file, reason))
    }

    /// Refuses tensors that nothing has taken.
    pub fn end(self) -> Result<(), WhisperError> {
        match self.tensors.into_iter().next() {
            Some((name, (_, file))) => {
                let reason = format!("{name} has no place in the network that config.json describes");
                Err(WhisperError::unusable(file, reason))
            }
            None => Ok(()),
        }
    }

    pub fn linear(&mut self, name: &str, outputs: usize, inputs: usize) -> Result<Linear, WhisperError> {
        let weight = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = self.take(&format!("{name}.bias"), &[outputs])?;
        Linear::new(&weight, Some(&bias), self.arithmetic)
    }

    /// The last layer, which is the token embedding.
    pub fn embedding(&mut self, tokens: usize, width: usize) -> Result<Linear, WhisperError> {
        let weight = self.take(EMBEDDING, &[tokens, width])?;
        Linear::new(&weight, None, self.arithmetic)
    }

    pub fn conv(&mut self, name: &str, outputs: usize, inputs: usize) -> Result<Conv, WhisperError> {
        let weight = self.take(&format!("{name}.weight"), &[outputs, inputs, 3])?;
        let bias = self.take(&format!("{name}.bias"), &[outputs])?;
        let kind = self.arithmetic.kind();
        Ok(Conv {
            weight: weight.f_to_kind(kind)?,
            bias: bias.f_to_kind(kind)?,
        })
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
        let (weight, bias) = (Tensor::f_cat(&weights, 0)?, Tensor::f_cat(&biases, 0)?);
        Linear::new(&weight, Some(&bias), self.arithmetic)
    }
}

/// The tensors of one file.
fn read(
    folder: &Path,
    file: &str,
) -> Result<impl Iterator<Item = (String, (Tensor, String))> + use<>, WhisperError> {
    let tensors =
        Tensor::read_safetensors(folder.join(file)).map_err(|error| WhisperError::unusable(file, error))?;
    let file = file.to_owned();
    Ok(tensors
        .into_iter()
        .map(move |(name, tensor)| (name, (tensor, file.clone()))))
}

impl Linear {
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, arithmetic: Arithmetic) -> Result<Self, WhisperError> {
        let kind = arithmetic.kind();
        let quantized = match arithmetic {
            Arithmetic::Int8 => Some(Quantized::new(weight)?),
            Arithmetic::Float32 | Arithmetic::Float16 | Arithmetic::Bfloat16 => None,
        };
        Ok(Self {
            weight: weight.f_to_kind(kind)?,
            bias: bias.map(|bias| bias.f_to_kind(kind)).transpose()?,
            quantized,
        })
    }

    pub fn forward(&self, input: &Tensor) -> Result<Tensor, WhisperError> {
        let input = input.f_to_kind(self.weight.kind())?;
        match &self.quantized {
            Some(quantized) if rows(&input) <= QUANTIZED_ROWS_MAX => {
                let output = quantized.forward(&input)?;
                match &self.bias {
                    Some(bias) => Ok(output.f_add(bias)?),
                    None => Ok(output),
                }
            }
            Some(_) | None => Ok(input.f_linear(&self.weight, self.bias.as_ref())?),
        }
    }
}

/// All dimensions but the last.
fn rows(input: &Tensor) -> i64 {
    input.size().iter().rev().skip(1).product()
}

impl Quantized {
    /// Each output's largest weight becomes 127.
    fn new(weight: &Tensor) -> Result<Self, WhisperError> {
        let largest = weight.f_abs()?.f_amax([1], true)?;
        let scales = largest
            .f_clamp_min(f64::from(f32::MIN_POSITIVE))?
            .f_div_scalar(127.0)?;
        Ok(Self {
            weight: weight.f_div(&scales)?.f_round()?.f_to_kind(Kind::Int8)?,
            scales: scales.f_squeeze_dim(1)?.f_to_kind(Kind::BFloat16)?,
        })
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor, WhisperError> {
        let mut shape = input.size();
        let inputs = shape.pop().unwrap_or(0);
        let flat = input.f_reshape([-1, inputs])?;
        let output = flat.f_internal_weight_int8pack_mm(&self.weight, &self.scales)?;
        shape.push(-1);
        Ok(output.f_reshape(shape)?)
    }
}

impl Conv {
    /// (rows, inputs, n) to (rows, outputs, n / `stride`).
    pub fn forward(&self, input: &Tensor, stride: i64) -> Result<Tensor, WhisperError> {
        let input = input.f_to_kind(self.weight.kind())?;
        Ok(input.f_conv1d(&self.weight, Some(&self.bias), [stride], [1], [1], 1)?)
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
