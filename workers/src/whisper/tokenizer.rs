//! Whisper's tokens: byte-pair text tokens, then the special ones, then one timestamp per 20 ms.

use std::collections::BTreeSet;

use serde::Serialize;
use tokenizers::Tokenizer;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::WhisperError;
use super::config::GenerationConfig;
use super::folder::{ModelFolder, TokenizerFiles};
use super::languages;
use super::numbers::{index, token};

/// Ids of the tokens that steer the decoder. Everything below `eot` is text.
#[derive(Clone, Debug)]
pub struct SpecialTokens {
    pub eot: u32,
    pub sot: u32,
    pub translate: u32,
    pub transcribe: u32,
    pub sot_lm: u32,
    pub sot_prev: u32,
    pub no_speech: u32,
    pub no_timestamps: u32,
    pub timestamp_begin: u32,
    /// Language code and its token; empty for English-only models.
    pub languages: Vec<(String, u32)>,
}

/// What the decoder is asked to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, strum::Display, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Task {
    /// The words as spoken.
    #[default]
    Transcribe,
    /// The words in English.
    Translate,
}

#[derive(Debug)]
pub struct WhisperTokenizer {
    inner: Tokenizer,
    pub special: SpecialTokens,
    /// Ids that stand for sounds and annotations rather than speech.
    pub non_speech: Vec<u32>,
    /// What a text must not begin with: a space, or its end.
    pub blank: Vec<u32>,
}

impl SpecialTokens {
    /// The order of the special tokens is fixed, only their offset differs between vocabularies.
    fn from_config(config: &GenerationConfig) -> Self {
        let no_timestamps = config.no_timestamps_token_id;
        let before = |distance: u32| no_timestamps.saturating_sub(distance);
        let languages = if config.is_multilingual {
            let code = |name: &str| name.trim_start_matches("<|").trim_end_matches("|>").to_owned();
            config
                .lang_to_id
                .iter()
                .map(|(name, id)| (code(name), *id))
                .collect()
        } else {
            Vec::new()
        };
        Self {
            eot: config.eos_token_id,
            sot: config.decoder_start_token_id,
            translate: before(5),
            transcribe: before(4),
            sot_lm: before(3),
            sot_prev: before(2),
            no_speech: before(1),
            no_timestamps,
            timestamp_begin: no_timestamps + 1,
            languages,
        }
    }

    pub fn is_multilingual(&self) -> bool {
        !self.languages.is_empty()
    }

    pub fn language_token(&self, language: &str) -> Result<u32, WhisperError> {
        let known = self.languages.iter().find(|(code, _)| code == language);
        known
            .map(|(_, id)| *id)
            .ok_or_else(|| WhisperError::LanguageUnknown {
                language: language.to_owned(),
                known: self
                    .languages
                    .iter()
                    .map(|(code, _)| code.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// What every decoding begins with.
    pub fn sot_sequence(&self, language: &str, task: Task) -> Result<Vec<u32>, WhisperError> {
        if self.is_multilingual() {
            let task = match task {
                Task::Transcribe => self.transcribe,
                Task::Translate => self.translate,
            };
            return Ok(vec![self.sot, self.language_token(language)?, task]);
        }
        match (task, language) {
            (Task::Translate, _) => Err(WhisperError::ModelEnglishOnly { what: "translate" }),
            (Task::Transcribe, "en") => Ok(vec![self.sot]),
            (Task::Transcribe, _) => Err(WhisperError::ModelEnglishOnly {
                what: "hear other languages",
            }),
        }
    }
}

impl WhisperTokenizer {
    /// Reads the folder's tokenizer. One of another vocabulary is refused.
    pub fn load(folder: &ModelFolder) -> Result<Self, WhisperError> {
        let named = folder.tokenizer.names().first().copied().unwrap_or_default();
        let path = |file: &str| folder.path.join(file).display().to_string();
        let read = || match folder.tokenizer {
            TokenizerFiles::Json => Tokenizer::from_file(path("tokenizer.json")),
            TokenizerFiles::VocabularyAndMerges => {
                let pieces = BPE::from_file(&path("vocab.json"), &path("merges.txt")).build()?;
                let bytes = ByteLevel::new(false, true, true);
                let mut inner = Tokenizer::new(pieces);
                inner.with_pre_tokenizer(Some(bytes)).with_decoder(Some(bytes));
                Ok(inner)
            }
        };
        let inner = read().map_err(|error| WhisperError::unusable(named, error))?;
        check_vocabulary(&inner, &folder.generation, folder.config.vocab_size)
            .map_err(|reason| WhisperError::unusable(named, reason))?;
        Self::new(inner, &folder.generation)
    }

    pub fn new(inner: Tokenizer, config: &GenerationConfig) -> Result<Self, WhisperError> {
        let special = SpecialTokens::from_config(config);
        let mut tokenizer = Self {
            inner,
            special,
            non_speech: Vec::new(),
            blank: Vec::new(),
        };
        tokenizer.non_speech = tokenizer.non_speech_tokens()?;
        tokenizer.blank = tokenizer.encode(" ")?;
        tokenizer.blank.push(tokenizer.special.eot);
        Ok(tokenizer)
    }

    pub fn encode(&self, text: &str) -> Result<Vec<u32>, WhisperError> {
        let encoding = self
            .inner
            .encode(text, false)
            .map_err(|error| WhisperError::unusable("tokenizer.json", error))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// A prompt's or prefix's tokens; the reference puts one space before it. Text that spells a special token
    /// is refused: it would steer the decoder.
    pub fn encode_prompt(&self, text: &str) -> Result<Vec<u32>, WhisperError> {
        let tokens = self.encode(&format!(" {}", text.trim()))?;
        match tokens.iter().find(|id| **id >= self.special.eot) {
            Some(id) => Err(WhisperError::PromptUnusable {
                reason: format!("it spells the special token {}", self.special_text(*id)),
            }),
            None => Ok(tokens),
        }
    }

    /// Timestamps are left out; what else is special appears by its name, for example `<|en|>`
    /// (`Tokenizer.decode` in the reference's `tokenizer.py`).
    pub fn decode_with_special(&self, tokens: &[u32]) -> Result<String, WhisperError> {
        let eot = self.special.eot;
        let mut text = String::new();
        for run in tokens.chunk_by(|a, b| (*a < eot) == (*b < eot)) {
            if run.first().is_some_and(|id| *id < eot) {
                text.push_str(&self.decode(run)?);
            } else {
                text.extend(run.iter().map(|id| self.special_text(*id)));
            }
        }
        Ok(text)
    }

    /// A special token's name; empty for timestamps.
    fn special_text(&self, id: u32) -> String {
        let special = &self.special;
        let names = [
            (special.eot, "endoftext"),
            (special.sot, "startoftranscript"),
            (special.translate, "translate"),
            (special.transcribe, "transcribe"),
            (special.sot_lm, "startoflm"),
            (special.sot_prev, "startofprev"),
            (special.no_speech, "nospeech"),
            (special.no_timestamps, "notimestamps"),
        ];
        let languages = (special.sot + 1..special.translate).zip(languages::codes());
        names
            .into_iter()
            .chain(languages)
            .find(|(known, _)| *known == id)
            .map_or_else(String::new, |(_, name)| format!("<|{name}|>"))
    }

    /// The text of the text tokens; special tokens and timestamps are left out. Incomplete characters become
    /// U+FFFD.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, WhisperError> {
        let text: Vec<u32> = tokens
            .iter()
            .copied()
            .filter(|id| *id < self.special.eot)
            .collect();
        if text.is_empty() {
            return Ok(String::new());
        }
        self.inner
            .decode(&text, false)
            .map_err(|error| WhisperError::unusable("tokenizer.json", error))
    }

    /// Symbols that subtitles use for what is not said, where one token stands for the symbol (for musical
    /// notes: begins it). A hyphen or quote between letters stays allowed, at a word's start it is not.
    fn non_speech_tokens(&self) -> Result<Vec<u32>, WhisperError> {
        const MARKS: &str = "\"#()*+/:;<=>@[\\]^_`{|}~「」『』";
        const GROUPS: [&str; 16] = [
            "<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", "(\"", "((", "))", "(((", ")))", "[[",
            "]]",
        ];
        const BRACES_AND_NOTES: [&str; 4] = ["{{", "}}", "♪♪", "♪♪♪"];
        const NOTES: &str = "♩♪♫♬♭♮♯";

        let mut found = BTreeSet::new();
        for text in [" -", " '"] {
            found.extend(self.encode(text)?.first());
        }
        let marks = MARKS.chars().map(String::from);
        let groups = GROUPS
            .iter()
            .chain(&BRACES_AND_NOTES)
            .map(|group| (*group).to_owned());
        for symbol in marks.chain(groups) {
            for text in [symbol.clone(), format!(" {symbol}")] {
                if let [only] = self.encode(&text)?.as_slice() {
                    found.insert(*only);
                }
            }
        }
        for note in NOTES.chars() {
            for text in [note.to_string(), format!(" {note}")] {
                found.extend(self.encode(&text)?.first());
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Whether every id that is needed lies within the network's vocabulary.
    pub fn fits(&self, vocabulary: usize) -> bool {
        self.special.timestamp_begin + 1500 < token(vocabulary)
    }
}

/// Whether the tokenizer has exactly the text tokens below the end token, and gives the special ones the ids
/// that the configuration does. Answers with what is wrong.
fn check_vocabulary(inner: &Tokenizer, config: &GenerationConfig, vocabulary: usize) -> Result<(), String> {
    let eot = config.eos_token_id;
    let known = inner.get_vocab(true);
    let text = known
        .values()
        .filter(|id| **id < eot)
        .collect::<BTreeSet<_>>()
        .len();
    if text != index(eot) {
        return Err(format!(
            "it has {text} text tokens, eos_token_id of generation_config.json calls for {eot}"
        ));
    }
    let special = [
        ("<|endoftext|>", eot),
        ("<|startoftranscript|>", config.decoder_start_token_id),
        ("<|notimestamps|>", config.no_timestamps_token_id),
    ];
    for (name, id) in special {
        if let Some(found) = known.get(name).filter(|found| **found != id) {
            return Err(format!(
                "{name} is {found}, generation_config.json calls for {id}"
            ));
        }
    }
    match known.iter().find(|(_, id)| index(**id) >= vocabulary) {
        Some((name, id)) => Err(format!(
            "{name} is {id}, which lies beyond the vocab_size {vocabulary} of config.json"
        )),
        None => Ok(()),
    }
}
