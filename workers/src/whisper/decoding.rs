//! Windows of sound to one text each.

use serde::Serialize;

use super::compression::compression_ratio;
use super::filters::{Filters, TimestampRules, log_sum_exp};
use super::model::AudioFeatures;
use super::numbers::{count, float, index, last, size};
use super::search::{Row, Search};
use super::suppress::SuppressTokens;
use super::texts::Texts;
use super::tokenizer::Task;
use super::{Whisper, WhisperError};

/// How one window is decoded.
#[derive(Clone, Debug, Serialize)]
pub struct DecodeOptions {
    /// Whisper's language code.
    pub language: String,
    pub task: Task,
    /// 0 takes the likeliest text, more draws by chance.
    pub temperature: f64,
    /// Texts drawn at a temperature above 0; the best is kept.
    pub best_of: usize,
    /// Beams at temperature 0; `None` is greedy.
    pub beam_size: Option<usize>,
    pub patience: f64,
    /// Exponent of Google's length penalty; `None` ranks by the mean log-probability.
    pub length_penalty: Option<f64>,
    /// Tokens of what was said before.
    pub prompt: Vec<u32>,
    /// Tokens that the text begins with.
    pub prefix: Vec<u32>,
    pub without_timestamps: bool,
    pub suppress_blank: bool,
    pub suppress_tokens: SuppressTokens,
    /// Latest first timestamp in seconds.
    pub max_initial_timestamp: Option<f64>,
    /// At most this many tokens; half of the text context by default.
    pub sample_len: Option<usize>,
    /// Makes draws repeatable.
    pub seed: u64,
}

impl DecodeOptions {
    /// The reference's defaults: greedy, with timestamps.
    pub fn new(language: impl Into<String>) -> Self {
        Self {
            language: language.into(),
            task: Task::Transcribe,
            temperature: 0.0,
            best_of: 1,
            beam_size: None,
            patience: 1.0,
            length_penalty: None,
            prompt: Vec::new(),
            prefix: Vec::new(),
            without_timestamps: false,
            suppress_blank: true,
            suppress_tokens: SuppressTokens::default(),
            max_initial_timestamp: Some(1.0),
            sample_len: None,
            seed: 0,
        }
    }
}

impl DecodeOptions {
    /// `DecodingTask._verify_options` in the reference's `decoding.py`, and what its classes assert.
    pub(super) fn check(&self) -> Result<(), WhisperError> {
        let wrong = |option, reason: &str| Err(WhisperError::option(option, reason));
        if self
            .length_penalty
            .is_some_and(|alpha| !(0.0..=1.0).contains(&alpha))
        {
            return wrong("length_penalty", "it lies between 0 and 1");
        }
        if self.beam_size == Some(0) {
            return wrong("beam_size", "it is 1 or more");
        }
        let candidates = self.beam_size.map(|size| count(float(size) * self.patience));
        if candidates == Some(0) {
            return wrong("patience", "with this beam_size no text is ever finished");
        }
        if self.sample_len == Some(0) {
            return wrong("sample_len", "it is 1 or more");
        }
        Ok(())
    }
}

/// What was heard in one window.
#[derive(Clone, Debug)]
pub struct Decoded {
    pub tokens: Vec<u32>,
    /// Trimmed, without timestamps.
    pub text: String,
    pub avg_logprob: f64,
    pub no_speech_prob: f64,
    pub compression_ratio: f64,
    pub temperature: f64,
}

/// The tokens that a decoding begins with.
struct Initial {
    tokens: Vec<u32>,
    /// Where the start-of-transcript token stands.
    sot: usize,
    sample_len: usize,
}

impl Whisper {
    /// Decodes what the encoder heard in one window.
    pub fn decode(&self, features: &AudioFeatures, options: &DecodeOptions) -> Result<Decoded, WhisperError> {
        let mut decoded = self.decode_batch(features, options, &[options.seed])?;
        decoded
            .pop()
            .ok_or_else(|| WhisperError::option("features", "there is no window to decode"))
    }

    /// Decodes what the encoder heard in several windows, all at once, each by a seed of its own.
    pub fn decode_batch(
        &self,
        features: &AudioFeatures,
        options: &DecodeOptions,
        seeds: &[u64],
    ) -> Result<Vec<Decoded>, WhisperError> {
        options.check()?;
        let initial = self.initial(options)?;
        let capacity = initial.tokens.len() + initial.sample_len;
        let mut state = self.model.start(features, capacity)?;

        // The first step reads everything in one row, which then becomes as many as the search wants.
        let last = initial.tokens.len().saturating_sub(1);
        let rows = initial.tokens.repeat(seeds.len());
        let mut logits = self
            .model
            .read(&mut state, &rows, &[initial.sot, last])?
            .into_iter();
        let mut texts = Texts::new(self.filters(options), self.tokenizer.special.eot);
        for seed in seeds {
            let at_sot = logits.next().unwrap_or_default();
            let first = logits.next().unwrap_or_default();
            texts.begin(search(options, *seed), self.no_speech_prob(&at_sot), first);
        }
        let positions = self.model.config.max_target_positions;
        for sampled in 1..initial.sample_len {
            if texts.are_complete() || initial.tokens.len() + sampled > positions {
                break;
            }
            texts.advance(&self.model, &mut state)?;
        }
        texts
            .finish()
            .into_iter()
            .map(|(candidates, no_speech_prob)| {
                let best = best(candidates, options.length_penalty);
                self.decoded(best, no_speech_prob, options.temperature)
            })
            .collect()
    }

    /// The most probable language of what was heard, and all languages with their probabilities.
    pub fn detect_language(
        &self,
        features: &AudioFeatures,
    ) -> Result<(String, Vec<(String, f64)>), WhisperError> {
        let special = &self.tokenizer.special;
        if !special.is_multilingual() {
            return Ok(("en".to_owned(), vec![("en".to_owned(), 1.0)]));
        }
        let mut state = self.model.start(features, 1)?;
        let logits = self
            .model
            .read(&mut state, &[special.sot], &[0])?
            .pop()
            .unwrap_or_default();
        let of = |id: u32| logits.get(index(id)).copied().unwrap_or(f32::NEG_INFINITY);
        let languages: Vec<f32> = special.languages.iter().map(|(_, id)| of(*id)).collect();
        let total = log_sum_exp(&languages);
        let mut probabilities: Vec<(String, f64)> = special
            .languages
            .iter()
            .zip(&languages)
            .map(|((code, _), logit)| (code.clone(), (f64::from(*logit) - total).exp()))
            .collect();
        probabilities.sort_by(|a, b| b.1.total_cmp(&a.1));
        let language = probabilities
            .first()
            .map_or_else(|| "en".to_owned(), |(code, _)| code.clone());
        Ok((language, probabilities))
    }

    /// Tokens of what was said before that the model can be shown.
    pub(super) fn prompt_room(&self) -> usize {
        (self.model.config.max_target_positions / 2).saturating_sub(1)
    }

    fn initial(&self, options: &DecodeOptions) -> Result<Initial, WhisperError> {
        let special = &self.tokenizer.special;
        let context = self.model.config.max_target_positions;
        let sample_len = options.sample_len.unwrap_or(context / 2);
        let mut tokens = Vec::new();
        if !options.prompt.is_empty() {
            tokens.push(special.sot_prev);
            tokens.extend(last(&options.prompt, size(self.prompt_room())));
        }
        let sot = tokens.len();
        tokens.extend(special.sot_sequence(&options.language, options.task)?);
        if options.without_timestamps {
            tokens.push(special.no_timestamps);
        }
        // With room for half the context the reference keeps the whole prefix.
        tokens.extend(last(&options.prefix, size(context / 2) - size(sample_len)));
        if tokens.len() > context {
            let reason = format!(
                "with the prefix it has {} tokens, the model reads {context}",
                tokens.len()
            );
            return Err(WhisperError::PromptUnusable { reason });
        }
        Ok(Initial {
            tokens,
            sot,
            sample_len,
        })
    }

    fn filters(&self, options: &DecodeOptions) -> Filters {
        let tokenizer = &self.tokenizer;
        let rules = || TimestampRules::new(tokenizer, options.max_initial_timestamp);
        Filters {
            blank: if options.suppress_blank {
                tokenizer.blank.clone()
            } else {
                Vec::new()
            },
            suppressed: options.suppress_tokens.resolve(tokenizer),
            timestamps: (!options.without_timestamps).then(rules),
        }
    }

    fn no_speech_prob(&self, logits: &[f32]) -> f64 {
        let logit = logits
            .get(index(self.tokenizer.special.no_speech))
            .copied()
            .unwrap_or(f32::NEG_INFINITY);
        (f64::from(logit) - log_sum_exp(logits)).exp()
    }

    fn decoded(&self, row: Row, no_speech_prob: f64, temperature: f64) -> Result<Decoded, WhisperError> {
        let text = self.tokenizer.decode_with_special(&row.tokens)?;
        let text = text.trim().to_owned();
        Ok(Decoded {
            avg_logprob: row.sum_logprob / (float(row.tokens.len()) + 1.0),
            compression_ratio: compression_ratio(&text),
            tokens: row.tokens,
            text,
            no_speech_prob,
            temperature,
        })
    }
}

fn search(options: &DecodeOptions, seed: u64) -> Search {
    match options.beam_size {
        _ if options.temperature > 0.0 => Search::sample(options.best_of, options.temperature, seed),
        Some(size) => Search::beam(size, options.patience),
        None => Search::Greedy,
    }
}

/// The text with the best score for its length; the first wins ties.
fn best(candidates: Vec<Row>, length_penalty: Option<f64>) -> Row {
    let score = |row: &Row| {
        let length = float(row.tokens.len());
        row.sum_logprob
            / length_penalty.map_or(length.max(f64::MIN_POSITIVE), |alpha| {
                ((5.0 + length) / 6.0).powf(alpha)
            })
    };
    let mut best: Option<Row> = None;
    for row in candidates {
        if best.as_ref().is_none_or(|best| score(&row) > score(best)) {
            best = Some(row);
        }
    }
    best.unwrap_or(Row {
        tokens: Vec::new(),
        sum_logprob: 0.0,
    })
}
