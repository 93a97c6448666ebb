//! Which tokens are never written.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::Serialize;

use super::tokenizer::WhisperTokenizer;

/// The reference's `suppress_tokens`: "-1" stands for all that is not speech. Empty suppresses nothing, not even
/// the tokens that steer the decoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuppressTokens {
    /// Strikes out what stands for sounds rather than speech.
    pub non_speech: bool,
    pub ids: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no list of token ids: write numbers with commas between them, -1 for all that is no speech"
)]
pub struct NotTokens(String);

impl Default for SuppressTokens {
    fn default() -> Self {
        Self {
            non_speech: true,
            ids: Vec::new(),
        }
    }
}

impl SuppressTokens {
    pub fn none() -> Self {
        Self {
            non_speech: false,
            ids: Vec::new(),
        }
    }

    /// All suppressed ids in ascending order (`DecodingTask._get_suppress_tokens` in the reference's
    /// `decoding.py`).
    pub fn resolve(&self, tokenizer: &WhisperTokenizer) -> Vec<u32> {
        if !self.non_speech && self.ids.is_empty() {
            return Vec::new();
        }
        let special = &tokenizer.special;
        let steering = [
            special.transcribe,
            special.translate,
            special.sot,
            special.sot_prev,
            special.sot_lm,
            special.no_speech,
        ];
        let sounds = if self.non_speech {
            tokenizer.non_speech.as_slice()
        } else {
            &[]
        };
        let all = sounds.iter().chain(&self.ids).copied().chain(steering);
        all.collect::<BTreeSet<u32>>().into_iter().collect()
    }
}

impl FromStr for SuppressTokens {
    type Err = NotTokens;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut found = Self::none();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.parse() {
                Ok(-1_i64) => found.non_speech = true,
                Ok(id) => found
                    .ids
                    .push(u32::try_from(id).map_err(|_| NotTokens(text.to_owned()))?),
                Err(_) => return Err(NotTokens(text.to_owned())),
            }
        }
        Ok(found)
    }
}
