//! The configuration of a model: `config.json` gives the network's shape, `generation_config.json` the special
//! tokens.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::WhisperError;

/// The network's shape, in Hugging Face's words.
#[derive(Clone, Debug, Deserialize)]
pub struct ModelConfig {
    pub vocab_size: usize,
    pub d_model: usize,
    pub encoder_layers: usize,
    pub decoder_layers: usize,
    pub encoder_attention_heads: usize,
    pub decoder_attention_heads: usize,
    /// Width between the two feed-forward layers; four times `d_model` if it is not given.
    pub encoder_ffn_dim: Option<usize>,
    pub decoder_ffn_dim: Option<usize>,
    pub num_mel_bins: usize,
    pub max_source_positions: usize,
    pub max_target_positions: usize,
    /// Only `gelu`.
    pub activation_function: Option<String>,
    /// Never for Whisper.
    #[serde(default)]
    pub scale_embedding: bool,
}

/// The special tokens that the folder names; the others stand at fixed distances from these.
#[derive(Clone, Debug, Deserialize)]
pub struct GenerationConfig {
    /// Absent in old English-only exports.
    #[serde(default)]
    pub is_multilingual: bool,
    /// `<|en|>` and so on.
    #[serde(default)]
    pub lang_to_id: BTreeMap<String, u32>,
    pub no_timestamps_token_id: u32,
    pub decoder_start_token_id: u32,
    pub eos_token_id: u32,
    /// Layer and head of each cross-attention head that follows the sound in time.
    #[serde(default)]
    pub alignment_heads: Option<Vec<(usize, usize)>>,
}

impl GenerationConfig {
    /// The heads that tell when a word is said: those that the folder names, or else every head of the upper
    /// half of the decoder's layers (`Whisper.__init__` of the reference's `model.py`).
    ///
    /// Distilled models inherit a list that names layers which they no longer have; it is passed over.
    pub fn alignment_heads(&self, config: &ModelConfig) -> Vec<(usize, usize)> {
        let (layers, heads) = (config.decoder_layers, config.decoder_attention_heads);
        let fits = |named: &&Vec<(usize, usize)>| {
            !named.is_empty() && named.iter().all(|(layer, head)| *layer < layers && *head < heads)
        };
        if let Some(named) = self.alignment_heads.as_ref().filter(fits) {
            return named.clone();
        }
        (layers / 2..layers)
            .flat_map(|layer| (0..heads).map(move |head| (layer, head)))
            .collect()
    }

    /// Language tokens stand between the start of the transcript and the task.
    pub(super) fn check(&self) -> Result<(), WhisperError> {
        let languages = self.decoder_start_token_id + 1..self.no_timestamps_token_id.saturating_sub(5);
        let wrong = |key: &str, reason: &str| {
            Err(WhisperError::unusable(
                "generation_config.json",
                format!("{key} {reason}"),
            ))
        };
        if self.eos_token_id >= self.decoder_start_token_id {
            return wrong("eos_token_id", "is not below decoder_start_token_id");
        }
        if self.no_timestamps_token_id < self.decoder_start_token_id + 6 {
            return wrong(
                "no_timestamps_token_id",
                "leaves no room for the special tokens after decoder_start_token_id",
            );
        }
        if self.is_multilingual && self.lang_to_id.is_empty() {
            return wrong("lang_to_id", "names no language though is_multilingual is true");
        }
        match self.lang_to_id.iter().find(|(_, id)| !languages.contains(id)) {
            Some((name, id)) if self.is_multilingual => wrong(
                &format!("lang_to_id.{name}"),
                &format!("is {id}, which is no language token"),
            ),
            Some(_) | None => Ok(()),
        }
    }
}

impl ModelConfig {
    pub fn encoder_inner(&self) -> usize {
        self.encoder_ffn_dim.unwrap_or(4 * self.d_model)
    }

    pub fn decoder_inner(&self) -> usize {
        self.decoder_ffn_dim.unwrap_or(4 * self.d_model)
    }

    pub(super) fn check(&self) -> Result<(), WhisperError> {
        let wrong =
            |key: &str, reason: &str| Err(WhisperError::unusable("config.json", format!("{key} {reason}")));
        let divides = |heads: usize| heads > 0 && self.d_model > 0 && self.d_model.is_multiple_of(heads);
        if !divides(self.encoder_attention_heads) {
            return wrong("encoder_attention_heads", "does not divide d_model");
        }
        if !divides(self.decoder_attention_heads) {
            return wrong("decoder_attention_heads", "does not divide d_model");
        }
        if self.max_source_positions != 1500 {
            return wrong("max_source_positions", "must be 1500 (30 s)");
        }
        if !matches!(self.num_mel_bins, 80 | 128) {
            return wrong("num_mel_bins", "must be 80 or 128");
        }
        if self.max_target_positions < 8 {
            return wrong("max_target_positions", "leaves no room for text");
        }
        if self.encoder_layers == 0 {
            return wrong("encoder_layers", "is 0");
        }
        if self.decoder_layers == 0 {
            return wrong("decoder_layers", "is 0");
        }
        if self
            .activation_function
            .as_deref()
            .is_some_and(|name| name != "gelu")
        {
            return wrong("activation_function", "must be gelu");
        }
        if self.scale_embedding {
            return wrong("scale_embedding", "must be false");
        }
        Ok(())
    }
}
